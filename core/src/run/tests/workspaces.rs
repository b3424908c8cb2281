//! A workspace that cannot be made, or is lost.

use super::driver::Driver;
use super::kit::plan;
use crate::pipeline::RetryOn;
use crate::run::Input;

#[test]
fn without_a_workspace_the_run_fails_and_finally_tries_once_more() {
    let mut run = Driver::queued(plan().sequential("Build").task("a").finally().task("report"));
    run.send(Input::Admitted);
    assert_eq!(run.lose_workspace(1), ["workspaceLost 1", "taskFinished a skipped podEvicted", "finallyStarted"]);
    assert_eq!(run.effects(), ["prepare 2"]);
    assert_eq!(
        run.lose_workspace(2),
        ["workspaceLost 2", "taskFinished report skipped podEvicted", "runFinished failed podEvicted"]
    );
}

#[test]
fn finally_gets_an_empty_workspace() {
    let mut run = Driver::started(plan().sequential("Build").task("a").task("b").finally().task("report"));
    run.grant("a");
    assert_eq!(
        run.lose_workspace(1),
        [
            "workspaceLost 1",
            "attemptFinished a#1 lost podEvicted",
            "taskFinished a lost podEvicted",
            "taskFinished b skipped workspaceLost",
            "finallyStarted",
        ]
    );
    assert_eq!(run.effects(), ["prepare 2"]);
    run.send(Input::Prepared { generation: 2 });
    assert_eq!(run.state.generation(), 2);
    assert!(run.state.workspace_ready());
    assert_eq!(run.run("report").last().unwrap(), "runFinished failed workspaceLost");
}

#[test]
fn tasks_that_need_none_go_on_in_a_new_one() {
    let kit = plan().sequential("Build").task("a").parallel("Test").task("b").without_workspace();
    let kit = kit.retry(2, &[RetryOn::Lost], 0).task("c").without_workspace();
    let mut run = Driver::started(kit);
    run.run("a");
    run.grant("b");
    assert_eq!(run.lose_workspace(1), ["workspaceLost 1", "attemptFinished b#1 lost podEvicted", "taskWaiting b slot"]);
    assert_eq!(run.effects(), ["prepare 2"]);
    run.send(Input::Prepared { generation: 2 });
    run.grant("b");
    assert_eq!(run.effects(), ["slot c", "run b#2 in 2"]);
    run.ok("b");
    assert_eq!(run.run("c").last().unwrap(), "runFinished succeeded");
}

#[test]
fn news_of_another_workspace_say_nothing() {
    let mut run = Driver::started(plan().sequential("Build").task("a"));
    assert_eq!(run.lose_workspace(2), Vec::<String>::new());
    assert_eq!(run.send(Input::Prepared { generation: 2 }), Vec::<String>::new());
}

#[test]
fn an_approval_goes_on_without_a_workspace_but_what_follows_does_not() {
    let mut run = Driver::started(plan().sequential("Deploy").approve("sign-off").task("rollout"));
    let events = run.lose_workspace(1);
    assert_eq!(
        events[1..],
        [
            "taskFinished sign-off cancelled workspaceLost",
            "taskFinished rollout skipped workspaceLost",
            "runFinished failed workspaceLost",
        ]
    );
}

#[test]
fn a_workspace_lost_in_finally_is_made_again() {
    let mut run = Driver::started(plan().sequential("Build").task("a").finally().task("report").task("tidy"));
    run.run("a");
    run.grant("report");
    assert_eq!(
        run.lose_workspace(1),
        ["workspaceLost 1", "attemptFinished report#1 lost podEvicted", "taskFinished report lost podEvicted"]
    );
    assert_eq!(run.effects(), ["prepare 2"]);
    run.send(Input::Prepared { generation: 2 });
    assert_eq!(run.run("tidy").last().unwrap(), "runFinished failed podEvicted");
}

fn repeating() -> super::kit::Kit {
    let kit = plan().sequential("Source").task("before").task("checkout").task("build").parallel("Test");
    kit.task("unit").retry(2, &[RetryOn::Lost], 0).repeat_from("checkout").task("lint")
}

