//! For which commit a run is.

use super::driver::{Driver, brief, lost};
use super::kit::{Kit, plan};
use crate::pipeline::{CommitInfo, RetryOn, TaskName};
use crate::run::rerun::{ReuseFrom, reuse};
use crate::run::{AttemptEnd, Input, RunEvent};

fn commit(sha: &str, branch: &str) -> CommitInfo {
    let message = format!("message of {sha}");
    CommitInfo { sha: sha.to_owned(), branch: branch.to_owned(), message, ..CommitInfo::default() }
}

fn brings(sha: &str, branch: &str) -> AttemptEnd {
    AttemptEnd::Succeeded { outputs: Default::default(), commit: Some(commit(sha, branch).into()) }
}

fn kit() -> Kit {
    plan().sequential("Source").task("web").task("tools").task("main-only").when("commit.branch == 'main'")
}

/// What texts of a run see.
fn seen(run: &Driver) -> CommitInfo {
    run.state.with_facts(1, "", |facts| facts.commit.cloned().unwrap())
}

#[test]
fn the_first_checkout_decides_and_conditions_see_it() {
    let mut run = Driver::started(kit());
    assert_eq!(seen(&run), CommitInfo::default());
    run.grant("web");
    let events = run.end("web", brings("a1", "main"));
    assert_eq!(events[..2], ["commitFound web", "attemptFinished web#1 succeeded"]);
    run.grant("tools");
    let events = run.end("tools", brings("b2", "dev"));
    assert_eq!(events[0], "attemptFinished tools#1 succeeded");
    assert_eq!(seen(&run), commit("a1", "main"));
    assert_eq!(run.wanted(), ["main-only"]);
}

#[test]
fn what_the_trigger_said_stays_and_what_it_did_not_say_is_found() {
    let given = |sha: &str| CommitInfo { sha: sha.to_owned(), branch: "main".to_owned(), ..CommitInfo::default() };
    let mut run = Driver::started(kit().commit(given("b2")));
    run.grant("web");
    assert_eq!(run.end("web", brings("a1", "dev"))[0], "attemptFinished web#1 succeeded", "it is another commit");
    run.grant("tools");
    assert_eq!(run.end("tools", brings("b2", ""))[0], "commitFound tools");
    assert_eq!(seen(&run), CommitInfo { branch: "main".to_owned(), ..commit("b2", "") });
}

#[test]
fn a_failed_checkout_says_nothing() {
    let mut run = Driver::started(kit());
    run.grant("web");
    run.cancel();
    run.fail("web");
    assert_eq!(seen(&run), CommitInfo::default());
}

#[test]
fn a_checkout_that_is_repeated_in_a_new_workspace_decides_again() {
    let kit = plan().sequential("Source").task("web").task("unit");
    let mut run = Driver::started(kit.retry(2, &[RetryOn::Lost], 0).repeat_from("web"));
    run.grant("web");
    run.end("web", brings("a1", "main"));
    run.grant("unit");
    run.lose_workspace(1);
    run.end("unit", lost());
    run.send(Input::Prepared { generation: 2 });
    run.grant("web");
    assert_eq!(run.end("web", brings("c3", "main"))[0], "commitFound web");
    assert_eq!(seen(&run).sha, "c3");
}

#[test]
fn a_run_that_does_not_repeat_the_checkout_takes_its_commit_over() {
    let mut first = Driver::started(plan().sequential("Source").task("web").task("unit"));
    first.grant("web");
    first.end("web", brings("a1", "main"));
    first.grant("unit");
    first.fail("unit");
    let copied = reuse(&first.state, &ReuseFrom::Failed).unwrap();
    assert_eq!(copied.iter().map(brief).collect::<Vec<_>>(), ["taskReused web succeeded", "commitFound web"]);
    let from = ReuseFrom::Task(TaskName::new("web").unwrap());
    assert_eq!(reuse(&first.state, &from).unwrap(), Vec::<RunEvent>::new());

    let mut second = Driver::queued(plan().sequential("Source").task("web").task("unit"));
    second.take_over(copied);
    assert_eq!(seen(&second), commit("a1", "main"));
}
