//! A person says yes or no.

use super::driver::Driver;
use super::kit::plan;
use crate::run::{Decision, Input, RunEvent, TaskStatus};

fn kit() -> super::kit::Kit {
    plan().sequential("Deploy").approve("sign-off").task("rollout")
}

#[test]
fn a_person_is_asked_and_no_slot_is_used() {
    let mut run = Driver::queued(kit());
    assert_eq!(
        run.send(Input::Admitted),
        ["runStarted", "approvalRequested sign-off", "taskWaiting sign-off approval"]
    );
    run.send(Input::Prepared { generation: 1 });
    assert_eq!(run.effects(), Vec::<String>::new());
    assert_eq!(run.status("sign-off"), TaskStatus::Waiting);
    let asked = run.history.iter().find_map(|(_, event)| match event {
        RunEvent::ApprovalRequested { message, approvers, .. } => Some((message.as_str(), approvers.clone())),
        _ => None,
    });
    assert_eq!(asked, Some(("Ship it?", vec!["ada".to_owned()])));
}

#[test]
fn a_yes_lets_the_run_go_on() {
    let mut run = Driver::started(kit());
    assert_eq!(
        run.decide("sign-off", Decision::Approved),
        ["approvalDecided sign-off", "taskFinished sign-off succeeded"]
    );
    assert_eq!(run.wanted(), ["rollout"]);
    assert_eq!(run.decide("sign-off", Decision::Rejected), Vec::<String>::new(), "decided is decided");
}

#[test]
fn a_no_fails_the_run_and_says_who_and_why() {
    let mut run = Driver::started(kit());
    assert_eq!(
        run.decide("sign-off", Decision::Rejected),
        [
            "approvalDecided sign-off",
            "taskFinished sign-off failed rejected",
            "taskFinished rollout skipped earlierFailure",
            "runFinished failed rejected",
        ]
    );
    assert_eq!(run.state.cause().unwrap().message, "ada rejected it: late");
}

#[test]
fn nobody_can_decide_what_was_not_asked() {
    let mut run = Driver::started(kit());
    assert_eq!(run.decide("rollout", Decision::Approved), Vec::<String>::new());
}

#[test]
fn the_timeout_counts_from_the_question() {
    let mut run = Driver::started(plan().sequential("Deploy").approve("sign-off").timeout(1000));
    assert_eq!(run.deadline(), Some(1000));
    assert_eq!(run.pass(1000), ["taskFinished sign-off timedOut timeout", "runFinished failed timeout"]);
}

#[test]
fn a_failure_beside_it_ends_the_waiting() {
    let mut run = Driver::started(plan().parallel("Deploy").approve("sign-off").task("b"));
    run.grant("b");
    assert_eq!(run.fail("b")[2..], ["taskFinished sign-off cancelled siblingFailed", "runFinished failed exitCode"]);
}
