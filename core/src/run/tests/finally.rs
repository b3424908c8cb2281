//! The tasks at the end, whatever happened.

use super::driver::Driver;
use super::kit::plan;
use crate::run::{AttemptEnd, Input};

fn kit() -> super::kit::Kit {
    plan().sequential("Build").task("a").finally().task("report").task("tidy")
}

#[test]
fn finally_runs_one_after_another_after_a_success() {
    let mut run = Driver::started(kit());
    assert_eq!(run.state.windlass_status(), "running");
    assert_eq!(run.run("a").last().unwrap(), "finallyStarted");
    assert_eq!(run.wanted(), ["report"]);
    assert_eq!(run.state.windlass_status(), "succeeded");
    run.run("report");
    assert_eq!(run.wanted(), ["tidy"]);
    assert_eq!(run.run("tidy").last().unwrap(), "runFinished succeeded");
}

#[test]
fn finally_runs_after_a_failure_and_knows_it() {
    let mut run = Driver::started(kit());
    run.grant("a");
    assert_eq!(run.fail("a").last().unwrap(), "finallyStarted");
    assert_eq!(run.state.windlass_status(), "failed");
    run.run("report");
    assert_eq!(run.run("tidy").last().unwrap(), "runFinished failed exitCode");
}

#[test]
fn a_failure_in_finally_makes_a_succeeded_run_failed_and_the_next_task_still_runs() {
    let mut run = Driver::started(kit());
    run.run("a");
    run.grant("report");
    assert_eq!(run.fail("report").last().unwrap(), "taskFinished report failed exitCode");
    assert_eq!(run.state.windlass_status(), "failed");
    assert_eq!(run.run("tidy").last().unwrap(), "runFinished failed exitCode");
}

#[test]
fn a_failure_in_finally_changes_no_other_end() {
    let mut run = Driver::started(kit());
    run.grant("a");
    run.cancel();
    run.end("a", AttemptEnd::Stopped { exit_code: None });
    run.grant("report");
    run.fail("report");
    assert_eq!(run.run("tidy").last().unwrap(), "runFinished cancelled cancelled");
}

#[test]
fn a_failure_that_is_allowed_in_finally_changes_nothing() {
    let mut run = Driver::started(plan().sequential("Build").task("a").finally().task("report").allow_failure());
    run.run("a");
    run.grant("report");
    assert_eq!(run.fail("report").last().unwrap(), "runFinished succeeded");
}

#[test]
fn a_second_cancel_ends_finally() {
    let mut run = Driver::started(kit());
    run.grant("a");
    run.cancel();
    run.end("a", AttemptEnd::Stopped { exit_code: None });
    run.grant("report");
    assert_eq!(
        run.cancel(),
        ["cancelRequested", "attemptStopping report#1 cancelled cancelled", "taskFinished tidy skipped cancelled"]
    );
    assert_eq!(run.cancel(), Vec::<String>::new(), "a third one says nothing");
    let events = run.end("report", AttemptEnd::Stopped { exit_code: None });
    assert_eq!(events[1..], ["taskFinished report cancelled cancelled", "runFinished cancelled cancelled"]);
}

#[test]
fn a_second_cancel_before_finally_leaves_it_out() {
    let mut run = Driver::started(kit());
    run.grant("a");
    run.cancel();
    run.cancel();
    let events = run.end("a", AttemptEnd::Stopped { exit_code: None });
    assert_eq!(
        events[2..],
        [
            "taskFinished report skipped cancelled",
            "taskFinished tidy skipped cancelled",
            "runFinished cancelled cancelled"
        ]
    );
}

#[test]
fn a_first_cancel_during_finally_lets_it_finish() {
    let mut run = Driver::started(kit());
    run.run("a");
    run.grant("report");
    assert_eq!(run.cancel(), ["cancelRequested"]);
    run.ok("report");
    assert_eq!(run.run("tidy").last().unwrap(), "runFinished cancelled cancelled");
}

#[test]
fn finally_has_a_budget() {
    let mut run = Driver::started(kit().finally_timeout(1000));
    run.run("a");
    run.pass(300);
    run.grant("report");
    assert_eq!(run.deadline(), Some(1000));
    assert_eq!(run.pass(699), Vec::<String>::new());
    assert_eq!(
        run.pass(1),
        [
            "finallyTimedOut",
            "attemptStopping report#1 timedOut finallyTimeout",
            "taskFinished tidy skipped finallyTimeout"
        ]
    );
    let events = run.end("report", AttemptEnd::Stopped { exit_code: Some(143) });
    assert_eq!(events[1..], ["taskFinished report timedOut finallyTimeout", "runFinished failed finallyTimeout"]);
}

#[test]
fn the_budget_of_finally_counts_what_waits_for_a_slot_as_well() {
    let mut run = Driver::started(kit().finally_timeout(1000));
    run.run("a");
    let events = run.pass(1000);
    assert_eq!(events[0], "finallyTimedOut");
    assert_eq!(events.last().unwrap(), "runFinished failed finallyTimeout");
}

#[test]
fn conditions_and_retries_work_in_finally() {
    let retry = crate::pipeline::RetryOn::Failure;
    let kit =
        plan().sequential("Build").task("a").finally().task("report").when("false").task("tidy").retry(2, &[retry], 0);
    let mut run = Driver::started(kit);
    assert_eq!(run.run("a")[2..], ["finallyStarted", "taskFinished report skipped conditionFalse"]);
    run.grant("tidy");
    assert_eq!(run.fail("tidy").last().unwrap(), "taskWaiting tidy slot");
    assert_eq!(run.run("tidy").last().unwrap(), "runFinished succeeded");
}

#[test]
fn finally_runs_when_the_run_is_cancelled_before_its_workspace_is_there() {
    let mut run = Driver::queued(kit());
    run.send(Input::Admitted);
    assert_eq!(run.cancel(), ["cancelRequested", "taskFinished a skipped cancelled", "finallyStarted"]);
    assert_eq!(run.effects(), ["prepare 1"]);
    run.send(Input::Prepared { generation: 1 });
    run.run("report");
    assert_eq!(run.run("tidy").last().unwrap(), "runFinished cancelled cancelled");
}
