//! A run with everything in it: a matrix, a retry, a skipped task, a failure, `finally`.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::engine::{Event, EventKind, RunSummary, TaskSummary};
use crate::pipeline::TaskId;
use crate::run::{AttemptState, Cause, RunEnd, RunId, RunStatus, Seq, TaskEnd, TaskStatus, WaitReason};

pub(super) fn run_id() -> RunId {
    RunId::new(Uuid::from_u128(0x0192_f3a4_0000_7000_8000_0000_0000_0001))
}

pub(super) fn start() -> Timestamp {
    "2026-11-21T03:04:05Z".parse().unwrap()
}

pub(super) fn at(millis: i64) -> Timestamp {
    start() + SignedDuration::from_millis(millis)
}

pub(super) fn exit_cause() -> Cause {
    Cause::new("exitCode", "the script ended with exit code 1", "Read the last lines of its log.")
}

fn skip_cause() -> Cause {
    Cause::new("upstreamFailed", "test failed before it", "")
}

pub(super) fn log(task: &str, text: &str) -> EventKind {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    EventKind::Log { task: TaskId::new(task), attempt: 1, offset: 0, bytes }
}

fn started(stage: &str, task: &str) -> EventKind {
    EventKind::TaskStarted { stage: Some(stage.to_owned()), task: TaskId::new(task) }
}

fn attempt(task: &str, attempt: u32) -> EventKind {
    EventKind::AttemptStarted { task: TaskId::new(task), attempt }
}

fn attempt_end(task: &str, attempt: u32, state: AttemptState, exit: i32) -> EventKind {
    let cause = (state != AttemptState::Succeeded).then(exit_cause);
    let (task, outputs) = (TaskId::new(task), BTreeMap::new());
    EventKind::AttemptFinished { task, attempt, state, exit_code: Some(exit), cause, outputs }
}

fn finished(task: &str, state: TaskEnd, exit: Option<i32>, cause: Option<Cause>, duration_ms: u64) -> EventKind {
    EventKind::TaskFinished { task: TaskId::new(task), state, exit_code: exit, cause, duration_ms }
}

/// The events of the run, a tenth of a second apart.
pub(super) fn events() -> Vec<Event> {
    let kinds = vec![
        EventKind::RunQueued { pipeline: "hello".to_owned(), number: 7 },
        EventKind::RunStarted,
        started("Build", "unit[PY=3.11]"),
        attempt("unit[PY=3.11]", 1),
        EventKind::TaskWaiting { task: TaskId::new("lint"), reason: WaitReason::new("slot", "all 2 slots are used") },
        log("unit[PY=3.11]", "collecting\none passed\nhalf a "),
        started("Build", "lint"),
        attempt("lint", 1),
        log("lint", "\x1b[32mfine\x1b[0m\x1b[2J\n"),
        log("unit[PY=3.11]", "line\nno newline at the end"),
        attempt_end("unit[PY=3.11]", 1, AttemptState::Succeeded, 0),
        finished("unit[PY=3.11]", TaskEnd::Succeeded, Some(0), None, 812),
        attempt_end("lint", 1, AttemptState::Failed, 1),
        attempt("lint", 2),
        attempt_end("lint", 2, AttemptState::Succeeded, 0),
        finished("lint", TaskEnd::Succeeded, Some(0), None, 1_312),
        started("Test", "test"),
        attempt("test", 1),
        log("test", "checking\nassertion failed: left == right\n"),
        attempt_end("test", 1, AttemptState::Failed, 1),
        finished("test", TaskEnd::Failed, Some(1), Some(exit_cause()), 2_149),
        finished("deploy", TaskEnd::Skipped, None, Some(skip_cause()), 0),
        EventKind::FinallyStarted,
        EventKind::TaskStarted { stage: None, task: TaskId::new("report") },
        attempt("report", 1),
        attempt_end("report", 1, AttemptState::Succeeded, 0),
        finished("report", TaskEnd::Succeeded, Some(0), None, 40),
        EventKind::RunFinished { state: RunEnd::Failed, duration_ms: 4_321, cause: Some(exit_cause()) },
    ];
    let number = |(at_index, kind)| {
        let seq = Seq(at_index as u64 + 1);
        Event { run: run_id(), seq, time: at(100 * at_index as i64), kind }
    };
    kinds.into_iter().enumerate().map(number).collect()
}

fn task(name: &str, stage: Option<&str>, status: TaskStatus) -> TaskSummary {
    TaskSummary {
        tests: None,
        annotations: Vec::new(),
        artifacts: Vec::new(),
        task: TaskId::new(name),
        stage: stage.map(str::to_owned),
        status,
        allow_failure: false,
        attempts: 0,
        exit_code: None,
        cause: None,
        waiting: None,
        outputs: BTreeMap::new(),
        reused: None,
        started: None,
        duration_ms: None,
    }
}

/// The run before anything happened.
pub(super) fn fresh() -> RunSummary {
    let pending = |name, stage| task(name, stage, TaskStatus::Pending);
    RunSummary {
        id: run_id(),
        pipeline: "hello".to_owned(),
        number: 7,
        pipeline_version: None,
        status: RunStatus::Queued,
        trigger: "manual".to_owned(),
        actor: String::new(),
        commit: Default::default(),
        executor: "local".to_owned(),
        created: start(),
        started: None,
        finished: None,
        duration_ms: None,
        cause: None,
        tasks: vec![
            pending("unit[PY=3.11]", Some("Build")),
            pending("lint", Some("Build")),
            pending("test", Some("Test")),
            pending("deploy", Some("Deploy")),
            pending("report", None),
        ],
    }
}

/// The run at its end.
pub(super) fn ended() -> RunSummary {
    let done = |name, stage, millis| TaskSummary {
        attempts: 1,
        exit_code: Some(0),
        started: Some(start()),
        duration_ms: Some(millis),
        ..task(name, stage, TaskStatus::Succeeded)
    };
    let unit = TaskSummary {
        outputs: BTreeMap::from([("VERSION".to_owned(), "1.2\n3".to_owned())]),
        ..done("unit[PY=3.11]", Some("Build"), 812)
    };
    let lint = TaskSummary { attempts: 2, ..done("lint", Some("Build"), 1_312) };
    let failed = TaskSummary {
        status: TaskStatus::Failed,
        exit_code: Some(1),
        cause: Some(exit_cause()),
        ..done("test", Some("Test"), 2_149)
    };
    let skipped = TaskSummary { cause: Some(skip_cause()), ..task("deploy", Some("Deploy"), TaskStatus::Skipped) };
    RunSummary {
        status: RunStatus::Failed,
        started: Some(start()),
        finished: Some(at(4_321)),
        duration_ms: Some(4_321),
        cause: Some(exit_cause()),
        tasks: vec![unit, lint, failed, skipped, done("report", None, 40)],
        ..fresh()
    }
}
