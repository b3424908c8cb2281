//! `windlass logs --grep`: the lines that match, in the logs of a run.

use super::args::LogsArgs;
use super::exit::Failure;
use super::output::Output;
use super::paint::Paint;
use super::sanitize;
use super::ui::Ui;
use crate::engine::{LogMatch, LogQuery, Reader};
use crate::log::{Query, QueryOptions};
use crate::run::RunId;

/// So many matches are looked up at once.
const PAGE: usize = 1000;

/// Prints the matches in these tasks' logs; in all of them when none is named.
pub(super) async fn grep(
    reader: &Reader,
    run: RunId,
    args: &LogsArgs,
    tasks: &[String],
    out: &mut Output,
    ui: &Ui,
) -> Result<(), Failure> {
    let options = QueryOptions { regex: args.regex, ignore_case: args.ignore_case };
    let query = Query::new(args.grep.as_deref().unwrap_or_default(), options).map_err(Failure::input)?;
    let mut found = false;
    for query in queries(&query, tasks) {
        let mut next = query.clone();
        while out.is_open() {
            let page = reader.search_run(run, &next).await.map_err(Failure::engine)?;
            for hit in &page {
                out.line(if args.json {
                    serde_json::to_string(hit).map_err(Failure::engine)?
                } else {
                    line(hit, ui.paint())
                });
            }
            out.flush();
            found |= !page.is_empty();
            match page.last() {
                Some(last) if page.len() == PAGE => next = query.clone().after(last.cursor()),
                _ => break,
            }
        }
    }
    if !found {
        ui.note("nothing is found");
    }
    Ok(())
}

fn queries(query: &Query, tasks: &[String]) -> Vec<LogQuery> {
    let all = LogQuery::new(query.clone()).limit(PAGE);
    if tasks.is_empty() {
        return vec![all];
    }
    tasks.iter().map(|task| all.clone().task(task)).collect()
}

/// `task:12:the line`, with the match painted.
fn line(hit: &LogMatch, paint: Paint) -> String {
    let attempt = if hit.attempt > 1 { format!("#{}", hit.attempt) } else { String::new() };
    let (excerpt, range) = (&hit.found.excerpt, hit.found.range.clone());
    let safe = |text: &str| sanitize::line(text.as_bytes(), false).into_owned();
    let (before, after) = (safe(&excerpt[..range.start]), safe(&excerpt[range.end..]));
    let place = paint.dim(format_args!("{}{attempt}:{}:", hit.task, hit.found.line));
    format!("{place}{before}{}{after}", paint.bad(safe(&excerpt[range])))
}
