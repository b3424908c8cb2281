//! What the engine asks a plan while a run goes on, and what steps write.

use std::collections::HashMap;

use insta::{assert_debug_snapshot, assert_snapshot};
use proptest::prelude::*;

use super::planning::planned;
use crate::pipeline::*;

#[derive(Default)]
struct History {
    states: HashMap<u32, &'static str>,
    outputs: HashMap<(u32, &'static str), &'static str>,
}

impl TaskHistory for History {
    fn state(&self, task: TaskIndex) -> &str {
        self.states.get(&task.0).copied().unwrap_or("pending")
    }
    fn output(&self, task: TaskIndex, key: &str) -> Option<&str> {
        self.outputs.iter().find(|((at, name), _)| *at == task.0 && *name == key).map(|(_, value)| *value)
    }
}

fn facts(history: &History) -> RunFacts<'_> {
    RunFacts { run_id: "0191", number: 7, attempt: 2, status: "running", url: "", commit: None, tasks: history }
}

const DOCUMENT: &str = "
name: web
parameters: [{name: TARGET, value: '$(id)'}]
env: {SHARED: 'all-$TARGET', BOTH: pipeline}
stages:
  - name: Build
    order: parallel
    tasks:
      - {name: make, script: 'echo $TARGET', outputs: [VERSION]}
      - {name: unit, script: x, outputs: [COUNT], matrix: {PY: ['3.11', '3.12']}, image: 'python:$PY', env: {BOTH: 'task-${TASK_NAME}'}}
  - name: Ship
    when: tasks['unit'].state == 'succeeded'
    tasks:
      - {name: ask, approve: {message: 'Ship ${make.VERSION} of $PIPELINE_NAME #$BUILD_NUMBER?'}}
      - {name: end, script: x, when: \"tasks['unit[PY=3.12]'].outputs.COUNT == '5'\", env: {A: '${make.VERSION:-none}'}}
";

#[test]
fn a_step_gets_its_environment() {
    let plan = planned(DOCUMENT);
    let history = History::default();
    let unit = plan.index_of("unit[PY=3.12]").unwrap();
    let resolved = plan.resolve(unit, &facts(&history)).unwrap();
    assert_debug_snapshot!(resolved);
}

#[test]
fn a_missing_output_is_a_bad_value_with_advice() {
    let plan = planned(DOCUMENT);
    let mut history = History::default();
    let ask = plan.index_of("ask").unwrap();
    let error = plan.resolve(ask, &facts(&history)).unwrap_err();
    assert_snapshot!(format!("{error}; {}", error.advice), @r#"${make.VERSION} in "Ship ${make.VERSION} of $PIPELINE_NAME #$BUILD_NUMBER?" has no value; let "make" write VERSION=… to "$WINDLASS_OUTPUT", or write ${make.VERSION:-default}"#);
    history.outputs.insert((0, "VERSION"), "1.2 $TARGET");
    let message = plan.resolve(ask, &facts(&history)).unwrap().message;
    assert_eq!(message.as_deref(), Some("Ship 1.2 $TARGET of web #7?"));
}

#[test]
fn conditions_see_states_and_outputs() {
    let plan = planned(DOCUMENT);
    let end = plan.index_of("end").unwrap();
    let mut history = History { states: HashMap::from([(1, "succeeded"), (2, "failed")]), ..History::default() };
    assert_eq!(plan.condition(end, &facts(&history)), Ok(false), "an instance failed, so the whole did");
    history.states.insert(2, "succeeded");
    assert_eq!(plan.condition(end, &facts(&history)), Ok(false), "the output is not there");
    history.outputs.insert((2, "COUNT"), "5");
    assert_eq!(plan.condition(end, &facts(&history)), Ok(true));
}

#[test]
fn values_of_any_form_are_resolved_inside() {
    let plan = planned(DOCUMENT);
    let history = History::default();
    let facts = facts(&history);
    let scope = plan.scope(TaskIndex(0), &facts);
    let value = serde_json::json!({"$TARGET": ["$BUILD_NUMBER", 5, {"a": "$$x"}]});
    assert_eq!(resolve_value(&value, &scope).unwrap(), serde_json::json!({"$TARGET": ["7", 5, {"a": "$x"}]}));
    assert!(resolve_value(&serde_json::json!("$WORKSPACE"), &scope).is_err());
}

fn declared() -> Vec<VariableName> {
    ["VERSION", "NOTES"].map(|name| VariableName::new(name).unwrap()).to_vec()
}

#[test]
fn outputs_are_lines_and_blocks() {
    let text = "VERSION=1.0\n\nVERSION=a=b<<c \r\nNOTES<<END\nfirst=1\n\n  END\nEND\n";
    let outputs = parse_outputs(text.as_bytes(), &declared()).unwrap();
    assert_eq!(outputs["VERSION"], "a=b<<c ");
    assert_eq!(outputs["NOTES"], "first=1\n\n  END");
    assert!(parse_outputs(b"", &declared()).unwrap().is_empty());
    assert_eq!(parse_outputs(b"NOTES<<X\nX", &declared()).unwrap()["NOTES"], "");
}

#[test]
fn wrong_outputs_are_told_with_their_line() {
    let wrong = |bytes: &[u8]| {
        let error = parse_outputs(bytes, &declared()).unwrap_err();
        format!("{error}; {}", error.advice)
    };
    assert_snapshot!(wrong(b"VERSION=1\nVERSOIN=2\n"), @r#"line 2 of $WINDLASS_OUTPUT: the task does not declare an output "VERSOIN", did you mean "VERSION"?; add VERSOIN to the outputs of the task, or write a declared key"#);
    assert_snapshot!(wrong(b"hello world\n"), @r#"line 1 of $WINDLASS_OUTPUT: "hello world" is neither KEY=VALUE nor KEY<<END; write one line KEY=VALUE for each output"#);
    assert_snapshot!(wrong(b"NOTES<<END\nx\n"), @r#"line 1 of $WINDLASS_OUTPUT: the value that begins here never ends with a line "END"; write END alone on a line after the value"#);
    assert_snapshot!(wrong(b"VERSION=1\nNOTES=\xff\n"), @"line 2 of $WINDLASS_OUTPUT: not UTF-8 at offset 16; write text only; encode other data, for example with base64");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_outputs_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "(VERSION|NOTES|X)?[=<]{0,2}[A-Z\n]{0,20}") {
        let _ = parse_outputs(&bytes, &declared());
        let _ = parse_outputs(text.as_bytes(), &declared());
    }

    #[test]
    fn a_value_of_one_line_comes_back(value in "[^\r\n]{0,40}") {
        let outputs = parse_outputs(format!("VERSION={value}\n").as_bytes(), &declared()).unwrap();
        prop_assert_eq!(&outputs["VERSION"], &value);
    }

    #[test]
    fn duration_texts_come_back(nanos in 1u64..300_000_000_000_000_000, text in any::<String>()) {
        let duration = HumanDuration::from(std::time::Duration::from_nanos(nanos));
        prop_assert_eq!(HumanDuration::parse(&duration.to_string()).unwrap(), duration);
        let _ = HumanDuration::parse(&text);
    }
}
