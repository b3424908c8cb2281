//! Who starts when.

use super::driver::Driver;
use super::kit::plan;
use crate::run::{Input, TaskStatus};

#[test]
fn a_run_starts_when_the_queue_lets_it_go_and_its_first_task_when_the_workspace_is_there() {
    let mut run = Driver::queued(plan().sequential("Build").task("a"));
    assert_eq!(run.effects(), Vec::<String>::new());
    assert_eq!(run.send(Input::Admitted), ["runStarted"]);
    assert_eq!(run.effects(), ["prepare 1"]);
    assert_eq!(run.wanted(), Vec::<&str>::new(), "no slot is asked for before the workspace is there");
    assert_eq!(run.grant("a"), Vec::<String>::new());
    assert_eq!(run.send(Input::Prepared { generation: 1 }), ["workspaceReady 1"]);
    assert_eq!(run.effects(), ["slot a"]);
    assert_eq!(run.grant("a"), ["taskStarted a", "attemptStarted a#1"]);
    assert_eq!(run.effects(), ["run a#1 in 1"]);
    assert_eq!(run.ok("a"), ["attemptFinished a#1 succeeded", "taskFinished a succeeded", "runFinished succeeded"]);
    assert_eq!(run.effects(), ["release"]);
    assert_eq!(run.send(Input::Released), ["runReleased"]);
    assert_eq!(run.effects(), Vec::<String>::new());
}

#[test]
fn a_sequential_stage_is_a_chain_and_a_parallel_one_starts_at_once() {
    let mut run = Driver::started(plan().sequential("Build").task("a").task("b").parallel("Test").task("c").task("d"));
    assert_eq!(run.wanted(), ["a"]);
    run.run("a");
    assert_eq!(run.wanted(), ["b"]);
    run.run("b");
    assert_eq!(run.wanted(), ["c", "d"]);
    run.run("d");
    assert_eq!(run.run("c").last().unwrap(), "runFinished succeeded");
}

#[test]
fn empty_stages_are_passed() {
    let kit = plan().sequential("None").sequential("Build").task("a").parallel("None too").sequential("Last").task("b");
    let mut run = Driver::started(kit.parallel("End"));
    assert_eq!(run.wanted(), ["a"]);
    run.run("a");
    assert_eq!(run.wanted(), ["b"]);
    assert_eq!(run.run("b").last().unwrap(), "runFinished succeeded");
}

#[test]
fn a_run_without_tasks_succeeds_at_once() {
    let mut run = Driver::queued(plan().sequential("None"));
    assert_eq!(run.send(Input::Admitted), ["runStarted", "runFinished succeeded"]);
    assert_eq!(run.effects(), ["release"]);
}

#[test]
fn needs_replace_the_place_in_the_stages() {
    let kit = plan().parallel("Build").task("a").task("b").parallel("Test").task("early").needs(&["a"]).task("late");
    let mut run = Driver::started(kit);
    run.run("a");
    assert_eq!(run.wanted(), ["b", "early"]);
    run.run("b");
    assert_eq!(run.wanted(), ["early", "late"]);
}

#[test]
fn a_task_with_needs_of_nothing_starts_at_once() {
    let mut run = Driver::started(plan().sequential("Build").task("a").sequential("Test").task("free").needs(&[]));
    assert_eq!(run.wanted(), ["a", "free"]);
    run.run("free");
    assert_eq!(run.wanted(), ["a"]);
}

#[test]
fn a_task_skipped_by_its_condition_satisfies_those_who_wait() {
    let mut run = Driver::queued(plan().sequential("Build").task("a").when("false").task("b").when("true"));
    assert_eq!(run.send(Input::Admitted), ["runStarted", "taskFinished a skipped conditionFalse"]);
    run.send(Input::Prepared { generation: 1 });
    assert_eq!(run.wanted(), ["b"]);
    assert_eq!(run.run("b").last().unwrap(), "runFinished succeeded");
}

#[test]
fn a_condition_that_cannot_be_evaluated_fails_the_task() {
    let mut run = Driver::queued(plan().sequential("Build").task("a").when("1 / 0 == 1").task("b"));
    let events = run.send(Input::Admitted);
    assert_eq!(
        events[1..],
        ["taskFinished a failed badValue", "taskFinished b skipped earlierFailure", "runFinished failed badValue"]
    );
}

