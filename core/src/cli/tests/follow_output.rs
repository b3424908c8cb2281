//! What `windlass run` prints, plain and as JSON.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::fixtures::{ended, events, exit_cause, fresh};
use crate::cli::args::ColorWhen;
use crate::cli::lines::Tails;
use crate::cli::output::Output;
use crate::cli::paint::Paint;
use crate::cli::report::{ReportStyle, quoted, report};
use crate::cli::reporter::{JsonReporter, PlainReporter, Reporter};
use crate::engine::RunSummary;
use crate::pipeline::TaskId;
use crate::run::{Cause, RunStatus, TaskStatus};

/// Keeps what is written, and how often it was handed over.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<(Vec<u8>, usize)>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
    }

    fn writes(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut inner = self.0.lock().unwrap();
        inner.0.extend_from_slice(bytes);
        inner.1 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn style(paint: Paint) -> ReportStyle {
    ReportStyle { paint, options: String::new() }
}

fn colors() -> Paint {
    Paint::choose(ColorWhen::Always, false, false, None)
}

fn follow(mut reporter: Box<dyn Reporter>, several: bool) {
    reporter.begin(&fresh(), several);
    events().iter().for_each(|event| reporter.event(event));
    reporter.end(&ended());
    reporter.finish().unwrap();
}

fn plain(paint: Paint, several: bool) -> String {
    let sink = Sink::default();
    follow(Box::new(PlainReporter::new(Output::new(sink.clone()), style(paint))), several);
    sink.text()
}

fn report_of(run: &RunSummary) -> String {
    report(run, &Tails::default(), &style(Paint::off())).join("\n")
}

#[test]
fn plain_lines_tell_the_whole_run() {
    insta::assert_snapshot!(plain(Paint::off(), false));
}

#[test]
fn lines_of_several_runs_say_whose_they_are() {
    let text = plain(Paint::off(), true);
    assert!(text.contains("\nhello#7 lint | fine\n"), "{text}");
    assert!(text.contains("\nhello#7 ✓ lint: succeeded (1.3s)\n"), "{text}");
}

#[test]
fn colours_of_steps_are_kept_where_colours_are_wanted() {
    assert!(plain(colors(), false).contains("\u{1b}[32mfine\u{1b}[0m\n"));
    assert!(!plain(Paint::off(), false).contains('\u{1b}'));
}

#[test]
fn json_is_one_event_a_line_and_nothing_else() {
    let sink = Sink::default();
    follow(Box::new(JsonReporter::new(Output::new(sink.clone()))), false);
    insta::assert_snapshot!(sink.text());
}

#[test]
fn a_burst_of_events_is_handed_over_at_once() {
    let sink = Sink::default();
    let mut reporter = JsonReporter::new(Output::new(sink.clone()));
    events().iter().for_each(|event| reporter.event(event));
    assert_eq!(sink.writes(), 0);
    reporter.flush();
    assert_eq!(sink.writes(), 1);
}

#[test]
fn a_run_that_succeeded_has_a_short_end() {
    let mut run = ended();
    run.status = RunStatus::Succeeded;
    run.cause = None;
    run.tasks[2].allow_failure = true;
    assert_eq!(report_of(&run), "✓ hello#7 succeeded in 4.3s: 3 succeeded, 1 failed and may, 1 skipped");
}

#[test]
fn a_run_without_failed_tasks_says_its_own_cause() {
    let mut run = ended();
    run.status = RunStatus::TimedOut;
    run.cause = Some(Cause::new("timeout", "the pipeline took longer than 1h", "Raise `timeout`, or split it."));
    run.tasks.iter_mut().for_each(|task| task.status = TaskStatus::Cancelled);
    insta::assert_snapshot!(report_of(&run));
}

#[test]
fn many_failures_are_counted_and_not_listed() {
    let mut run = ended();
    let failed = run.tasks[2].clone();
    let name = |number| TaskId::new(format!("task {number}"));
    run.tasks = (0..13).map(|number| crate::engine::TaskSummary { task: name(number), ..failed.clone() }).collect();
    let text = report_of(&run);
    assert_eq!(text.matches(&exit_cause().message).count(), 10);
    assert!(text.contains("… and 3 failed tasks more"), "{text}");
    assert!(text.ends_with("windlass logs 0192f3a4-0000-7000-8000-000000000001 'task 0'"), "{text}");
}

#[test]
fn names_are_quoted_for_the_shell() {
    assert_eq!(quoted("unit"), "unit");
    assert_eq!(quoted("unit[PY=3.11]"), "'unit[PY=3.11]'");
    assert_eq!(quoted("it's"), "'it'\\''s'");
    assert_eq!(quoted(""), "''");
}
