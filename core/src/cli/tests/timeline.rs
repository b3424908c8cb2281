//! `show --timeline`.

use super::fixtures::at;
use crate::cli::paint::Paint;
use crate::cli::timeline::as_lines;
use crate::pipeline::TaskId;
use crate::run::timeline::{AttemptSpan, Span, TaskTimeline, Timeline, Wait};
use crate::run::{AttemptState, WaitReason};

fn span(offset_ms: u64, duration_ms: Option<u64>) -> Span {
    Span { start: at(offset_ms as i64), offset_ms, duration_ms }
}

fn attempt(attempt: u32, offset_ms: u64, duration_ms: Option<u64>) -> AttemptSpan {
    AttemptSpan { attempt, span: span(offset_ms, duration_ms), state: duration_ms.map(|_| AttemptState::Failed) }
}

fn task(name: &str, stage: Option<&str>, waits: Vec<Wait>, attempts: Vec<AttemptSpan>) -> TaskTimeline {
    let stage = stage.map(str::to_owned);
    TaskTimeline { task: TaskId::new(name), stage, waits, attempts, finished: None, state: None, reused: None }
}

#[test]
fn each_task_has_a_bar_of_waits_and_work() {
    let wait = Wait { span: span(0, Some(5000)), reason: WaitReason::new("slot", "no slot is free"), attempt: None };
    let tasks = vec![
        task("unit", Some("Test"), Vec::new(), vec![attempt(1, 0, Some(2500)), attempt(2, 5000, Some(2500))]),
        task("größe", Some("Test"), vec![wait], vec![attempt(1, 5000, Some(1))]),
        task("tidy", None, Vec::new(), vec![attempt(1, 7500, None)]),
        task("never", None, Vec::new(), Vec::new()),
    ];
    let timeline = Timeline {
        run: None,
        pipeline: "hello".to_owned(),
        number: 7,
        queued: Some(at(0)),
        started: Some(at(0)),
        finished: None,
        state: None,
        queued_ms: Some(12),
        duration_ms: None,
        length_ms: 10_000,
        tasks,
    };
    insta::assert_snapshot!(as_lines(&timeline, Paint::off()).join("\n"));
}