#[test]
fn a_refused_slot_is_told_once() {
    let mut run = Driver::started(plan().sequential("Build").task("a"));
    assert_eq!(run.status("a"), TaskStatus::Pending);
    assert_eq!(run.refuse("a"), ["taskWaiting a slot"]);
    assert_eq!(run.refuse("a"), Vec::<String>::new());
    assert_eq!(run.status("a"), TaskStatus::Waiting);
    assert_eq!(run.grant("a"), ["taskStarted a", "attemptStarted a#1"]);
    assert_eq!(run.status("a"), TaskStatus::Running);
}

#[test]
fn effects_list_some_requests_for_slots_and_the_iterator_all() {
    let kit = (0..200).fold(plan().parallel("Wide"), |kit, task| kit.task(&format!("t{task}")));
    let run = Driver::started(kit);
    assert_eq!(run.effects().len(), super::super::MAX_SLOT_REQUESTS);
    assert_eq!((run.wanted().len(), run.state.slots_wanted_count()), (200, 200));
    assert_eq!(run.wanted()[..3], ["t0", "t1", "t2"]);
}

#[test]
fn counts_add_up() {
    let mut run = Driver::started(plan().parallel("Build").task("a").task("b").task("c").sequential("Test").task("d"));
    run.run("a");
    run.grant("b");
    run.refuse("c");
    let counts = run.state.counts();
    assert_eq!((counts.pending, counts.waiting, counts.running, counts.finished), (1, 1, 1, 1));
}

#[test]
fn logs_move_on_and_stay_with_their_attempt() {
    let mut run = Driver::started(plan().sequential("Build").task("a"));
    let a = run.index("a");
    let log = |from, to, attempt| Input::LogAppended { task: a, attempt, from, to, source: to + 5 };
    assert_eq!(run.send(log(0, 10, 1)), Vec::<String>::new(), "nothing runs yet");
    run.grant("a");
    assert_eq!(run.send(log(0, 10, 1)), ["logAppended a"]);
    assert_eq!(run.send(log(10, 30, 1)), ["logAppended a"]);
    assert_eq!(run.send(log(30, 40, 2)), Vec::<String>::new(), "there is no second attempt");
    assert_eq!(run.send(Input::LogTruncated { task: a, attempt: 1, limit: 30 }), ["logTruncated a"]);
    let log = run.state.log_position(a, 1);
    assert_eq!((log.source, log.stored), (35, 30));
    assert_eq!(run.state.log_position(a, 2), Default::default());
    assert_eq!(run.state.task(a).log(), log);
}

#[test]
fn what_comes_too_late_says_nothing() {
    let mut run = Driver::started(plan().sequential("Build").task("a").task("b"));
    run.run("a");
    assert_eq!(run.fail("a"), Vec::<String>::new());
    assert_eq!(run.grant("a"), Vec::<String>::new());
    assert_eq!(run.send(Input::Prepared { generation: 1 }), Vec::<String>::new());
    assert_eq!(run.send(Input::Admitted), Vec::<String>::new());
    assert_eq!(run.send(Input::Released), Vec::<String>::new());
    let nobody = crate::pipeline::TaskIndex(99);
    assert_eq!(run.send(Input::SlotGranted { task: nobody }), Vec::<String>::new());
    assert_eq!(
        run.send(Input::AttemptEnded { task: nobody, attempt: 1, end: super::driver::failed() }),
        Vec::<String>::new()
    );
}

#[test]
fn a_recovered_run_wants_what_it_wanted() {
    let mut run = Driver::started(plan().parallel("Build").task("a").task("b"));
    run.grant("a");
    let before = run.effects();
    assert_eq!(run.send(Input::Recovered), ["engineRecovered"]);
    assert_eq!(run.effects(), before);
    assert_eq!(before, ["slot b", "run a#1 in 1"]);
}

#[test]
fn a_condition_sees_how_earlier_tasks_ended_and_what_they_wrote() {
    let kit = plan().sequential("Build").task("a").allow_failure().task("b").when("tasks['a'].state == 'failed'");
    let kit = kit.task("c").when("tasks['b'].outputs.KIND == 'full'").task("d").when("tasks['c'].state == 'skipped'");
    let mut run = Driver::started(kit);
    run.grant("a");
    run.fail("a");
    assert_eq!(run.wanted(), ["b"]);
    run.grant("b");
    let outputs = [("KIND".to_owned(), "quick".to_owned())].into();
    let events = run.end("b", crate::run::AttemptEnd::Succeeded { outputs, commit: None });
    assert_eq!(events.last().unwrap(), "taskFinished c skipped conditionFalse");
    assert_eq!(run.run("d").last().unwrap(), "runFinished succeeded");
}
