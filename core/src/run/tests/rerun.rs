//! What a new run copies of an earlier one.

use super::driver::{Driver, brief, origin, reused};
use super::kit::{Kit, plan};
use crate::pipeline::{RetryOn, TaskName};
use crate::run::rerun::{RerunRefusal, ReuseFrom, counts_on_workspace, first_to_repeat, keeps_workspace, reuse};
use crate::run::{Input, RunEvent, TaskEnd};

fn name(task: &str) -> TaskName {
    TaskName::new(task).unwrap()
}

fn from(task: &str) -> ReuseFrom {
    ReuseFrom::Task(name(task))
}

fn copied(run: &Driver, mode: &ReuseFrom) -> Vec<String> {
    reuse(&run.state, mode).unwrap().iter().map(brief).collect()
}

/// Build: a, b beside lint, which may fail. Test: unit[PY=1], unit[PY=2], which fails. Deploy: ship.
fn failed() -> Driver {
    let kit = plan().parallel("Build").task("a").task("b").needs(&["a"]).task("lint").allow_failure();
    let kit = kit.parallel("Test").lenient().task("unit[PY=1]").task("unit[PY=2]").sequential("Deploy").task("ship");
    let mut run = Driver::started(kit.keep_workspace(1000).finally().task("report"));
    run.run("a");
    run.grant("lint");
    run.fail("lint");
    run.run("b");
    run.run("unit[PY=1]");
    run.grant("unit[PY=2]");
    run.fail("unit[PY=2]");
    run
}

fn ended() -> Driver {
    let mut run = failed();
    assert_eq!(run.run("report").last().unwrap(), "runFinished failed exitCode");
    run
}

#[test]
fn from_the_failed_task_on_everything_that_ended_well_is_copied() {
    assert_eq!(
        copied(&ended(), &ReuseFrom::Failed),
        [
            "taskReused a succeeded",
            "taskReused b succeeded",
            "taskReused lint failed",
            "taskReused unit[PY=1] succeeded"
        ]
    );
}

#[test]
fn what_is_copied_says_where_it_was_done() {
    let run = ended();
    let events = reuse(&run.state, &ReuseFrom::Failed).unwrap();
    let RunEvent::TaskReused { from, attempt, exit_code, cause, .. } = &events[2] else { panic!("{events:?}") };
    assert_eq!((*from, *attempt, *exit_code), (run.state.run(), 1, Some(1)));
    assert_eq!(cause.as_ref().unwrap().code, "exitCode");
}

#[test]
fn what_was_copied_itself_keeps_the_run_in_which_it_was_done() {
    let mut run = Driver::reusing(plan().sequential("Build").task("a").task("b"), &["a"]);
    run.send(Input::Admitted);
    run.send(Input::Prepared { generation: 1 });
    run.grant("b");
    run.fail("b");
    assert_eq!(reuse(&run.state, &ReuseFrom::Failed).unwrap(), [reused("a", TaskEnd::Succeeded)]);
    assert_ne!(run.state.run(), origin());
}

#[test]
fn from_a_task_on_it_and_all_that_comes_after_it_is_done_again() {
    let run = ended();
    assert_eq!(copied(&run, &from("a")), ["taskReused lint failed"]);
    assert_eq!(
        copied(&run, &from("unit")),
        ["taskReused a succeeded", "taskReused b succeeded", "taskReused lint failed"],
        "all instances of it"
    );
    assert_eq!(copied(&run, &from("ship")), copied(&run, &ReuseFrom::Failed), "what had not ended well as well");
    assert_eq!(copied(&run, &from("report")), copied(&run, &ReuseFrom::Failed), "`finally` is done again always");
}

#[test]
fn a_run_that_goes_on_succeeded_or_never_began_is_refused() {
    let run = failed();
    let id = run.state.run();
    assert_eq!(reuse(&run.state, &ReuseFrom::Failed), Err(RerunRefusal::Unfinished { run: id }));
    assert_eq!(reuse(&run.state, &from("a")), Err(RerunRefusal::Unfinished { run: id }));

    let mut run = Driver::started(plan().sequential("Build").task("a").task("b"));
    run.run("a");
    run.run("b");
    assert_eq!(reuse(&run.state, &ReuseFrom::Failed), Err(RerunRefusal::NothingFailed { run: id }));
    assert_eq!(copied(&run, &from("b")), ["taskReused a succeeded"], "naming a task is a wish of its own");
    let refusal = reuse(&run.state, &from("nobody")).unwrap_err();
    assert_eq!(refusal, RerunRefusal::NoSuchTask { run: id, task: name("nobody") });
    assert_eq!((refusal.code(), refusal.to_string().contains("has no task \"nobody\"")), ("noSuchTask", true));

    let mut run = Driver::queued(plan().sequential("Build").task("a"));
    run.cancel();
    assert_eq!(reuse(&run.state, &ReuseFrom::Failed), Err(RerunRefusal::NothingStarted { run: id }));
    let mut run = Driver::started(plan().sequential("Build").task("a"));
    run.grant("a");
    run.cancel();
    run.ok("a");
    assert_eq!(copied(&run, &ReuseFrom::Failed), ["taskReused a succeeded"], "a success came before the cancel");
}

#[test]
fn a_task_that_its_condition_left_out_is_asked_again() {
    let kit = plan().sequential("Build").task("a").when("false").task("b").task("c");
    let mut run = Driver::started(kit);
    run.run("b");
    run.grant("c");
    run.fail("c");
    assert_eq!(copied(&run, &ReuseFrom::Failed), ["taskReused b succeeded"]);
}

