//! Definitions and arguments that are wrong: exit code 2, the place, what was probably meant, and nothing started.

use crate::program::{Place, Said};

/// Runs the definition, and sees to it that it is refused by `run` and by `validate`, with these words, without a trace.
#[track_caller]
fn refused(definition: impl AsRef<[u8]>, words: &[&str]) {
    let place = Place::new();
    place.write("ci.yaml", definition);
    for verb in ["run", "validate"] {
        let said = place.run(&[verb, "ci.yaml"]).expect(2);
        for words in words {
            assert!(said.err.contains(words), "{words:?} is not in:\n{}", shortened(&said.err));
        }
        assert_eq!(said.text(), "", "results only to stdout");
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }
    assert!(!place.data_dir().exists(), "nothing was started");
}

fn shortened(text: &str) -> String {
    text.chars().take(2000).collect()
}

/// A pipeline with one task, made of this.
fn task(body: &str) -> String {
    format!("name: p\nstages:\n  - name: S\n    tasks:\n      - {body}\n")
}

#[test]
fn unknown_key_with_a_near_miss() {
    refused("name: p\nstagse: []\n", &["ci.yaml:2:1: ", "stagse", "did you mean \"stages\"?"]);
    refused(task("{name: a, script: x, imgae: y}"), &["ci.yaml:5:30: ", "did you mean \"image\"?"]);
}

#[test]
fn duplicate_key() {
    refused("name: p\nname: q\nstages: []\n", &["ci.yaml:2:1: ", "name"]);
}

#[test]
fn two_actions_or_none() {
    refused(task("{name: a, script: x, approve: {}}"), &["ci.yaml:5:", "script", "approve"]);
    refused(task("{name: a}"), &["ci.yaml:5:", "stages[0].tasks[0]"]);
}

#[test]
fn duplicate_names() {
    let text =
        "name: p\nstages:\n  - name: S\n    tasks:\n      - {name: a, script: x}\n      - {name: a, script: y}\n";
    refused(text, &["ci.yaml:6:", "a"]);
}

#[test]
fn needs_in_a_circle_or_of_nobody() {
    let circle = "name: p\nstages:\n  - name: S\n    tasks:\n      - {name: a, script: x, needs: [b]}\n      - {name: b, script: y, needs: [a]}\n";
    refused(circle, &["ci.yaml:", "needs"]);
    refused(task("{name: unit, script: x, needs: [unti]}"), &["ci.yaml:5:", "unti"]);
}

#[test]
fn variables_and_outputs_that_nobody_defines() {
    refused(task("{name: a, script: x, env: {V: \"$NOPE\"}}"), &["ci.yaml:5:", "NOPE"]);
    let text = "name: p\nstages:\n  - name: S\n    tasks:\n      - {name: a, script: x}\n      - {name: b, script: y, env: {V: \"${a.KEY}\"}}\n";
    refused(text, &["ci.yaml:6:", "KEY"]);
}

#[test]
fn conditions_durations_and_types() {
    refused(task("{name: a, script: x, when: \"TARGET ==\"}"), &["ci.yaml:5:"]);
    refused(task("{name: a, script: x, timeout: soon}"), &["ci.yaml:5:", "soon", "10m"]);
    refused(task("{name: a, script: x, timeout: -5s}"), &["ci.yaml:5:", "-5s"]);
    refused(task("{name: a, script: [x]}"), &["ci.yaml:5:"]);
    refused("name: p\nstages: yes\n", &["ci.yaml:2:9: "]);
}

#[test]
fn names_that_cannot_be() {
    refused(task("{name: a/b, script: x}"), &["ci.yaml:5:", "'/'"]);
    refused(task("{name: \"a\\nb\", script: x}"), &["ci.yaml:5:"]);
    refused(task(&format!("{{name: {}, script: x}}", "n".repeat(300))), &["ci.yaml:5:", "300"]);
}

#[test]
fn files_that_are_no_text() {
    refused("", &["ci.yaml"]);
    refused(b"name: p\xff\xfe\nstages: []\n", &["ci.yaml"]);
    let place = Place::new();
    std::fs::create_dir(place.path().join("folder")).unwrap();
    assert!(place.run(&["run", "folder"]).expect(2).err.contains("folder: "));
    assert!(place.run(&["run", "nowhere.yaml"]).expect(2).err.contains("nowhere.yaml: there is no such file"));
}

