//! Words, times and symbols as people read them.

use std::borrow::Cow;

use jiff::Timestamp;

use super::paint::Paint;
use super::sanitize;
use crate::engine::TaskSummary;
use crate::run::{Cause, RunStatus, TaskStatus};

/// A duration with as much detail as a person wants: `12ms`, `2.1s`, `42s`, `3m 05s`, `2h 05m`, `3d 04h`.
pub(super) fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match millis {
        0..100 => format!("{millis}ms"),
        100..9_950 => {
            let tenths = (millis + 50) / 100;
            format!("{}.{}s", tenths / 10, tenths % 10)
        }
        9_950..60_000 => format!("{}s", ((millis + 500) / 1000).min(59)),
        60_000..3_600_000 => format!("{minutes}m {:02}s", seconds % 60),
        3_600_000..86_400_000 => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

/// A moment in UTC, to the second: `2026-11-21 03:04:05Z`.
pub(super) fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `1 task`, `2 tasks`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A state as it is spoken of.
pub(super) fn status_words(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::TimedOut => "timed out",
        other => other.as_str(),
    }
}

/// A state as it is spoken of.
pub(super) fn run_words(status: RunStatus) -> &'static str {
    match status {
        RunStatus::TimedOut => "timed out",
        other => other.as_str(),
    }
}

/// One sign for each state of a task.
pub(super) fn symbol(status: TaskStatus) -> char {
    match status {
        TaskStatus::Pending => '·',
        TaskStatus::Waiting => '…',
        TaskStatus::Running => '▶',
        TaskStatus::Succeeded => '✓',
        TaskStatus::Failed => '✗',
        TaskStatus::Skipped => '-',
        TaskStatus::Cancelled => '■',
        TaskStatus::TimedOut => '⏱',
        TaskStatus::Lost => '?',
    }
}

/// The state of a run in the terms of its tasks, for its sign and its colour.
pub(super) fn as_task(status: RunStatus) -> TaskStatus {
    match status {
        RunStatus::Queued => TaskStatus::Waiting,
        RunStatus::Running => TaskStatus::Running,
        RunStatus::Succeeded => TaskStatus::Succeeded,
        RunStatus::Failed => TaskStatus::Failed,
        RunStatus::Cancelled => TaskStatus::Cancelled,
        RunStatus::TimedOut => TaskStatus::TimedOut,
    }
}

/// What is known of an end, in brackets: `(exit 1, 2.1s)`; nothing when nothing is known.
pub(super) fn end_details(exit_code: Option<i32>, millis: Option<u64>) -> String {
    let exit = exit_code.filter(|code| *code != 0).map(|code| format!("exit {code}"));
    let parts: Vec<String> = exit.into_iter().chain(millis.map(duration)).collect();
    if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) }
}

/// The same of a task; one that never started took no time.
pub(super) fn task_details(task: &TaskSummary) -> String {
    end_details(task.exit_code, task.duration_ms.filter(|_| task.started.is_some()))
}

/// A message that may quote what a step printed, in one line, without anything that drives the terminal.
pub(super) fn one_line(message: &str) -> String {
    message.trim_end().lines().map(safe).collect::<Vec<_>>().join(" ")
}

fn safe(line: &str) -> Cow<'_, str> {
    sanitize::line(line.as_bytes(), false)
}

/// A cause and its advice, each on a line of its own with this indentation.
pub(super) fn cause_lines(cause: &Cause, indent: &str, paint: Paint) -> Vec<String> {
    let under = |label: &str, text: &str| {
        let hanging = format!("\n{indent}{}", " ".repeat(label.len()));
        text.trim_end().lines().map(safe).collect::<Vec<_>>().join(&hanging)
    };
    let (cause_label, advice_label) = ("cause: ", "what to do: ");
    let mut lines = vec![format!("{indent}{}{}", paint.bad(cause_label), under(cause_label, &cause.message))];
    if !cause.advice.is_empty() {
        lines.push(format!("{indent}{}{}", paint.advice(advice_label), under(advice_label, &cause.advice)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_detail_that_matters() {
        let cases = [
            (0, "0ms"),
            (99, "99ms"),
            (100, "0.1s"),
            (2_149, "2.1s"),
            (9_949, "9.9s"),
            (9_950, "10s"),
            (59_999, "59s"),
            (60_000, "1m 00s"),
            (185_000, "3m 05s"),
            (7_500_000, "2h 05m"),
            (273_600_000, "3d 04h"),
        ];
        for (millis, text) in cases {
            assert_eq!(duration(millis), text, "{millis} ms");
        }
    }

    #[test]
    fn moments_are_in_utc() {
        let time: Timestamp = "2026-11-21T03:04:05.678+01:00".parse().unwrap();
        assert_eq!(moment(time), "2026-11-21 02:04:05Z");
    }

    #[test]
    fn ends_say_what_is_known() {
        assert_eq!(end_details(Some(1), Some(2100)), "(exit 1, 2.1s)");
        assert_eq!(end_details(Some(0), Some(2100)), "(2.1s)");
        assert_eq!(end_details(None, None), "");
    }

    #[test]
    fn advice_of_several_lines_hangs_under_its_label() {
        let cause = Cause::new("x", "one\ntwo", "do this");
        let lines = cause_lines(&cause, "  ", Paint::off());
        assert_eq!(lines, ["  cause: one\n         two", "  what to do: do this"]);
    }
}
