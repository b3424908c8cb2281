//! Another attempt.

use super::driver::{Driver, failed, infrastructure, lost};
use super::kit::plan;
use crate::pipeline::RetryOn;
use crate::run::{AttemptEnd, TaskStatus};

fn kit(on: &[RetryOn], backoff: u64) -> super::kit::Kit {
    plan().sequential("Build").task("a").retry(3, on, backoff)
}

#[test]
fn a_retry_without_a_pause_wants_its_slot_at_once() {
    let mut run = Driver::started(kit(&[RetryOn::Failure], 0));
    run.grant("a");
    assert_eq!(run.fail("a"), ["attemptFinished a#1 failed exitCode", "taskWaiting a slot"]);
    assert_eq!(run.wanted(), ["a"]);
    assert_eq!(run.grant("a"), ["attemptStarted a#2"], "the task's start is told once");
    assert_eq!(run.ok("a").last().unwrap(), "runFinished succeeded");
    assert_eq!(run.state.task(run.index("a")).attempts(), 2);
}

#[test]
fn a_pause_doubles_and_ends_by_itself() {
    let mut run = Driver::started(kit(&[RetryOn::Failure], 100));
    run.grant("a");
    assert_eq!(run.fail("a").last().unwrap(), "taskWaiting a backoff");
    assert_eq!((run.status("a"), run.deadline()), (TaskStatus::Waiting, Some(100)));
    assert_eq!(run.wanted(), Vec::<&str>::new());
    assert_eq!(run.pass(99), Vec::<String>::new());
    assert_eq!(run.pass(1), ["taskWaiting a slot"]);
    run.grant("a");
    run.fail("a");
    assert_eq!(run.deadline(), Some(300), "the second pause is twice as long");
}

#[test]
fn attempts_are_limited() {
    let mut run = Driver::started(kit(&[RetryOn::Failure], 0));
    for _ in 0..2 {
        run.grant("a");
        run.fail("a");
    }
    run.grant("a");
    assert_eq!(run.fail("a")[1..], ["taskFinished a failed exitCode", "runFinished failed exitCode"]);
}

#[test]
fn only_the_named_ends_are_retried() {
    let ends = [(RetryOn::Failure, failed()), (RetryOn::Infrastructure, infrastructure()), (RetryOn::Lost, lost())];
    for (named, _) in &ends {
        for (kind, end) in &ends {
            let mut run = Driver::started(kit(&[*named], 0));
            run.grant("a");
            let retried = run.end("a", end.clone()).last().unwrap() == "taskWaiting a slot";
            assert_eq!(retried, named == kind, "{named:?} {kind:?}");
        }
    }
}

#[test]
fn a_timeout_is_retried_where_it_is_named() {
    for (on, retried) in [(RetryOn::Timeout, true), (RetryOn::Failure, false)] {
        let mut run = Driver::started(kit(&[on], 0).timeout(10));
        run.grant("a");
        run.pass(10);
        let events = run.end("a", AttemptEnd::Stopped { exit_code: None });
        assert_eq!(events[0], "attemptFinished a#1 timedOut timeout");
        assert_eq!(events[1] == "taskWaiting a slot", retried);
    }
}

#[test]
fn a_pause_ends_when_the_run_does() {
    let mut run = Driver::started(kit(&[RetryOn::Failure], 100));
    run.grant("a");
    run.fail("a");
    assert_eq!(run.cancel()[1..], ["taskFinished a cancelled cancelled", "runFinished cancelled cancelled"]);
}

#[test]
fn no_retry_once_a_sibling_has_failed() {
    let mut run = Driver::started(plan().parallel("Build").task("a").retry(3, &[RetryOn::Failure], 0).task("b"));
    run.grant("a");
    run.grant("b");
    run.fail("b");
    assert_eq!(run.fail("a")[0], "attemptFinished a#1 cancelled siblingFailed");
    assert!(run.state.ended().is_some());
}