#[test]
fn without_the_workspace_what_filled_it_is_done_again() {
    let kit = plan().sequential("Source").approve("sign-off").task("free").without_workspace();
    let kit = kit.parallel("Build").task("a").task("b").sequential("Test").task("c");
    let mut run = Driver::started(kit);
    run.decide("sign-off", crate::run::Decision::Approved);
    ["free", "a", "b"].into_iter().for_each(|task| drop(run.run(task)));
    run.grant("c");
    run.fail("c");
    assert_eq!(first_to_repeat(&run.state), Some(name("a")));
    let without_a = reuse(&run.state, &from("a")).unwrap();
    assert_eq!(counts_on_workspace(&run.state, &without_a), Some(name("b")), "b filled it beside a");
    let refilled = reuse(&run.state, &ReuseFrom::Workspace).unwrap();
    let words: Vec<_> = refilled.iter().map(brief).collect();
    assert_eq!(words, ["taskReused sign-off succeeded", "taskReused free succeeded"]);
    assert_eq!(counts_on_workspace(&run.state, &refilled), None);
}

#[test]
fn nothing_is_to_be_repeated_for_a_workspace_that_nobody_filled() {
    let mut run = Driver::started(plan().sequential("Build").task("a"));
    run.grant("a");
    run.fail("a");
    assert_eq!(first_to_repeat(&run.state), None);
}

#[test]
fn a_copied_task_filled_the_workspace_too() {
    let mut run = Driver::reusing(plan().sequential("Build").task("a").task("b").keep_workspace(1000), &["a"]);
    run.send(Input::Admitted);
    run.send(Input::Prepared { generation: 1 });
    run.grant("b");
    run.fail("b");
    assert_eq!(first_to_repeat(&run.state), Some(name("a")));
    assert_eq!(kept(&run), Some((1, 1000)));
}

fn kept(run: &Driver) -> Option<(u32, u128)> {
    keeps_workspace(&run.state).map(|(generation, time)| (generation, time.as_millis()))
}

#[test]
fn the_workspace_of_a_failed_run_is_kept_as_long_as_its_pipeline_says() {
    assert_eq!(kept(&failed()), None, "it has not ended");
    assert_eq!(kept(&ended()), Some((1, 1000)));

    let run_one = |keep, end: fn(&mut Driver)| {
        let mut run = Driver::started(plan().sequential("Build").task("a").pipeline_timeout(500).keep_workspace(keep));
        run.grant("a");
        end(&mut run);
        assert!(run.state.ended().is_some());
        kept(&run)
    };
    assert_eq!(run_one(1000, |run| drop(run.fail("a"))), Some((1, 1000)));
    assert_eq!(run_one(0, |run| drop(run.fail("a"))), None);
    assert_eq!(run_one(1000, |run| drop(run.ok("a"))), None);
    let cancelled = |run: &mut Driver| drop((run.cancel(), run.fail("a")));
    assert_eq!(run_one(1000, cancelled), None);
    let timed_out = |run: &mut Driver| drop((run.pass(500), run.fail("a")));
    assert_eq!(run_one(1000, timed_out), Some((1, 1000)));
}

fn with_a_retry() -> Kit {
    let kit = plan().sequential("Source").task("checkout").task("unit").retry(2, &[RetryOn::Lost], 0);
    kit.repeat_from("checkout").keep_workspace(1000).finally().task("report")
}

#[test]
fn a_lost_workspace_is_not_kept_nor_the_empty_one_of_finally() {
    let mut run = Driver::started(plan().sequential("Build").task("a").task("b").keep_workspace(1000));
    run.run("a");
    run.grant("b");
    run.lose_workspace(1);
    assert_eq!(kept(&run), None);

    for tasks in [&["a", "b"][..], &["b"]] {
        let kit = tasks.iter().fold(plan().sequential("Build"), |kit, task| kit.task(task));
        let mut run = Driver::started(kit.keep_workspace(1000).finally().task("report"));
        tasks[1..].iter().for_each(|_| drop(run.run("a")));
        run.grant("b");
        run.lose_workspace(1);
        run.send(Input::Prepared { generation: 2 });
        run.run("report");
        assert_eq!(kept(&run), None, "{tasks:?}");
    }
}

#[test]
fn a_workspace_in_which_everything_was_done_again_is_kept() {
    let start = || {
        let mut run = Driver::started(with_a_retry());
        run.run("checkout");
        run.grant("unit");
        run.lose_workspace(1);
        run.send(Input::Prepared { generation: 2 });
        run.grant("checkout");
        run
    };
    let mut run = start();
    run.ok("checkout");
    run.grant("unit");
    run.fail("unit");
    run.run("report");
    assert_eq!(kept(&run), Some((2, 1000)));
    let events = reuse(&run.state, &ReuseFrom::Failed).unwrap();
    assert!(matches!(&events[..], [RunEvent::TaskReused { attempt: 2, .. }]), "the attempt that counts: {events:?}");

    let mut run = start();
    run.fail("checkout");
    run.run("report");
    assert_eq!(kept(&run), None, "what it was to be filled with failed");
    let events = reuse(&run.state, &ReuseFrom::Failed).unwrap();
    assert!(matches!(&events[..], [RunEvent::TaskReused { attempt: 1, .. }]), "what was told stays true: {events:?}");
}
