//! Tasks that an earlier run did and that are not done again.

use super::driver::{Driver, at, origin, reused};
use super::kit::{Kit, plan};
use crate::pipeline::{RetryOn, TaskId};
use crate::run::{Decision, IllegalReason, Input, Reused, RunEvent, TaskEnd, TaskStatus};

fn two_stages() -> Kit {
    plan().sequential("Build").task("a").output("VERSION").task("b").parallel("Test").task("c").task("d")
}

#[test]
fn a_reused_task_is_over_when_its_turn_comes_and_nothing_of_it_starts() {
    let mut run = Driver::reusing(two_stages(), &["a", "b", "d"]);
    assert_eq!(run.status("a"), TaskStatus::Pending, "that it is over is told in its turn");
    assert_eq!(
        run.send(Input::Admitted),
        ["runStarted", "taskFinished a succeeded", "taskFinished b succeeded", "taskFinished d succeeded"],
        "this needs no workspace"
    );
    run.send(Input::Prepared { generation: 1 });
    assert_eq!(run.wanted(), ["c"]);
    assert_eq!(run.run("c").last().unwrap(), "runFinished succeeded");
}

#[test]
fn it_ends_as_it_did_there_after_no_time() {
    let kit = plan().sequential("Build").task("a").allow_failure().task("b");
    let mut run = Driver::queued(kit);
    run.take_over(vec![reused("a", TaskEnd::Failed)]);
    run.send(Input::Admitted);
    let RunEvent::TaskReused { exit_code, cause, outputs, .. } = reused("a", TaskEnd::Failed) else { unreachable!() };
    let told = RunEvent::TaskFinished {
        task: TaskId::new("a"),
        state: TaskEnd::Failed,
        exit_code,
        cause: cause.clone(),
        duration_ms: 0,
    };
    assert_eq!(run.history.last().unwrap().1, told);
    let a = run.state.task(run.index("a"));
    assert_eq!((a.status(), a.exit_code(), a.cause()), (TaskStatus::Failed, Some(1), cause.as_ref()));
    assert_eq!((a.outputs(), a.attempts(), a.started()), (&outputs, 0, None));
    assert_eq!(a.reused(), Some(Reused { run: origin(), attempt: 2 }));
    assert_eq!(run.state.task(run.index("b")).reused(), None);
}

#[test]
fn it_waits_for_what_stands_before_it() {
    let mut run = Driver::reusing(two_stages(), &["b", "c"]);
    assert_eq!(run.send(Input::Admitted), ["runStarted"]);
    run.send(Input::Prepared { generation: 1 });
    run.grant("a");
    assert_eq!(
        run.ok("a"),
        [
            "attemptFinished a#1 succeeded",
            "taskFinished a succeeded",
            "taskFinished b succeeded",
            "taskFinished c succeeded"
        ]
    );
}

#[test]
fn when_what_stands_before_it_fails_it_is_left_out() {
    let mut run = Driver::reusing(two_stages(), &["b"]);
    run.send(Input::Admitted);
    run.send(Input::Prepared { generation: 1 });
    run.grant("a");
    assert_eq!(run.fail("a")[2], "taskFinished b skipped earlierFailure");
    let b = run.state.task(run.index("b"));
    assert_eq!((b.reused(), b.outputs().len()), (None, 0), "it counts as little as any task that was left out");
}

#[test]
fn its_condition_is_not_asked_again_and_nobody_is_asked_for_approval() {
    let kit = plan().sequential("Build").task("a").when("false").task("b").when("1 / 0 == 1").approve("sign-off");
    let mut run = Driver::reusing(kit, &["a", "b", "sign-off"]);
    assert_eq!(run.send(Input::Admitted).last().unwrap(), "runFinished succeeded");
    assert_eq!(run.decide("sign-off", Decision::Rejected), Vec::<String>::new());
}

#[test]
fn conditions_and_texts_see_it_as_it_ended() {
    let kit = plan().sequential("Build").task("a").output("VERSION").allow_failure().task("b");
    let kit = kit.when("tasks['a'].state == 'failed' && tasks['a'].outputs.VERSION == 'of a'");
    let mut run = Driver::queued(kit);
    run.take_over(vec![reused("a", TaskEnd::Failed)]);
    run.send(Input::Admitted);
    run.send(Input::Prepared { generation: 1 });
    assert_eq!(run.wanted(), ["b"]);
}

