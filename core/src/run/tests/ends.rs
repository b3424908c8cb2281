//! Failures and cancels.

use super::driver::{Driver, infrastructure, lost, succeeded};
use super::kit::plan;
use crate::run::{AttemptEnd, Cause, Input, RunEnd};

#[test]
fn a_failure_stops_what_runs_and_skips_the_rest() {
    let kit = plan().parallel("Build").task("a").task("b").task("c").sequential("Test").task("d");
    let mut run = Driver::started(kit);
    run.grant("a");
    run.grant("b");
    assert_eq!(
        run.fail("a"),
        [
            "attemptFinished a#1 failed exitCode",
            "taskFinished a failed exitCode",
            "attemptStopping b#1 cancelled siblingFailed",
            "taskFinished c skipped earlierFailure",
            "taskFinished d skipped earlierFailure",
        ]
    );
    assert_eq!(run.effects(), ["run b#1 in 1", "stop b#1"]);
    assert_eq!(run.state.windlass_status(), "failed");
    assert_eq!(
        run.end("b", AttemptEnd::Stopped { exit_code: Some(143) }),
        [
            "attemptFinished b#1 cancelled siblingFailed",
            "taskFinished b cancelled siblingFailed",
            "runFinished failed exitCode"
        ]
    );
    assert_eq!(run.state.task(run.index("b")).exit_code(), Some(143));
    assert_eq!(run.state.ended(), Some(RunEnd::Failed));
}

#[test]
fn without_fail_fast_the_stage_goes_on_and_the_rest_is_skipped() {
    let kit = plan().parallel("Build").lenient().task("a").task("b").task("c").task("after a").needs(&["a"]);
    let mut run = Driver::started(kit.sequential("Test").task("d"));
    run.grant("a");
    run.grant("b");
    assert_eq!(run.fail("a")[2..], ["taskFinished d skipped earlierFailure"]);
    assert_eq!(run.wanted(), ["c"], "what has not started in this stage still does");
    run.ok("b");
    run.grant("c");
    let events = run.fail("c");
    assert_eq!(events[2..], ["taskFinished after a skipped earlierFailure", "runFinished failed exitCode"]);
}

#[test]
fn without_fail_fast_running_tasks_of_other_stages_finish_and_do_not_try_again() {
    let retry = crate::pipeline::RetryOn::Failure;
    let kit =
        plan().parallel("Build").lenient().task("a").parallel("Test").task("free").needs(&[]).retry(3, &[retry], 0);
    let mut run = Driver::started(kit.task("more").needs(&["free"]));
    run.grant("a");
    run.grant("free");
    assert_eq!(run.fail("a")[2..], ["taskFinished more skipped earlierFailure"]);
    assert_eq!(run.effects(), ["run free#1 in 1"]);
    assert_eq!(run.fail("free")[1..], ["taskFinished free failed exitCode", "runFinished failed exitCode"]);
}

#[test]
fn a_failure_that_is_allowed_changes_nothing() {
    for end in [super::driver::failed(), infrastructure(), lost()] {
        let mut run = Driver::started(plan().sequential("Build").task("a").allow_failure().task("b"));
        run.grant("a");
        assert_eq!(run.end("a", end).len(), 2);
        assert_eq!(run.run("b").last().unwrap(), "runFinished succeeded");
    }
}

#[test]
fn a_lost_attempt_fails_the_run() {
    let mut run = Driver::started(plan().sequential("Build").task("a"));
    run.grant("a");
    assert_eq!(
        run.end("a", lost()),
        ["attemptFinished a#1 lost lost", "taskFinished a lost lost", "runFinished failed lost"]
    );
}

#[test]
fn the_first_failure_is_the_cause_of_the_run() {
    let mut run = Driver::started(plan().parallel("Build").lenient().task("a").task("b"));
    run.grant("a");
    run.grant("b");
    run.end("b", infrastructure());
    assert_eq!(run.fail("a").last().unwrap(), "runFinished failed noSpace");
}

#[test]
fn a_stop_that_nobody_asked_for_is_a_failure_of_the_infrastructure() {
    let mut run =
        Driver::started(plan().sequential("Build").task("a").retry(2, &[crate::pipeline::RetryOn::Infrastructure], 0));
    run.grant("a");
    let events = run.end("a", AttemptEnd::Stopped { exit_code: Some(137) });
    assert_eq!(events, ["attemptFinished a#1 failed stopped", "taskWaiting a slot"]);
}