#[test]
fn texts_that_are_made_to_hurt() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, before) in ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip(["a", "b", "c", "d", "e", "f", "g", "h"])
    {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(", ")));
    }
    refused(bomb, &["ci.yaml"]);
    refused(format!("name: {}{}\nstages: []\n", "[".repeat(10_000), "]".repeat(10_000)), &["ci.yaml"]);
    let big = format!("name: p\nstages: []\ndescription: {}\n", "x".repeat(50 * 1024 * 1024));
    refused(big, &["ci.yaml", "MiB"]);
}

#[test]
fn a_byte_order_mark_and_windows_line_breaks_are_fine() {
    let place = Place::new();
    place.write("ci.yaml", format!("\u{feff}{}", task("{name: a, script: \"true\"}")).replace('\n', "\r\n"));
    let said = place.run(&["validate", "ci.yaml"]).expect(0);
    assert_eq!(said.text(), "ci.yaml: pipeline \"p\" is right: 1 stage, 1 task\n");
}

const PARAMETERS: &str = "name: p
parameters:
  - {name: FIXED, value: one}
  - {name: TARGET, dynamic: true, default: dev, choices: [dev, prod]}
  - {name: TEXT, dynamic: true, default: none}
stages:
  - name: S
    tasks:
      - {name: a, script: 'echo \"text is $TEXT\"'}
";

#[test]
fn parameters_that_a_run_cannot_be_given() {
    let place = Place::with(PARAMETERS);
    let refused = |parameter: &str, words: &str| {
        for verb in ["run", "plan"] {
            let said: Said = place.run(&[verb, "ci.yaml", "--param", parameter]).expect(2);
            assert!(said.err.contains(words), "{words:?} is not in:\n{}", said.err);
        }
    };
    refused("FIXED=two", "FIXED");
    refused("TRAGET=dev", "TARGET");
    refused("TARGET=test", "prod");
    refused("TARGET", "NAME=VALUE");
    assert!(!place.data_dir().exists(), "nothing was started");
}

#[test]
fn a_parameter_is_never_executed() {
    let place = Place::with(PARAMETERS);
    let said = place.run(&["run", "ci.yaml", "--param", "TEXT=$(touch pwned) `touch pwned`; touch pwned"]).expect(0);
    assert!(said.text().contains("a | text is $(touch pwned) `touch pwned`; touch pwned\n"), "{}", said.text());
    assert!(!place.path().join("pwned").exists());
}

#[test]
fn arguments_that_name_nothing() {
    let place = Place::with(&task("{name: a, script: \"true\"}"));
    let said = place.run(&["run", "ci.yaml", "--executor", "mainframe"]).expect(2);
    assert!(said.err.contains("mainframe") && said.err.contains("local"), "{}", said.err);
    let said = place.run(&["run", "ci.yaml", "--source", "nowhere"]).expect(2);
    assert!(said.err.contains("--source nowhere: there is no such folder"), "{}", said.err);
    place.run(&["run", "ci.yaml"]).expect(0);
    for args in [["show", "p#7"], ["show", "0000beef"], ["logs", "nothing"]] {
        assert!(place.run(&args).expect(2).err.contains("windlass runs"));
    }
    let said = place.run(&["logs", "latest", "b"]).expect(2);
    assert!(said.err.contains("it has: a"), "{}", said.err);
}

#[test]
fn an_action_without_its_backend_is_named() {
    let place = Place::with(&task("{name: a, publishChart: {path: web, repository: \"oci://example.com/charts\"}}"));
    let said = place.run(&["run", "ci.yaml"]).expect(2);
    assert!(said.err.contains("publishChart") && said.err.contains("Helm"), "{}", said.err);
}

#[test]
fn problems_for_programs() {
    let place = Place::with("name: p\nstagse: []\n");
    let said = place.run(&["validate", "ci.yaml", "--json"]).expect(2);
    let value = &said.events()[0];
    assert_eq!(value["valid"], false);
    let problem = &value["problems"][0];
    assert_eq!((&problem["line"], &problem["column"]), (&2.into(), &1.into()));
    assert_eq!(problem["suggestion"], "stages");
}
