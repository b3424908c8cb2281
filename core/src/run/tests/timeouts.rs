//! Deadlines.

use super::driver::{Driver, succeeded};
use super::kit::plan;
use crate::run::{AttemptEnd, Input, TaskStatus, WaitReason};

#[test]
fn an_attempt_that_takes_too_long_is_stopped() {
    let mut run = Driver::started(plan().sequential("Build").task("a").timeout(500));
    run.pass(1000);
    run.grant("a");
    assert_eq!(run.deadline(), Some(1500));
    assert_eq!(run.pass(499), Vec::<String>::new());
    assert_eq!(run.pass(1), ["attemptStopping a#1 timedOut timeout"]);
    assert_eq!(run.effects(), ["run a#1 in 1", "stop a#1"]);
    assert_eq!(run.pass(10_000), Vec::<String>::new(), "its end is waited for");
    let events = run.end("a", AttemptEnd::Stopped { exit_code: Some(143) });
    assert_eq!(
        events,
        ["attemptFinished a#1 timedOut timeout", "taskFinished a timedOut timeout", "runFinished failed timeout"]
    );
}

#[test]
fn a_success_after_the_timeout_is_a_timeout() {
    let mut run = Driver::started(plan().sequential("Build").task("a").timeout(500));
    run.grant("a");
    run.pass(500);
    assert_eq!(run.end("a", succeeded())[0], "attemptFinished a#1 timedOut timeout");
}

#[test]
fn the_timeout_of_the_pipeline_ends_the_run() {
    let kit = plan().parallel("Build").task("a").task("b").sequential("Test").task("c").pipeline_timeout(1000);
    let mut run = Driver::started(kit.finally().task("report"));
    run.grant("a");
    assert_eq!(
        run.pass(1000),
        [
            "runTimedOut",
            "attemptStopping a#1 timedOut pipelineTimeout",
            "taskFinished b skipped pipelineTimeout",
            "taskFinished c skipped pipelineTimeout",
        ]
    );
    let events = run.end("a", AttemptEnd::Stopped { exit_code: None });
    assert_eq!(events[1..], ["taskFinished a timedOut pipelineTimeout", "finallyStarted"]);
    assert_eq!(run.state.windlass_status(), "timedOut");
    run.pass(100_000);
    assert!(run.status("report") != TaskStatus::Succeeded);
}

#[test]
fn the_clock_of_the_pipeline_goes_only_while_a_task_runs() {
    let kit = plan().sequential("Build").task("a").approve("sign-off").task("b").pipeline_timeout(1000);
    let mut run = Driver::started(kit);
    run.pass(5000);
    run.grant("a");
    assert_eq!(run.deadline(), Some(6000));
    run.pass(400);
    run.ok("a");
    assert_eq!(run.deadline(), None, "nothing runs while a person is asked");
    run.pass(100_000);
    run.decide("sign-off", crate::run::Decision::Approved);
    run.pass(1);
    run.grant("b");
    assert_eq!(run.deadline(), Some(105_401 + 600));
}

#[test]
fn a_step_that_waits_does_not_run() {
    let mut run = Driver::started(plan().sequential("Build").task("a").pipeline_timeout(1000));
    run.grant("a");
    let a = run.index("a");
    run.pass(200);
    let reason = WaitReason::new("pullingImage", "the image is being pulled");
    assert_eq!(
        run.send(Input::StepWaiting { task: a, attempt: 1, reason: reason.clone() }),
        ["taskWaiting a pullingImage"]
    );
    assert_eq!(run.send(Input::StepWaiting { task: a, attempt: 1, reason }), Vec::<String>::new());
    assert_eq!((run.status("a"), run.deadline()), (TaskStatus::Waiting, None));
    run.pass(10_000);
    assert_eq!(run.send(Input::StepRunning { task: a, attempt: 1 }), ["taskRunning a#1"]);
    assert_eq!((run.status("a"), run.deadline()), (TaskStatus::Running, Some(11_000)));
    assert_eq!(run.send(Input::StepRunning { task: a, attempt: 1 }), Vec::<String>::new());
}

#[test]
fn two_tasks_at_once_count_once() {
    let mut run = Driver::started(plan().parallel("Build").task("a").task("b").pipeline_timeout(1000));
    run.grant("a");
    run.pass(300);
    run.grant("b");
    run.pass(300);
    run.ok("a");
    assert_eq!(run.deadline(), Some(1000));
}

#[test]
fn the_task_timeout_goes_before_that_of_the_pipeline() {
    let mut run = Driver::started(plan().sequential("Build").task("a").timeout(1000).pipeline_timeout(1000));
    run.grant("a");
    let events = run.pass(1000);
    assert_eq!(events, ["attemptStopping a#1 timedOut timeout", "runTimedOut"]);
}