#[test]
fn a_retry_from_an_earlier_task_repeats_what_it_needs() {
    let mut run = Driver::started(repeating());
    ["before", "checkout", "build"].into_iter().for_each(|task| drop(run.run(task)));
    run.grant("unit");
    assert_eq!(
        run.lose_workspace(1),
        ["workspaceLost 1", "attemptFinished unit#1 lost podEvicted", "taskWaiting unit repeat"]
    );
    assert_eq!(run.effects(), ["prepare 2"]);
    run.send(Input::Prepared { generation: 2 });
    assert_eq!(run.wanted(), ["checkout"], "lint waits as well until its files are there again");
    assert_eq!(run.grant("lint"), Vec::<String>::new());
    assert_eq!(run.grant("checkout"), ["attemptStarted checkout#2"]);
    assert_eq!(run.ok("checkout"), ["attemptFinished checkout#2 succeeded"], "that it is over was told before");
    assert_eq!(run.wanted(), ["build"]);
    run.grant("build");
    assert_eq!(run.ok("build"), ["attemptFinished build#2 succeeded", "taskWaiting unit slot"]);
    assert_eq!(run.wanted(), ["unit", "lint"]);
    run.run("unit");
    assert_eq!(run.run("lint").last().unwrap(), "runFinished succeeded");
}

#[test]
fn a_repeat_that_fails_fails_the_run() {
    let mut run = Driver::started(repeating());
    ["before", "checkout", "build"].into_iter().for_each(|task| drop(run.run(task)));
    run.grant("unit");
    run.lose_workspace(1);
    run.send(Input::Prepared { generation: 2 });
    run.grant("checkout");
    assert_eq!(
        run.fail("checkout"),
        [
            "attemptFinished checkout#2 failed exitCode",
            "taskFinished unit lost workspaceLost",
            "taskFinished lint skipped earlierFailure",
            "runFinished failed workspaceLost",
        ]
    );
    assert_eq!(run.status("checkout"), crate::run::TaskStatus::Succeeded, "what was told stays true");
}

#[test]
fn a_cancel_stops_a_repeat() {
    let mut run = Driver::started(repeating());
    ["before", "checkout", "build"].into_iter().for_each(|task| drop(run.run(task)));
    run.grant("unit");
    run.lose_workspace(1);
    run.send(Input::Prepared { generation: 2 });
    run.grant("checkout");
    assert_eq!(
        run.cancel()[1..],
        [
            "attemptStopping checkout#2 cancelled cancelled",
            "taskFinished unit cancelled cancelled",
            "taskFinished lint skipped cancelled",
        ]
    );
    let events = run.end("checkout", crate::run::AttemptEnd::Stopped { exit_code: None });
    assert_eq!(events[1..], ["runFinished cancelled cancelled"]);
}

#[test]
fn a_workspace_lost_during_a_repeat_fails_the_run() {
    let mut run = Driver::started(repeating());
    ["before", "checkout", "build"].into_iter().for_each(|task| drop(run.run(task)));
    run.grant("unit");
    run.lose_workspace(1);
    run.send(Input::Prepared { generation: 2 });
    run.grant("checkout");
    let events = run.lose_workspace(2);
    assert_eq!(events.last().unwrap(), "runFinished failed workspaceLost");
}

fn two_retries() -> super::kit::Kit {
    let kit = plan().sequential("Source").task("checkout").task("build").parallel("Test");
    let kit = kit.task("unit").retry(3, &[RetryOn::Lost, RetryOn::Failure], 0).repeat_from("build");
    kit.task("lint").retry(3, &[RetryOn::Lost, RetryOn::Failure], 0).repeat_from("checkout")
}

/// `lint` waits for its second attempt while the workspace is lost under `unit`.
fn lost_beside_a_waiting_retry() -> Driver {
    let mut run = Driver::started(two_retries());
    ["checkout", "build"].into_iter().for_each(|task| drop(run.run(task)));
    run.grant("unit");
    run.grant("lint");
    run.fail("lint");
    run.lose_workspace(1);
    run.send(Input::Prepared { generation: 2 });
    run
}

#[test]
fn what_a_waiting_retry_needs_is_repeated_as_well() {
    let mut run = lost_beside_a_waiting_retry();
    assert_eq!(run.wanted(), ["checkout"], "unit alone would repeat from build");
    run.run("checkout");
    run.run("build");
    assert_eq!(run.wanted(), ["unit", "lint"]);
}

#[test]
fn a_waiting_retry_fails_with_the_repeat_that_it_needs() {
    let mut run = lost_beside_a_waiting_retry();
    run.grant("checkout");
    assert_eq!(
        run.fail("checkout")[1..3],
        ["taskFinished unit lost workspaceLost", "taskFinished lint failed workspaceLost"]
    );
}
