//! The checks on invented observations: a right one passes, and each kind of damage is found under its own invariant.

use serde_json::json;

use super::*;
use crate::kill::scenario::ScenarioName;

/// What a perfect engine shows of a scenario: each log in two pieces, tasks one after another.
fn perfect(scenario: &Scenario) -> Observation {
    let mut seen = Observation {
        runs: vec!["run".to_owned()],
        state: scenario.ends[0].0.to_owned(),
        exit_code: Some(scenario.ends[0].1),
        ..Observation::default()
    };
    for name in &scenario.artifacts {
        seen.artifacts.push((*name).to_owned());
        seen.blobs.push(format!("runs/run/{name}.1/name.tar.gz"));
    }
    seen.files.extend(scenario.kept.map(|file| format!("executors/local/run/workspace-1/{file}")));
    push(&mut seen, json!({"type": "runQueued"}));
    push(&mut seen, json!({"type": "runStarted"}));
    seen.events.push(json!({"seq": 0}));
    for (name, task) in &scenario.tasks {
        for (attempt, expected) in (1u64..).zip(&task.attempts) {
            perfect_attempt(&mut seen, name, attempt, expected);
        }
        push(&mut seen, json!({"type": "taskFinished", "task": name, "state": task.states[0]}));
    }
    push(&mut seen, json!({"type": "runFinished"}));
    // The number of the ready workspace is never shown.
    seen.events.remove(2);
    seen
}

fn perfect_attempt(seen: &mut Observation, name: &str, attempt: u64, expected: &ExpectedAttempt) {
    let log = match &expected.log {
        ExpectedLog::OneOf(logs) => logs[0].clone(),
        ExpectedLog::BeginningOf(log) | ExpectedLog::BeginningOfNoted(log) => log[..log.len().min(100)].to_vec(),
        ExpectedLog::Noted(log) => [&log[..], b"[windlass] artifact \"a\": stored\n"].concat(),
        ExpectedLog::Again(log) => log.clone(),
    };
    let word = witness_name(name);
    seen.witness.push(format!("start {word} {attempt}"));
    seen.witness.extend(expected.completes.then(|| format!("end {word} {attempt}")));
    push(seen, json!({"type": "attemptStarted", "task": name, "attempt": attempt}));
    let middle = log.len() / 2;
    for (offset, part) in [(0, &log[..middle]), (middle, &log[middle..])] {
        let text = String::from_utf8(part.to_vec()).unwrap();
        push(seen, json!({"type": "log", "task": name, "attempt": attempt, "offset": offset, "text": text}));
    }
    push(seen, json!({"type": "attemptFinished", "task": name, "attempt": attempt}));
    seen.logs.insert((name.to_owned(), attempt), log);
}

fn push(seen: &mut Observation, mut event: Value) {
    event["seq"] = json!(seen.events.len() + 1);
    seen.events.push(event);
}

fn steady() -> (Scenario, Observation) {
    let scenario = ScenarioName::Steady.scenario();
    let seen = perfect(&scenario);
    (scenario, seen)
}

/// The invariants that are broken, each once.
fn broken(scenario: &Scenario, seen: &Observation) -> Vec<Invariant> {
    let found: BTreeSet<Invariant> = check(scenario, seen).into_iter().map(|violation| violation.invariant).collect();
    found.into_iter().collect()
}

fn position(seen: &Observation, kind: &str, task: &str) -> usize {
    seen.events.iter().position(|event| event["type"] == kind && event["task"] == task).unwrap()
}

#[test]
fn what_a_perfect_engine_shows_passes() {
    for name in ScenarioName::ALL {
        let scenario = name.scenario();
        let mut seen = perfect(&scenario);
        seen.shown = vec![seen.events[..7].to_vec(), seen.events.clone()];
        assert_eq!(check(&scenario, &seen), []);
    }
}

#[test]
fn a_run_that_never_was_may_not_leave_anything() {
    let scenario = ScenarioName::Steady.scenario();
    assert_eq!(check(&scenario, &Observation::default()), []);
    let worked = Observation { witness: vec!["start burst 1".to_owned()], ..Observation::default() };
    assert_eq!(broken(&scenario, &worked), [Invariant::EveryStepOnce]);
    let told = Observation { shown: vec![vec![json!({"seq": 1})]], ..Observation::default() };
    assert_eq!(broken(&scenario, &told), [Invariant::ShownIsDurable]);
}

