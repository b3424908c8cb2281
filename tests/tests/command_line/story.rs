//! One pipeline with everything in it, told by its events in order.

use serde_json::Value;

use crate::program::Place;

const STORY: &str = r#"
name: story
parameters:
  - {name: TARGET, dynamic: true, default: dev, choices: [dev, prod]}
stages:
  - name: Prepare
    tasks:
      - name: version
        script: |
          echo "making a version"
          echo "VERSION=1.2.$BUILD_NUMBER" >> "$WINDLASS_OUTPUT"
        outputs: [VERSION]
      - {name: never, when: "TARGET == 'prod'", script: echo no}
      - {name: tolerated, allowFailure: true, script: exit 7}
  - name: Test
    order: parallel
    failFast: false
    tasks:
      - {name: unit, matrix: {PY: ["3.11", "3.12"]}, env: {V: "${version.VERSION}"}, script: 'echo "unit $PY of $V"'}
      - name: broken
        script: |
          echo "checking"
          frobnicate --now
  - name: Deploy
    tasks:
      - {name: rollout, script: echo no}
finally:
  - {name: report, script: 'echo "it was $WINDLASS_STATUS"'}
"#;

/// The types and tasks of the events, without what may come in any order: the tasks of a parallel stage.
fn told(events: &[Value], of_task: &str) -> Vec<String> {
    let word = |event: &Value| {
        let state = event["state"].as_str().map_or(String::new(), |state| format!(" {state}"));
        format!("{}{state}", event["type"].as_str().unwrap())
    };
    events.iter().filter(|event| event["task"].as_str().unwrap_or("") == of_task).map(word).collect()
}

fn position(events: &[Value], kind: &str, task: &str) -> usize {
    let is_it = |event: &Value| event["type"] == kind && (task.is_empty() || event["task"] == task);
    events.iter().position(is_it).unwrap_or_else(|| panic!("no {kind} of {task:?} in {events:#?}"))
}

fn log_of(events: &[Value], task: &str) -> String {
    events.iter().filter(|event| event["task"] == task).filter_map(|event| event["text"].as_str()).collect()
}

#[test]
fn the_events_tell_it_all_in_order() {
    let place = Place::with(STORY);
    let said = place.run(&["run", "ci.yaml", "--json"]).expect(1);
    assert_eq!(said.err, "");
    let events = said.events();

    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    for event in &events {
        assert!(event["run"].is_string() && event["time"].as_str().unwrap().ends_with('Z'), "{event}");
    }

    assert_eq!(told(&events, ""), ["runQueued", "runStarted", "finallyStarted", "runFinished failed"]);
    let whole = ["taskStarted", "attemptStarted", "log", "attemptFinished succeeded", "taskFinished succeeded"];
    for task in ["version", "unit[PY=3.11]", "unit[PY=3.12]", "report"] {
        assert_eq!(told(&events, task), whole, "{task}");
    }
    assert_eq!(told(&events, "never"), ["taskFinished skipped"]);
    let silent = ["taskStarted", "attemptStarted", "attemptFinished failed", "taskFinished failed"];
    assert_eq!(told(&events, "tolerated"), silent);
    assert_eq!(told(&events, "rollout"), ["taskFinished skipped"]);

    assert_eq!(log_of(&events, "unit[PY=3.11]"), "unit 3.11 of 1.2.1\n");
    assert_eq!(log_of(&events, "report"), "it was failed\n");

    let at = |kind, task| position(&events, kind, task);
    assert!(at("taskFinished", "version") < at("taskFinished", "never"));
    assert!(at("taskFinished", "never") < at("taskStarted", "tolerated"));
    assert!(at("taskFinished", "tolerated") < at("taskStarted", "unit[PY=3.11]"));
    assert!(at("taskFinished", "unit[PY=3.12]") < at("finallyStarted", ""));
    assert!(at("taskFinished", "broken") < at("taskFinished", "rollout"));
    assert!(at("taskFinished", "rollout") < at("taskStarted", "report"));
    assert_eq!(at("runFinished", ""), events.len() - 1);
}