#[test]
fn a_cancel_before_the_start_leaves_it_out_as_well() {
    let mut run = Driver::reusing(plan().sequential("Build").task("a"), &["a"]);
    assert_eq!(
        run.cancel(),
        ["cancelRequested", "taskFinished a skipped cancelled", "runFinished cancelled cancelled"]
    );
}

#[test]
fn tasks_are_taken_over_once_before_the_start_and_only_where_they_ended_well() {
    let kit = || plan().sequential("Build").task("a").task("b").allow_failure().finally().task("report");
    let refusal = |run: &Driver, event: RunEvent| run.state.clone().apply(at(1), &event).unwrap_err();
    let mut run = Driver::queued(kit());
    for end in [TaskEnd::Failed, TaskEnd::TimedOut, TaskEnd::Lost, TaskEnd::Skipped, TaskEnd::Cancelled] {
        let not_so = IllegalReason::NotReusable { task: TaskId::new("a"), end };
        assert_eq!(refusal(&run, reused("a", end)).reason, not_so);
        let allowed = run.state.clone().apply(at(1), &reused("b", end)).is_ok();
        assert_eq!(allowed, !matches!(end, TaskEnd::Skipped | TaskEnd::Cancelled), "{end:?}");
    }
    let error = refusal(&run, reused("report", TaskEnd::Succeeded));
    assert!(error.to_string().ends_with("the task report is part of `finally`, which is always done again"), "{error}");
    run.take_over(vec![reused("a", TaskEnd::Succeeded)]);
    let error = refusal(&run, reused("a", TaskEnd::Succeeded));
    assert!(error.to_string().ends_with("the task a is reused already"), "{error}");
    run.send(Input::Admitted);
    assert_eq!(refusal(&run, reused("b", TaskEnd::Succeeded)).reason, IllegalReason::Run);
}

fn repeating() -> Kit {
    let kit = plan().sequential("Source").task("checkout").approve("sign-off").task("build").output("VERSION");
    kit.task("unit").retry(2, &[RetryOn::Lost], 0).repeat_from("checkout")
}

#[test]
fn what_it_left_in_a_lost_workspace_is_done_again() {
    let mut run = Driver::reusing(repeating(), &["checkout", "sign-off", "build"]);
    run.send(Input::Admitted);
    run.send(Input::Prepared { generation: 1 });
    run.grant("unit");
    run.lose_workspace(1);
    run.send(Input::Prepared { generation: 2 });
    assert_eq!(run.wanted(), ["checkout"]);
    assert_eq!(run.grant("checkout"), ["attemptStarted checkout#1"], "that it is over was told, so no start is");
    assert_eq!(run.ok("checkout"), ["attemptFinished checkout#1 succeeded"]);
    assert_eq!(run.wanted(), ["build"], "an approval left nothing in the workspace");
    assert_eq!(run.state.task(run.index("build")).reused(), Some(Reused { run: origin(), attempt: 2 }));
    run.run("build");
    let build = run.state.task(run.index("build"));
    assert_eq!((build.reused(), build.outputs().len()), (None, 0), "it is what it is here from now on");
    run.grant("unit");
    assert_eq!(run.ok("unit").last().unwrap(), "runFinished succeeded");
}

#[test]
fn a_task_without_an_attempt_left_nothing_behind() {
    let mut run = Driver::queued(repeating());
    let mut checkout = reused("checkout", TaskEnd::Succeeded);
    if let RunEvent::TaskReused { attempt, .. } = &mut checkout {
        *attempt = 0;
    }
    run.take_over(vec![checkout, reused("sign-off", TaskEnd::Succeeded), reused("build", TaskEnd::Succeeded)]);
    run.send(Input::Admitted);
    run.send(Input::Prepared { generation: 1 });
    run.grant("unit");
    run.lose_workspace(1);
    run.send(Input::Prepared { generation: 2 });
    assert_eq!(run.wanted(), ["build"]);
}

#[test]
fn a_lost_workspace_is_not_missed_when_only_reused_tasks_are_left_that_used_it() {
    let kit = plan().sequential("Build").task("free").without_workspace().retry(2, &[RetryOn::Lost], 0).task("used");
    let mut run = Driver::reusing(kit, &["used"]);
    run.send(Input::Admitted);
    run.send(Input::Prepared { generation: 1 });
    run.grant("free");
    assert_eq!(run.lose_workspace(1).last().unwrap(), "taskWaiting free slot");
    run.send(Input::Prepared { generation: 2 });
    run.grant("free");
    assert_eq!(run.ok("free").last().unwrap(), "runFinished succeeded");
}
