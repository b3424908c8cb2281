//! Where the time of a run went, and the trace of it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::driver::{Driver, origin};
use super::kit::plan;
use super::simulation::histories;
use crate::run::timeline::{Timeline, lanes};
use crate::run::{Input, Reused, RunEvent, Seq, Sequenced, TaskEnd, WaitReason};

fn sequenced(history: &[(crate::run::Now, RunEvent)]) -> Vec<Sequenced> {
    let facts = history.iter().zip(1..);
    facts.map(|((at, event), seq)| Sequenced { run: origin(), seq: Seq(seq), at: *at, event: event.clone() }).collect()
}

fn timeline(run: &Driver) -> Timeline {
    Timeline::of(run.state.plan(), &sequenced(&run.history))
}

/// 10 ms in the queue, `a` waits 5 ms for a slot and pulls for 20 of 100 ms, `b` was done before, `c` goes on.
fn example() -> Driver {
    let kit = plan().sequential("Build").task("a").task("b").task("c").finally().task("report");
    let mut run = Driver::reusing(kit, &["b"]);
    run.pass(10);
    run.send(Input::Admitted);
    run.send(Input::Prepared { generation: 1 });
    run.refuse("a");
    run.pass(5);
    run.grant("a");
    let reason = WaitReason::new("pullingImage", "the image is being pulled");
    let task = run.index("a");
    run.send(Input::StepWaiting { task, attempt: 1, reason });
    run.pass(20);
    run.send(Input::StepRunning { task, attempt: 1 });
    run.pass(80);
    run.ok("a");
    run.grant("c");
    run.pass(7);
    run.send(Input::Recovered);
    run
}

#[test]
fn a_timeline_says_what_waited_for_what_and_how_long() {
    let shown = serde_json::to_value(timeline(&example())).unwrap();
    assert_eq!(
        (&shown["queuedMs"], &shown["durationMs"], &shown["lengthMs"]),
        (&json!(10), &Value::Null, &json!(122)),
        "{shown:#}"
    );
    let a = &shown["tasks"][0];
    assert_eq!((&a["task"], &a["stage"], &a["state"]), (&json!("a"), &json!("Build"), &json!("succeeded")));
    let waits: Vec<_> = a["waits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wait| {
            (
                wait["reason"]["code"].clone(),
                wait["offsetMs"].clone(),
                wait["durationMs"].clone(),
                wait["attempt"].clone(),
            )
        })
        .collect();
    assert_eq!(
        waits,
        [(json!("slot"), json!(10), json!(5), Value::Null), (json!("pullingImage"), json!(15), json!(20), json!(1)),]
    );
    let start = "2027-01-15T08:00:00.015Z";
    let attempt = json!({"attempt": 1, "start": start, "offsetMs": 15, "durationMs": 100, "state": "succeeded"});
    assert_eq!(a["attempts"], json!([attempt]));
    let c = &shown["tasks"][2];
    assert_eq!((&c["attempts"][0]["durationMs"], &c["finished"]), (&Value::Null, &Value::Null), "it goes on");
}

#[test]
fn a_task_that_an_earlier_run_did_says_where_and_takes_no_time() {
    let timeline = timeline(&example());
    let b = &timeline.tasks[1];
    assert_eq!((b.reused, b.state), (Some(Reused { run: origin(), attempt: 2 }), Some(TaskEnd::Succeeded)));
    assert_eq!((b.waits.len(), b.attempts.len()), (0, 0));
}

#[test]
fn a_timeline_of_no_events_is_empty() {
    let plan = plan().sequential("Build").task("a").build();
    let timeline = Timeline::of(&plan, []);
    assert_eq!((timeline.run, timeline.queued, timeline.tasks.len()), (None, None, 1));
    check_trace(&timeline.to_chrome_trace());
}

#[test]
fn a_trace_has_a_slice_for_the_run_each_task_its_attempts_and_its_waits() {
    let trace = timeline(&example()).to_chrome_trace();
    check_trace(&trace);
    let slices: Vec<_> = slices(&trace)
        .iter()
        .map(|slice| format!("{} {} {}+{}", slice["tid"], slice["name"].as_str().unwrap(), slice["ts"], slice["dur"]))
        .collect();
    assert_eq!(
        slices,
        [
            "0 queued 0+10000",
            "0 demo#3 10000+112000",
            "1 a 10000+105000",
            "1 attempt 1 15000+100000",
            "1 waiting: slot 10000+5000",
            "1 waiting: pullingImage 15000+20000",
            "1 c 115000+7000",
            "1 attempt 1 115000+7000",
        ]
    );
}

#[test]
fn traces_of_whole_runs_keep_to_the_format() {
    for (plan, history) in histories(300) {
        let facts = sequenced(&history);
        for known in [facts.len(), facts.len() / 2] {
            check_trace(&Timeline::of(&plan, &facts[..known]).to_chrome_trace());
        }
    }
}

fn slices(trace: &Value) -> Vec<&Value> {
    let events = trace["traceEvents"].as_array().unwrap();
    events.iter().filter(|event| event["ph"] == "X").collect()
}

/// What the format wants: known phases with all their fields, a name for each track, and on a track only slices that lie
/// within one another or apart; those of two tasks apart.
fn check_trace(trace: &Value) {
    let mut named = Vec::new();
    for event in trace["traceEvents"].as_array().unwrap() {
        assert!(event["name"].is_string() && event["pid"].is_u64() && event["tid"].is_u64(), "{event}");
        match event["ph"].as_str().unwrap() {
            "X" => assert!(event["ts"].is_u64() && event["dur"].is_u64() && event["cat"].is_string(), "{event}"),
            "M" => named.extend((event["name"] == "thread_name").then(|| event["tid"].as_u64())),
            other => panic!("there is no phase {other}"),
        }
    }
    let mut tracks = BTreeMap::<u64, Vec<(u64, u64, &str)>>::new();
    for slice in slices(trace) {
        let (start, length) = (slice["ts"].as_u64().unwrap(), slice["dur"].as_u64().unwrap());
        let track = slice["tid"].as_u64().unwrap();
        assert!(named.contains(&Some(track)), "track {track} has no name");
        tracks.entry(track).or_default().push((start, start + length, slice["cat"].as_str().unwrap()));
    }
    for (track, slices) in tracks {
        for (at, one) in slices.iter().enumerate() {
            for other in &slices[at + 1..] {
                let apart = one.1 <= other.0 || other.1 <= one.0;
                let within = (one.0 <= other.0 && other.1 <= one.1) || (other.0 <= one.0 && one.1 <= other.1);
                let same_kind = one.2 == other.2;
                assert!(apart || (within && !same_kind), "{one:?} and {other:?} overlap on track {track}");
            }
        }
    }
}

proptest! {
    #[test]
    fn lanes_are_as_few_as_can_be_and_nothing_overlaps_on_one(spans in proptest::collection::vec((0..50u64, 0..20u64), 0..40)) {
        let spans: Vec<_> = spans.into_iter().map(|(start, length)| (start, start + length)).collect();
        let lanes = lanes(&spans);
        for (at, one) in spans.iter().enumerate() {
            for (other_at, other) in spans.iter().enumerate().skip(at + 1) {
                let apart = one.1 <= other.0 || other.1 <= one.0;
                prop_assert!(apart || lanes[at] != lanes[other_at]);
            }
        }
        let at_once = |moment: u64| spans.iter().filter(|(start, end)| *start == moment || (*start < moment && moment < *end)).count();
        let most = (0..70).map(at_once).max().unwrap_or(0);
        prop_assert!(lanes.iter().all(|lane| *lane < most.max(1)));
    }
}
