//! `windlass runs`.

use serde_json::{Value, json};

use super::args::RunsArgs;
use super::exit::{Exit, Failure};
use super::open::{self, printed};
use super::output::Output;
use super::paint::Paint;
use super::text;
use super::ui::Ui;
use crate::clock::{Clock, SystemClock};
use crate::run::Now;
use crate::store::{RunFilter, RunListing};

pub(super) async fn runs(args: RunsArgs, ui: &Ui) -> Result<Exit, Failure> {
    let reader = open::reader(&args.data_dir).await?;
    let (since, until) = args.span(SystemClock::resume(None).now().wall);
    let before = match &args.before {
        Some(run) => Some(open::find(&reader, run).await?),
        None => None,
    };
    let filter = RunFilter {
        pipeline: args.pipeline.clone(),
        status: args.status.iter().map(|status| (*status).into()).collect(),
        trigger: args.trigger.clone(),
        actor: args.by.clone(),
        since,
        until,
        before,
        limit: args.limit as usize,
    };
    let runs = reader.runs(&filter).await.map_err(Failure::engine)?;
    let mut out = Output::stdout();
    if args.json {
        runs.iter().for_each(|run| out.line(as_json(run).to_string()));
    } else if runs.is_empty() {
        ui.note("there are no such runs");
    } else {
        as_table(&runs, ui.paint()).iter().for_each(|line| out.line(line));
    }
    if let Some(last) = runs.last().filter(|_| runs.len() == filter.limit) {
        out.flush();
        ui.note(format!("there may be more: add --before {} to see older ones", last.id));
    }
    printed(Exit::Succeeded, out.finish())
}

const HEAD: [&str; 6] = ["RUN", "STATE", "TRIGGER", "STARTED", "TIME", "ID"];

/// The runs for a person. The widths fit the longest words.
pub(super) fn as_table(runs: &[RunListing], paint: Paint) -> Vec<String> {
    let rows: Vec<[String; 6]> = runs.iter().map(row).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut lines = vec![paint.dim(aligned(&HEAD.map(str::to_owned), &widths, |_, cell| cell))];
    for (row, run) in rows.iter().zip(runs) {
        let status = text::as_task(run.digest.status);
        lines.push(aligned(row, &widths, |column, cell| if column == 1 { paint.status(status, cell) } else { cell }));
    }
    lines
}

fn aligned(row: &[String; 6], widths: &[usize; 6], paint: impl Fn(usize, String) -> String) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
        let padding = " ".repeat(width - cell.chars().count());
        paint(column, format!("{cell}{padding}"))
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn row(run: &RunListing) -> [String; 6] {
    [
        format!("{}#{}", run.pipeline, run.number),
        text::run_words(run.digest.status).to_owned(),
        text::one_line(&run.trigger),
        run.digest.started.map_or_else(String::new, |started| text::moment(started.wall)),
        millis(run).map_or_else(String::new, text::duration),
        run.id.to_string(),
    ]
}

fn millis(run: &RunListing) -> Option<u64> {
    let (started, finished) = (run.digest.started?, run.digest.finished?);
    u64::try_from(finished.elapsed.since(started.elapsed).as_millis()).ok()
}

fn as_json(run: &RunListing) -> Value {
    let time = |now: Now| format!("{:.3}", now.wall);
    json!({
        "id": run.id,
        "pipeline": run.pipeline,
        "number": run.number,
        "status": run.digest.status,
        "trigger": run.trigger,
        "actor": run.actor,
        "rerunOf": run.rerun_of,
        "created": time(run.created),
        "started": run.digest.started.map(time),
        "finished": run.digest.finished.map(time),
        "durationMs": millis(run),
    })
}
