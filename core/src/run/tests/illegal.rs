//! Events that do not fit.

use super::driver::{Driver, at, fresh, queued_event, reused};
use super::kit::plan;
use crate::pipeline::{CommitInfo, StageName, TaskId};
use crate::run::{AttemptState, Cause, Decision, IllegalReason, Input, RunEnd, RunEvent, TaskEnd, WaitReason};

/// One of each kind, about the first attempt at the task `a`.
fn every_event() -> Vec<RunEvent> {
    let task = TaskId::new("a");
    let cause = Cause::new("code", "message", "advice");
    vec![
        queued_event(),
        reused("a", TaskEnd::Succeeded),
        RunEvent::CommitFound { task: task.clone(), commit: CommitInfo::default() },
        RunEvent::RunStarted,
        RunEvent::WorkspaceReady { generation: 1 },
        RunEvent::WorkspaceLost { generation: 1, cause: cause.clone() },
        RunEvent::TaskWaiting { task: task.clone(), reason: WaitReason::new("slot", "none is free") },
        RunEvent::TaskRunning { task: task.clone(), attempt: 1 },
        RunEvent::TaskStarted { stage: Some(StageName::new("Build").unwrap()), task: task.clone() },
        RunEvent::AttemptStarted { task: task.clone(), attempt: 1, generation: 1 },
        RunEvent::LogAppended { task: task.clone(), attempt: 1, from: 0, to: 1, source: 1 },
        RunEvent::LogTruncated { task: task.clone(), attempt: 1, limit: 1 },
        RunEvent::AttemptStopping {
            task: task.clone(),
            attempt: 1,
            state: AttemptState::Cancelled,
            cause: cause.clone(),
        },
        RunEvent::AttemptFinished {
            task: task.clone(),
            attempt: 1,
            state: AttemptState::Succeeded,
            exit_code: Some(0),
            cause: None,
            infrastructure: false,
            outputs: Default::default(),
        },
        RunEvent::ApprovalRequested { task: task.clone(), message: String::new(), approvers: Vec::new() },
        RunEvent::ApprovalDecided {
            task: task.clone(),
            decision: Decision::Approved,
            by: String::new(),
            reason: String::new(),
        },
        RunEvent::CancelRequested { by: String::new(), reason: String::new() },
        RunEvent::RunTimedOut,
        RunEvent::FinallyStarted,
        RunEvent::FinallyTimedOut,
        RunEvent::EngineRecovered,
        RunEvent::TaskFinished { task, state: TaskEnd::Succeeded, exit_code: None, cause: None, duration_ms: 0 },
        RunEvent::RunFinished { state: RunEnd::Succeeded, duration_ms: 0, cause: None },
        RunEvent::RunReleased,
    ]
}

/// The kinds of events that a run accepts; the others must leave it as it was.
fn accepted(run: &Driver) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for event in every_event() {
        let mut state = run.state.clone();
        match state.apply(at(1), &event) {
            Ok(()) => kinds.push(event.kind()),
            Err(error) => {
                assert_eq!((error.event, error.run), (event.kind(), run.state.run()));
                assert!(state == run.state, "{error} changed the state");
            }
        }
    }
    kinds
}

fn kit() -> super::kit::Kit {
    plan().sequential("Build").task("a")
}

#[test]
fn a_fresh_run_accepts_only_its_first_event() {
    for event in every_event() {
        assert_eq!(fresh(kit().build()).apply(at(0), &event).is_ok(), event.kind() == "runQueued", "{}", event.kind());
    }
}

#[test]
fn a_queued_run_can_take_over_tasks_start_or_be_cancelled() {
    assert_eq!(accepted(&Driver::queued(kit())), ["taskReused", "runStarted", "cancelRequested", "engineRecovered"]);
}

#[test]
fn a_cancelled_queued_run_is_finished() {
    let mut run = Driver::queued(kit());
    run.state.apply(at(0), &RunEvent::CancelRequested { by: String::new(), reason: String::new() }).unwrap();
    assert_eq!(accepted(&run), ["cancelRequested", "engineRecovered"]);
}

#[test]
fn a_run_without_its_workspace_starts_no_attempt() {
    let mut run = Driver::queued(kit());
    run.send(Input::Admitted);
    let expected = [
        "workspaceReady",
        "workspaceLost",
        "taskWaiting",
        "taskStarted",
        "cancelRequested",
        "runTimedOut",
        "engineRecovered",
    ];
    assert_eq!(accepted(&run), expected);
}

#[test]
fn a_running_attempt_can_log_say_its_commit_and_end() {
    let mut run = Driver::started(kit());
    run.grant("a");
    let expected = [
        "commitFound",
        "workspaceLost",
        "taskWaiting",
        "taskRunning",
        "logAppended",
        "logTruncated",
        "attemptStopping",
        "attemptFinished",
        "cancelRequested",
        "runTimedOut",
        "engineRecovered",
    ];
    assert_eq!(accepted(&run), expected);
}

#[test]
fn a_waiting_approval_can_be_decided() {
    let run = Driver::started(plan().sequential("Build").approve("a"));
    let expected =
        ["workspaceLost", "taskWaiting", "approvalDecided", "cancelRequested", "runTimedOut", "engineRecovered"];
    assert_eq!(accepted(&run), expected);
}

#[test]
fn a_finished_run_accepts_only_its_release_and_a_released_one_nothing() {
    let mut run = Driver::started(kit());
    run.run("a");
    assert_eq!(accepted(&run), ["engineRecovered", "runReleased"]);
    run.send(Input::Released);
    assert_eq!(accepted(&run), Vec::<&str>::new());
}

#[test]
fn an_error_says_what_does_not_fit() {
    let mut run = Driver::started(kit());
    let unknown = RunEvent::TaskRunning { task: TaskId::new("nobody"), attempt: 1 };
    let error = run.state.apply(at(1), &unknown).unwrap_err();
    assert_eq!(error.reason, IllegalReason::UnknownTask { task: TaskId::new("nobody") });
    run.grant("a");
    let event = RunEvent::TaskRunning { task: TaskId::new("a"), attempt: 2 };
    let error = run.state.apply(at(1), &event).unwrap_err();
    assert_eq!(error.reason, IllegalReason::Attempt { task: TaskId::new("a"), expected: 1, given: 2 });
    assert!(error.to_string().ends_with("the task a is at attempt 1, and the event is about attempt 2"), "{error}");
    let event = RunEvent::LogAppended { task: TaskId::new("a"), attempt: 1, from: 7, to: 9, source: 9 };
    let error = run.state.apply(at(1), &event).unwrap_err();
    assert_eq!(error.reason, IllegalReason::Log { task: TaskId::new("a"), expected: 0, given: 7 });
    let event = RunEvent::WorkspaceLost { generation: 4, cause: Cause::new("a", "b", "c") };
    let error = run.state.apply(at(1), &event).unwrap_err();
    assert_eq!(error.reason, IllegalReason::Generation { expected: 1, given: 4 });
    let event = RunEvent::FinallyStarted;
    assert_eq!(run.state.apply(at(1), &event).unwrap_err().reason, IllegalReason::OpenTasks { open: 1 });
}