#[test]
fn a_cancel_stops_what_runs_and_skips_the_rest() {
    let kit = plan().parallel("Build").task("a").task("b").approve("sign-off").sequential("Test").task("c");
    let mut run = Driver::started(kit);
    run.grant("a");
    assert_eq!(
        run.cancel(),
        [
            "cancelRequested",
            "attemptStopping a#1 cancelled cancelled",
            "taskFinished b skipped cancelled",
            "taskFinished sign-off cancelled cancelled",
            "taskFinished c skipped cancelled",
        ]
    );
    assert!(run.state.is_cancelling());
    let events = run.end("a", AttemptEnd::Stopped { exit_code: None });
    assert_eq!(events[1..], ["taskFinished a cancelled cancelled", "runFinished cancelled cancelled"]);
    assert!(!run.state.is_cancelling());
    assert_eq!(run.cancel(), Vec::<String>::new());
}

#[test]
fn a_queued_run_that_is_cancelled_ends_at_once_and_without_finally() {
    let mut run = Driver::queued(plan().sequential("Build").task("a").finally().task("report"));
    assert_eq!(
        run.cancel(),
        [
            "cancelRequested",
            "taskFinished a skipped cancelled",
            "taskFinished report skipped cancelled",
            "runFinished cancelled cancelled",
        ]
    );
    assert_eq!(run.send(Input::Admitted), Vec::<String>::new());
    assert_eq!(run.effects(), ["release"]);
}

#[test]
fn a_success_that_a_cancel_came_too_late_for_is_a_success() {
    let mut run = Driver::started(plan().sequential("Build").task("a"));
    run.grant("a");
    run.cancel();
    assert_eq!(run.end("a", succeeded())[1..], ["taskFinished a succeeded", "runFinished cancelled cancelled"]);
}

#[test]
fn a_failure_after_a_cancel_is_a_cancel_and_keeps_its_exit_code() {
    let mut run = Driver::started(plan().sequential("Build").task("a"));
    run.grant("a");
    run.cancel();
    assert_eq!(run.fail("a")[1..], ["taskFinished a cancelled cancelled", "runFinished cancelled cancelled"]);
    assert_eq!(run.state.task(run.index("a")).exit_code(), Some(1));
}

#[test]
fn what_is_certain_first_decides_how_the_run_ends() {
    let mut run = Driver::started(plan().parallel("Build").lenient().task("a").task("b"));
    run.grant("a");
    run.grant("b");
    run.fail("a");
    assert_eq!(run.cancel()[1..], ["attemptStopping b#1 cancelled cancelled"], "a cancel ends what the failure spared");
    let events = run.end("b", AttemptEnd::Stopped { exit_code: None });
    assert_eq!(events.last().unwrap(), "runFinished failed exitCode");
}

#[test]
fn durations_count_from_the_start_and_zero_without_one() {
    let mut run = Driver::queued(plan().sequential("Build").task("a").task("b").when("false"));
    run.pass(1000);
    run.send(Input::Admitted);
    run.send(Input::Prepared { generation: 1 });
    run.pass(50);
    run.grant("a");
    run.pass(70);
    run.ok("a");
    let a = run.state.task(run.index("a"));
    assert_eq!(a.duration().as_millis(), 70);
    assert_eq!(run.state.task(run.index("b")).duration().as_millis(), 0);
    let Some((_, crate::run::RunEvent::RunFinished { duration_ms, .. })) = run.history.last() else { panic!() };
    assert_eq!(*duration_ms, 120);
}

#[test]
fn outputs_are_those_of_the_last_attempt() {
    let mut run = Driver::started(plan().sequential("Build").task("a"));
    run.grant("a");
    let outputs = [("VERSION".to_owned(), "1.2".to_owned())].into();
    run.end("a", AttemptEnd::Succeeded { outputs, commit: None });
    let a = run.state.task(run.index("a"));
    assert_eq!(a.outputs().get("VERSION").map(String::as_str), Some("1.2"));
    assert_eq!(a.exit_code(), Some(0));
}

#[test]
fn a_cause_says_who_cancelled_and_why() {
    let mut run = Driver::queued(plan());
    run.send(Input::Cancel { by: "ada".to_owned(), reason: "wrong branch".to_owned() });
    let message = run.state.cause().map(|cause: &Cause| cause.message.clone());
    assert_eq!(message.as_deref(), Some("ada cancelled the run: wrong branch"));
}