#[test]
fn events_have_the_fields_that_scripts_rely_on() {
    let place = Place::with(STORY);
    let events = place.run(&["run", "ci.yaml", "--json"]).expect(1).events();
    let broken = &events[position(&events, "taskFinished", "broken")];
    assert_eq!((&broken["state"], &broken["exitCode"]), (&"failed".into(), &127.into()));
    assert_eq!(broken["cause"]["code"], "commandNotFound");
    assert!(broken["cause"]["message"].as_str().unwrap().contains("frobnicate"));
    assert!(!broken["cause"]["advice"].as_str().unwrap().is_empty());
    assert!(broken["durationMs"].is_u64());
    let skipped = &events[position(&events, "taskFinished", "never")];
    assert_eq!((&skipped["state"], &skipped["exitCode"]), (&"skipped".into(), &Value::Null));
    let version = &events[position(&events, "attemptFinished", "version")];
    assert_eq!((&version["attempt"], &version["cause"], &version["exitCode"]), (&1.into(), &Value::Null, &0.into()));
    let log = &events[position(&events, "log", "version")];
    assert_eq!((&log["attempt"], &log["offset"]), (&1.into(), &0.into()));
    let started = &events[position(&events, "taskStarted", "report")];
    assert_eq!(started["stage"], Value::Null);
}

#[test]
fn a_failing_run_says_what_failed_why_and_what_to_do() {
    let place = Place::with(STORY);
    let said = place.run(&["run", "ci.yaml"]).expect(1);
    let text = said.text();
    assert!(!text.contains('\u{1b}'), "no colours for files");
    let report = text.split_once("\n\n").unwrap().1;
    let at = |words: &str| report.find(words).unwrap_or_else(|| panic!("{words:?} is not in:\n{text}"));
    assert!(at("✗ broken: failed (exit 127, ") < at("last lines:\n    checking\n"));
    assert!(at("last lines:") < at("cause: ") && at("cause: ") < at("what to do: "));
    assert!(at("what to do: ") < at("✗ story#1 failed in "));
    assert!(at("4 succeeded, 1 failed, 1 failed and may, 2 skipped") < at("windlass logs "));
    assert!(!report.contains("✗ tolerated"), "{report}");
}

#[test]
fn what_happened_can_be_looked_up_later() {
    let place = Place::with(STORY);
    let live = place.run(&["run", "ci.yaml", "--json"]).expect(1);
    place.run(&["run", "ci.yaml", "--param", "TARGET=prod"]).expect(1);

    let stored = place.run(&["show", "story#1", "--events", "--json"]).expect(0);
    assert_eq!(stored.text(), live.text());

    let shown = place.run(&["show", "story#1"]).expect(0).text();
    assert!(shown.contains("VERSION = \"1.2.1\"") && shown.contains("what to do: "), "{shown}");
    let id = live.events()[0]["run"].as_str().unwrap().to_owned();
    let summary = &place.run(&["show", &id, "--json"]).expect(0).events()[0];
    assert_eq!((&summary["number"], &summary["status"]), (&1.into(), &"failed".into()));

    let runs = place.run(&["runs"]).expect(0).text();
    let lines: Vec<&str> = runs.lines().collect();
    assert!(lines[1].starts_with("story#2  failed  manual") && lines[2].starts_with("story#1 "), "{runs}");
    assert_eq!(place.run(&["runs", "--status", "succeeded", "--json"]).expect(0).text(), "");
    assert_eq!(place.run(&["runs", "--limit", "1", "--json"]).expect(0).events()[0]["number"], 2);
}

#[test]
fn the_plan_and_the_schema_need_no_data_directory() {
    let place = Place::with(STORY);
    let plan = place.run(&["plan", "ci.yaml"]).expect(0).text();
    assert!(plan.contains("unit[PY=3.12]") && plan.contains("when TARGET == 'prod'"), "{plan}");
    let plan = &place.run(&["plan", "ci.yaml", "--param", "TARGET=prod", "--json"]).expect(0).events()[0];
    assert_eq!(plan["parameters"]["TARGET"], "prod");
    assert_eq!(plan["stages"][1]["tasks"][0]["matrix"]["PY"], "3.11");
    let schema: Value = serde_json::from_str(&place.run(&["schema"]).expect(0).text()).unwrap();
    assert!(schema["properties"]["stages"].is_object());
    assert!(!place.data_dir().exists());
}

#[test]
fn a_folder_can_be_the_workspace() {
    let place = Place::with("name: p\nstages: [{name: S, tasks: [{name: a, script: 'cat greeting; ls'}]}]\n");
    place.write("greeting", "hello from here\n");
    place.write(".gitignore", "secret\n");
    place.write("secret", "");
    let text = place.run(&["run", "ci.yaml", "--source", "."]).expect(0).text();
    assert!(text.contains("a | hello from here\n") && !text.contains("a | secret"), "{text}");
}

#[test]
fn an_image_that_means_nothing_here_is_said_to() {
    let place = Place::with("name: p\nstages: [{name: S, tasks: [{name: a, image: python, script: 'true'}]}]\n");
    let said = place.run(&["run", "ci.yaml"]).expect(0);
    assert_eq!(said.err, "note: the local executor has no images; `image` of 1 task is ignored\n");
}
