//! The end of a run for the person who waits for it: what failed, why, what to do, and where to look.

use super::lines::Tails;
use super::paint::Paint;
use super::{sanitize, tested, text};
use crate::engine::{RunSummary, TaskSummary};
use crate::run::TaskStatus;

/// More failed tasks than this are only counted.
const MAX_FAILURES: usize = 10;
/// More failed tests of a task than this are only counted.
const MAX_TESTS: usize = 10;
/// A line of a log is cut after so many characters.
const MAX_CHARS: usize = 400;

/// How reports are written.
#[derive(Clone, Debug)]
pub(super) struct ReportStyle {
    pub(super) paint: Paint,
    /// What stands behind the commands that it recommends, such as ` --data-dir other`.
    pub(super) options: String,
}

/// The failed tasks, then the result in one line, and where to see more.
pub(super) fn report(summary: &RunSummary, tails: &Tails, style: &ReportStyle) -> Vec<String> {
    let mut lines = Vec::new();
    let failed: Vec<&TaskSummary> = summary.tasks.iter().filter(|task| fails_the_run(task)).collect();
    if !summary.succeeded() {
        for task in failed.iter().take(MAX_FAILURES) {
            lines.push(String::new());
            lines.extend(failure(summary, task, tails, style.paint));
        }
        if failed.len() > MAX_FAILURES {
            lines.push(format!("… and {} more", text::count(failed.len() - MAX_FAILURES, "failed task")));
        }
        lines.push(String::new());
    }
    lines.push(result(summary, style.paint));
    if !summary.succeeded() {
        // The run's own cause says more than its tasks only when none of them failed.
        if let (Some(cause), true) = (&summary.cause, failed.is_empty()) {
            lines.extend(text::cause_lines(cause, "  ", style.paint));
        }
        lines.push(see_more(summary, failed.first().copied(), style));
    }
    lines
}

/// Whether the task is a reason why its run did not succeed.
pub(super) fn fails_the_run(task: &TaskSummary) -> bool {
    is_failure(task.status) && !task.allow_failure
}

fn is_failure(status: TaskStatus) -> bool {
    matches!(status, TaskStatus::Failed | TaskStatus::TimedOut | TaskStatus::Lost)
}

fn failure(summary: &RunSummary, task: &TaskSummary, tails: &Tails, paint: Paint) -> Vec<String> {
    let sign = paint.status(task.status, text::symbol(task.status));
    let details = text::task_details(task);
    let words = text::status_words(task.status);
    let mut lines = vec![format!("{sign} {}: {words} {details}", paint.bold(&task.task)).trim_end().to_owned()];
    let tail = tails.lines(&(summary.id, task.task.clone()));
    if !tail.is_empty() {
        lines.push("  last lines:".to_owned());
        lines.extend(tail.into_iter().map(|line| format!("    {}", shortened(line, paint))));
    }
    if let Some(cause) = &task.cause {
        lines.extend(text::cause_lines(cause, "  ", paint));
    }
    if let Some(tests) = task.tests.as_ref().filter(|tests| !tests.is_green()) {
        lines.push("  failed tests:".to_owned());
        lines.extend(tested::failures(tests, MAX_TESTS, paint).iter().map(|line| format!("    {line}")));
    }
    lines
}

fn shortened(line: &[u8], paint: Paint) -> String {
    // Generous in bytes, so that colours do not count much; exact in characters.
    let line = sanitize::line(line, paint.is_on() && line.len() <= MAX_CHARS);
    match line.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.into_owned(),
    }
}

/// `✗ hello#1 failed in 2.3s: 3 succeeded, 1 failed, 2 skipped`.
pub(super) fn result(summary: &RunSummary, paint: Paint) -> String {
    let status = text::as_task(summary.status);
    let words = text::run_words(summary.status);
    let time = summary.duration_ms.map_or(String::new(), |millis| format!(" in {}", text::duration(millis)));
    let name = paint.bold(format_args!("{}#{}", summary.pipeline, summary.number));
    let counts = counts(summary);
    let colon = if counts.is_empty() { "" } else { ": " };
    format!(
        "{} {name} {}{time}{colon}{counts}",
        paint.status(status, text::symbol(status)),
        paint.status(status, words)
    )
}

fn counts(summary: &RunSummary) -> String {
    const ORDER: [TaskStatus; 9] = [
        TaskStatus::Succeeded,
        TaskStatus::Failed,
        TaskStatus::TimedOut,
        TaskStatus::Lost,
        TaskStatus::Cancelled,
        TaskStatus::Skipped,
        TaskStatus::Running,
        TaskStatus::Waiting,
        TaskStatus::Pending,
    ];
    let number = |status, allowed| {
        let is_one =
            |task: &&TaskSummary| task.status == status && (is_failure(status) && task.allow_failure) == allowed;
        summary.tasks.iter().filter(is_one).count()
    };
    let words = ORDER.into_iter().flat_map(|status| {
        let word = text::status_words(status);
        [(number(status, false), word.to_owned()), (number(status, true), format!("{word} and may"))]
    });
    let parts = words.filter(|(number, _)| *number > 0).map(|(number, words)| format!("{number} {words}"));
    parts.collect::<Vec<_>>().join(", ")
}

fn see_more(summary: &RunSummary, task: Option<&TaskSummary>, style: &ReportStyle) -> String {
    let (id, options) = (summary.id, &style.options);
    let logs = task
        .filter(|task| task.attempts > 0)
        .map_or(String::new(), |task| format!(" · windlass logs {id} {}{options}", quoted(task.task.as_str())));
    format!("  see more: windlass show {id}{options}{logs}")
}

/// As a shell reads it.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
