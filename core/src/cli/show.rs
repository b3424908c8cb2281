//! `windlass show`.

use std::io::Write;

use super::args::ShowArgs;
use super::exit::{Exit, Failure};
use super::open::{self, printed};
use super::output::Output;
use super::paint::Paint;
use super::report::{fails_the_run, result};
use super::ui::Ui;
use super::{tested, text, timeline};
use crate::engine::{EventStream, RunSummary, TaskSummary};
use crate::run::{Seq, TaskStatus};

pub(super) async fn show(args: ShowArgs, ui: &Ui) -> Result<Exit, Failure> {
    let reader = open::reader(&args.data_dir).await?;
    let run = open::find(&reader, &args.run).await?;
    let mut out = Output::stdout();
    if args.events {
        events(reader.run_events_after(run, Seq::ZERO), args.json, &mut out).await?;
    } else if args.trace {
        out.line(reader.timeline(run).await.map_err(Failure::engine)?.to_chrome_trace().to_string());
    } else if args.timeline {
        let timeline = reader.timeline(run).await.map_err(Failure::engine)?;
        if args.json {
            out.line(serde_json::to_string(&timeline).map_err(Failure::engine)?);
        } else {
            timeline::as_lines(&timeline, ui.paint()).iter().for_each(|line| out.line(line));
        }
    } else {
        let summary = match args.at {
            Some(seq) => reader.at(run, Seq(seq)).await.map_err(|error| Failure::of_request(&error))?,
            None => reader.summary(run).await.map_err(Failure::engine)?,
        };
        if args.json {
            let json = serde_json::to_string(&summary).map_err(Failure::engine)?;
            out.line(json);
        } else {
            as_lines(&summary, ui.paint()).iter().for_each(|line| out.line(line));
        }
    }
    printed(Exit::Succeeded, out.finish())
}

async fn events<W: Write>(mut events: EventStream, json: bool, out: &mut Output<W>) -> Result<(), Failure> {
    while let Some(event) = events.next().await.map_err(Failure::engine)? {
        if json {
            out.line(serde_json::to_string(&event).map_err(Failure::engine)?);
        } else {
            out.line(format!("{:>6}  {}  {}", event.seq, text::moment(event.time), text::one_line(&event.to_string())));
        }
        if !out.is_open() {
            break;
        }
    }
    Ok(())
}

/// The run for a person.
pub(super) fn as_lines(run: &RunSummary, paint: Paint) -> Vec<String> {
    let mut lines = vec![result(run, paint), format!("  id: {}", run.id), format!("  {}", origin(run))];
    if !run.commit.sha.is_empty() {
        let of = [&run.commit.branch, &run.commit.tag].into_iter().find(|name| !name.is_empty());
        let of = of.map(|name| format!(" of {name}")).unwrap_or_default();
        let subject = run.commit.message.lines().next().unwrap_or_default();
        lines.push(text::one_line(&format!("  commit: {}{of}  {subject}", run.commit.short_sha())));
    }
    if let Some(started) = run.started {
        let finished = run.finished.map_or(String::new(), |finished| format!(", finished: {}", text::moment(finished)));
        lines.push(format!("  started: {}{finished}", text::moment(started)));
    }
    // The failed tasks say it themselves.
    if let Some(cause) = run.cause.as_ref().filter(|_| !run.tasks.iter().any(fails_the_run)) {
        lines.extend(text::cause_lines(cause, "  ", paint));
    }
    let mut stage = None;
    for task in &run.tasks {
        let own = task.stage.as_deref().unwrap_or("finally");
        if stage != Some(own) {
            lines.push(String::new());
            lines.push(paint.bold(own));
            stage = Some(own);
        }
        lines.extend(task_lines(task, paint));
    }
    lines
}

fn origin(run: &RunSummary) -> String {
    let actor = if run.actor.is_empty() { String::new() } else { format!(" by {}", text::one_line(&run.actor)) };
    format!("created: {}, {}{actor}, on {}", text::moment(run.created), text::one_line(&run.trigger), run.executor)
}

fn task_lines(task: &TaskSummary, paint: Paint) -> Vec<String> {
    let sign = paint.status(task.status, text::symbol(task.status));
    let details = text::task_details(task);
    let attempts = if task.attempts > 1 { format!(" {} attempts", task.attempts) } else { String::new() };
    let may = if task.allow_failure { ", may fail" } else { "" };
    let words = text::status_words(task.status);
    let head = format!("  {sign} {}  {words} {details}", paint.bold(&task.task));
    let mut lines = vec![format!("{}{attempts}{may}", head.trim_end())];
    if let Some(reason) = &task.waiting {
        lines.push(format!("      waits for: {}", text::one_line(&reason.message)));
    }
    match &task.cause {
        Some(cause) if task.status == TaskStatus::Skipped => {
            lines.push(format!("      because {}", text::one_line(&cause.message)));
        }
        Some(cause) => lines.extend(text::cause_lines(cause, "      ", paint)),
        None => {}
    }
    if let Some(tests) = &task.tests {
        lines.push(format!("      {}", tested::totals(tests)));
        lines.extend(tested::failures(tests, usize::MAX, paint).iter().map(|line| format!("        {line}")));
    }
    lines.extend(task.outputs.iter().map(|(name, value)| format!("      {name} = {value:?}")));
    lines
}