#[test]
fn a_lost_doubled_or_swapped_piece_of_log_is_found() {
    let (scenario, seen) = steady();
    let at = position(&seen, "log", "burst");

    let mut lost = seen.clone();
    lost.events[at]["text"] = json!("");
    assert_eq!(broken(&scenario, &lost), [Invariant::EveryLineOnce]);

    let mut doubled = seen.clone();
    let text = doubled.events[at]["text"].as_str().unwrap().repeat(2);
    doubled.events[at]["text"] = json!(text);
    assert_eq!(broken(&scenario, &doubled), [Invariant::EveryLineOnce]);

    let mut swapped = seen.clone();
    let (one, two) = (swapped.events[at]["text"].take(), swapped.events[at + 1]["text"].take());
    (swapped.events[at]["text"], swapped.events[at + 1]["text"]) = (two, one);
    assert_eq!(broken(&scenario, &swapped), [Invariant::EveryLineOnce]);
}

#[test]
fn the_log_verb_must_print_the_bytes_of_the_events() {
    let (scenario, seen) = steady();
    for key in [("burst", 1), ("flaky", 1), ("overtime", 1)] {
        let mut seen = seen.clone();
        seen.logs.get_mut(&(key.0.to_owned(), key.1)).unwrap().pop();
        assert_eq!(broken(&scenario, &seen), [Invariant::EveryLineOnce], "{key:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_compared_as_bytes() {
    let (scenario, mut seen) = steady();
    let at = position(&seen, "log", "make");
    let text = seen.events[at]["text"].as_str().unwrap().to_owned();
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let event = seen.events[at].as_object_mut().unwrap();
    event.remove("text");
    event.insert("textBase64".to_owned(), json!(encoded));
    assert_eq!(check(&scenario, &seen), []);
}

#[test]
fn a_step_that_starts_twice_or_never_is_found() {
    let (scenario, seen) = steady();
    let mut twice = seen.clone();
    twice.witness.push("start slow 1".to_owned());
    assert_eq!(broken(&scenario, &twice), [Invariant::EveryStepOnce]);

    let mut never = seen.clone();
    never.witness.retain(|line| line != "start flaky 2");
    assert_eq!(broken(&scenario, &never), [Invariant::EveryStepOnce]);

    let mut skipped = seen.clone();
    skipped.witness.push("start never 1".to_owned());
    assert_eq!(broken(&scenario, &skipped), [Invariant::EveryStepOnce]);

    let mut stopped = seen.clone();
    stopped.witness.retain(|line| line != "start overtime 1");
    assert_eq!(check(&scenario, &stopped), [], "a step may be stopped before it starts");
}

#[test]
fn what_is_left_behind_is_found() {
    let (scenario, mut seen) = steady();
    seen.processes.push("4711 sleep 300".to_owned());
    seen.files.push("executors/local/x".to_owned());
    assert_eq!(broken(&scenario, &seen), [Invariant::NoProcessLeft, Invariant::NoFileLeft]);
}

#[test]
fn a_workspace_that_is_not_kept_or_not_alone_is_found() {
    let scenario = ScenarioName::Failing.scenario();
    let mut seen = perfect(&scenario);
    seen.files.push("executors/local/run/steps/breaks/token".to_owned());
    assert_eq!(broken(&scenario, &seen), [Invariant::NoFileLeft]);
    seen.files.clear();
    assert_eq!(broken(&scenario, &seen), [Invariant::WorkspaceKept]);
}

#[test]
fn events_that_do_not_add_up_are_found() {
    let (scenario, seen) = steady();
    let end = position(&seen, "taskFinished", "slow");

    let mut twice = seen.clone();
    let event = twice.events[end].clone();
    twice.events.insert(end, event);
    assert_eq!(broken(&scenario, &twice), [Invariant::EventsAddUp]);

    let mut missing = seen.clone();
    missing.events.remove(end);
    assert_eq!(broken(&scenario, &missing), [Invariant::EventsAddUp]);

    let mut attempts = seen.clone();
    let started = position(&seen, "attemptStarted", "slow");
    attempts.events[started]["attempt"] = json!(2);
    assert_eq!(broken(&scenario, &attempts), [Invariant::EventsAddUp]);

    let mut late = seen.clone();
    push(&mut late, json!({"type": "taskStarted", "task": "slow"}));
    late.events.last_mut().unwrap()["seq"] = json!(seen.events.len() + 2);
    assert_eq!(broken(&scenario, &late), [Invariant::EventsAddUp]);

    let mut freed = seen.clone();
    freed.events.push(json!({"seq": seen.events.len() + 2, "type": "engineRecovered"}));
    assert_eq!(check(&scenario, &freed), [], "an engine may come only to free what an ended run held");

    let again = Observation { taken_up_again: vec![json!({"type": "engineRecovered"})], ..seen.clone() };
    assert_eq!(broken(&scenario, &again), [Invariant::EventsAddUp]);

    let mut two = seen;
    two.runs.push("another".to_owned());
    assert_eq!(broken(&scenario, &two), [Invariant::EventsAddUp]);
}

#[test]
fn what_was_shown_and_is_gone_or_changed_is_found() {
    let (scenario, seen) = steady();
    let mut gone = seen.clone();
    gone.shown = vec![vec![json!({"seq": 999, "type": "log"})]];
    assert_eq!(broken(&scenario, &gone), [Invariant::ShownIsDurable]);

    let mut changed = seen.clone();
    let mut event = seen.events[3].clone();
    event["task"] = json!("another");
    changed.shown = vec![vec![event]];
    assert_eq!(broken(&scenario, &changed), [Invariant::ShownIsDurable]);
}

#[test]
fn an_end_that_the_definition_does_not_allow_is_found() {
    let (scenario, seen) = steady();
    let mut lost = seen.clone();
    let end = position(&seen, "taskFinished", "slow");
    lost.events[end]["state"] = json!("lost");
    assert_eq!(broken(&scenario, &lost), [Invariant::EndsAsDefined]);

    let unfinished = Observation { state: "running".to_owned(), ..seen.clone() };
    assert_eq!(broken(&scenario, &unfinished), [Invariant::EndsAsDefined]);

    let wrong_code = Observation { exit_code: Some(3), ..seen };
    assert_eq!(broken(&scenario, &wrong_code), [Invariant::EndsAsDefined]);
}

#[test]
fn a_cancelled_run_may_stop_anywhere_and_still_runs_its_end() {
    let scenario = ScenarioName::Cancelled.scenario();
    let mut seen = perfect(&scenario);
    seen.state = "cancelled".to_owned();
    assert_eq!(broken(&scenario, &seen), [Invariant::EndsAsDefined], "the exit code is not that of a cancelled run");
    seen.exit_code = Some(130);
    let end = position(&seen, "taskFinished", "slow");
    seen.events[end]["state"] = json!("cancelled");
    assert_eq!(check(&scenario, &seen), []);
    seen.witness.retain(|line| line != "start report 1");
    assert_eq!(broken(&scenario, &seen), [Invariant::EveryStepOnce]);
}

#[test]
fn only_the_shells_word_about_a_signal_is_left_out() {
    assert_eq!(super::without_last_words(b"one\ntwo\nTerminated\n"), b"one\ntwo\n");
    assert_eq!(super::without_last_words(b"one\nscript: line 3: 17 Killed sleep 1\n"), b"one\n");
    assert_eq!(super::without_last_words(b"Terminated\n"), b"");
    for kept in [&b"one\ntwo"[..], b"one\ntwo\n", b"", b"\n"] {
        assert_eq!(super::without_last_words(kept), kept);
    }
}

/// As if the attempt at `tell` had been cut off after two lines, and been called again.
fn called_again(seen: &mut Observation, first: &str) {
    let at = position(seen, "log", "tell");
    let log = [first.as_bytes(), AGAIN, &seen.logs[&("tell".to_owned(), 1)]].concat();
    seen.events[at]["text"] = json!(String::from_utf8(log.clone()).unwrap());
    seen.events[at + 1]["text"] = json!("");
    seen.events[at + 1]["offset"] = json!(log.len());
    seen.logs.insert(("tell".to_owned(), 1), log);
    seen.witness.push("start tell 1".to_owned());
}

#[test]
fn an_action_may_be_called_once_by_each_process_and_its_log_goes_on() {
    let scenario = ScenarioName::Acting.scenario();
    let mut seen = perfect(&scenario);
    called_again(&mut seen, "tell 1\ntell 2\n");
    assert_eq!(broken(&scenario, &seen), [Invariant::EveryStepOnce], "one process calls it once");
    seen.shown = vec![Vec::new(), Vec::new()];
    assert_eq!(broken(&scenario, &seen), []);

    let mut seen = perfect(&scenario);
    seen.shown = vec![Vec::new(), Vec::new()];
    called_again(&mut seen, "tell 1\ntell 3\n");
    assert_eq!(broken(&scenario, &seen), [Invariant::EveryLineOnce], "a line was lost before the second call");

    let mut seen = perfect(&scenario);
    seen.shown = vec![Vec::new(), Vec::new()];
    seen.witness.push("start careful 1".to_owned());
    assert_eq!(broken(&scenario, &seen), [Invariant::EveryStepOnce], "one that must not be repeated was called twice");
}

#[test]
fn what_a_cluster_told_meanwhile_is_left_out_also_in_the_middle_of_a_line() {
    let log = b"one\ntwo\nthree\n";
    let news = "[windlass] 2026-11-29T06:31:47Z Started: Started container s-1\n";
    for got in [format!("{news}one\ntwo\nthree\n"), format!("one\ntw\n{news}o\nthree\n{news}")] {
        assert_eq!(super::without_news(log, got.as_bytes()), log);
    }
    let doubled = format!("one\n{news}one\ntwo\nthree\n");
    assert_ne!(super::without_news(log, doubled.as_bytes()), log);
    assert_eq!(super::without_news(log, AGAIN), AGAIN);
}

#[test]
fn what_is_filed_halfway_is_noticed() {
    let scenario = ScenarioName::Filing.scenario();
    let right = perfect(&scenario);
    let also = |more: &[&str]| {
        let mut seen = right.clone();
        seen.blobs.extend(more.iter().map(|blob| (*blob).to_owned()));
        seen
    };
    let whole =
        ["caches/a/b/c.json", "caches/a/b/c-run.tar.gz", "runs/run/test.1/tests.json", "expiring/1/run/image.1/a"];
    assert_eq!(check(&scenario, &also(&whole)), []);
    for more in ["runs/run/image.1/name.tar.gz#1", "runs/run/image.2/name.tar.gz", "caches/a/b/c-run.tar.gz", "other"] {
        assert_eq!(broken(&scenario, &also(&[more])), [Invariant::FiledWhole], "{more}");
    }
    let mut missing = right.clone();
    missing.artifacts.pop();
    missing.blobs.pop();
    assert_eq!(broken(&scenario, &missing), [Invariant::FiledWhole]);
    let mut half = right;
    half.broken.push("the artifact image is not what its task left".to_owned());
    assert_eq!(broken(&scenario, &half), [Invariant::FiledWhole]);
}

#[test]
fn a_run_that_is_cancelled_before_its_start_has_done_nothing() {
    let scenario = ScenarioName::FilingCancelled.scenario();
    let mut right =
        Observation { runs: vec!["run".to_owned()], state: "cancelled".to_owned(), ..Observation::default() };
    push(&mut right, json!({"type": "runQueued"}));
    push(&mut right, json!({"type": "taskFinished", "task": "source", "state": "skipped"}));
    push(&mut right, json!({"type": "runFinished"}));
    assert_eq!(check(&scenario, &right), []);
    let mut stepped = right.clone();
    stepped.witness.push("start source 1".to_owned());
    assert_eq!(broken(&scenario, &stepped), [Invariant::EveryStepOnce]);
    let mut filed = right.clone();
    filed.blobs.push("caches/a/b/c.json".to_owned());
    assert_eq!(broken(&scenario, &filed), [Invariant::FiledWhole]);
    push(&mut right, json!({"type": "attemptStarted", "task": "source", "attempt": 1}));
    assert_eq!(broken(&scenario, &right), [Invariant::EventsAddUp]);
}
