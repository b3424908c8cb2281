//! `windlass show`: a run as it was, and where its time went.

use crate::program::Place;

const TWO: &str =
    "name: p\nstages: [{name: S, tasks: [{name: a, script: 'sleep 0.2'}, {name: later, script: 'true'}]}]\n";

fn ran() -> Place {
    let place = Place::with(TWO);
    place.run(&["run", "ci.yaml"]).expect(0);
    place
}

#[test]
fn a_run_as_it_was_at_any_event() {
    let place = ran();
    let events = place.run(&["show", "latest", "--events", "--json"]).expect(0).events();
    let at = |seq: &str| place.run(&["show", "latest", "--at", seq, "--json"]).expect(0).events()[0].clone();
    let ended = events.iter().find(|event| event["type"] == "taskFinished" && event["task"] == "a").unwrap();
    let then = at(&ended["seq"].to_string());
    assert_eq!((&then["status"], &then["tasks"][0]["status"]), (&"running".into(), &"succeeded".into()));
    assert_eq!(at("1")["status"], "queued");
    let last = events.last().unwrap()["seq"].to_string();
    assert_eq!(at(&last)["status"], "succeeded");
    let said = place.run(&["show", "latest", "--at", "9999"]).expect(2);
    assert!(said.err.contains("has no event 9999"), "{}", said.err);
}

#[test]
fn where_the_time_went() {
    let place = ran();
    let text = place.run(&["show", "latest", "--timeline"]).expect(0).text();
    for task in ["  a  ", "  later  "] {
        assert!(text.lines().any(|line| line.starts_with(task) && line.contains('█')), "{text}");
    }
    let json = place.run(&["show", "latest", "--timeline", "--json"]).expect(0).events();
    assert!(json[0]["tasks"][0]["attempts"][0]["durationMs"].as_u64().unwrap() >= 200);
    let trace = place.run(&["show", "latest", "--trace"]).expect(0).events();
    assert!(trace[0]["traceEvents"].as_array().is_some_and(|events| !events.is_empty()), "{}", trace[0]);
}
