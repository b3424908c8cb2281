//! Looking for something in logs, at their ends, and taking all of them home.

use crate::program::{Place, Said};

const CHATTY: &str = r#"name: p
stages:
  - name: S
    tasks:
      - {name: a, script: 'echo one apple; echo two; printf "three Apple"'}
      - {name: b, allowFailure: true, retry: {attempts: 2, backoff: 10ms}, script: 'echo "an apple a day"; exit 1'}
"#;

fn ran() -> Place {
    let place = Place::with(CHATTY);
    place.run(&["run", "ci.yaml"]).expect(0);
    place
}

fn logs(place: &Place, args: &[&str]) -> Said {
    place.run(&[&["logs", "latest"], args].concat()).expect(0)
}

#[test]
fn lines_are_found_in_all_tasks_and_attempts() {
    let place = ran();
    let found = |args: &[&str]| logs(&place, args).text();
    assert_eq!(found(&["--grep", "apple"]), "a:1:one apple\nb:1:an apple a day\nb#2:1:an apple a day\n");
    assert_eq!(found(&["a", "--grep", "apple"]), "a:1:one apple\n");
    assert_eq!(found(&["a", "--grep", "apple", "--ignore-case"]), "a:1:one apple\na:3:three Apple\n");
    assert_eq!(found(&["--grep", "^t\\w+$", "--regex"]), "a:2:two\n");
    assert_eq!(found(&["--grep", "^t\\w+$"]), "");
    let painted = found(&["a", "--grep", "apple", "--color", "always"]);
    assert!(painted.contains("one \u{1b}[31mapple\u{1b}[0m\n"), "{painted:?}");
}

#[test]
fn matches_are_for_programs_as_well() {
    let place = ran();
    let found = logs(&place, &["--grep", "apple", "--json"]).events();
    assert_eq!(found.len(), 3);
    let first = &found[0];
    assert_eq!((&first["task"], &first["attempt"], &first["line"]), (&"a".into(), &1.into(), &1.into()));
    assert_eq!((&first["offset"], &first["excerpt"]), (&4.into(), &"one apple".into()));
    assert_eq!((&first["range"]["start"], &first["range"]["end"]), (&4.into(), &9.into()));
    assert!(first["at"].is_string() && first["run"].is_string());
}

#[test]
fn a_search_that_cannot_be() {
    let place = ran();
    let said = place.run(&["logs", "latest", "--grep", "(", "--regex"]).expect(2);
    assert!(said.err.contains("not a regular expression"), "{}", said.err);
    place.run(&["logs", "latest", "--grep", ""]).expect(2);
    place.run(&["logs", "latest", "--regex"]).expect(2);
    assert!(logs(&place, &["--grep", "pear"]).err.contains("nothing is found"));
}

#[test]
fn what_a_step_printed_does_not_drive_the_terminal() {
    let place = Place::with(
        "name: p\nstages: [{name: S, tasks: [{name: a, script: 'printf \"\\033[2J\\033[31mapple\\n\"'}]}]\n",
    );
    place.run(&["run", "ci.yaml"]).expect(0);
    assert_eq!(logs(&place, &["--grep", "apple"]).text(), "a:1:apple\n");
}

#[test]
fn the_last_lines_and_when_they_came() {
    let place = ran();
    assert_eq!(logs(&place, &["a", "--tail", "2"]).text(), "two\nthree Apple");
    assert_eq!(logs(&place, &["a", "--tail", "0"]).text(), "");
    assert_eq!(logs(&place, &["a", "--tail", "99"]).text(), "one apple\ntwo\nthree Apple");
    let stamped = logs(&place, &["a", "--tail", "2", "--timestamps"]).text();
    let lines: Vec<_> = stamped.lines().map(|line| line.split_once("Z ").unwrap()).collect();
    assert_eq!(lines.iter().map(|(_, line)| *line).collect::<Vec<_>>(), ["two", "three Apple"]);
    assert!(lines.iter().all(|(time, _)| time.starts_with("20") && time.contains('T')), "{stamped}");
}

#[test]
fn the_whole_run_in_one_file() {
    let place = ran();
    assert_eq!(logs(&place, &["--output", "run.log"]).text(), "");
    let text = std::fs::read_to_string(place.path().join("run.log")).unwrap();
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("==> ")).collect();
    assert_eq!(heads.len(), 3, "{text}");
    assert!(heads[2].starts_with("==> p#1, S / b, attempt 2, failed, started 20"), "{text}");
    assert!(text.contains("one apple\ntwo\nthree Apple\n\n==> p#1, S / b, attempt 1"), "{text}");
    let said = place.run(&["logs", "latest", "--output", "nowhere/run.log"]).expect(3);
    assert!(said.err.contains("nowhere/run.log cannot be written"), "{}", said.err);
}

#[test]
fn runs_come_in_pages() {
    let place = Place::with("name: p\nstages: [{name: S, tasks: [{name: a, script: 'true'}]}]\n");
    for _ in 0..3 {
        place.run(&["run", "ci.yaml"]).expect(0);
    }
    let first = place.run(&["runs", "--json", "--limit", "2"]).expect(0);
    let numbers = |said: &Said| said.events().iter().map(|run| run["number"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(numbers(&first), [3, 2]);
    let last = first.events()[1]["id"].as_str().unwrap().to_owned();
    assert!(first.err.contains(&format!("--before {last}")), "{}", first.err);
    let second = place.run(&["runs", "--json", "--limit", "2", "--before", &last]).expect(0);
    assert_eq!((numbers(&second), second.err.as_str()), (vec![1], ""));
    let of = |args: &[&str]| numbers(&place.run(&[&["runs", "--json"], args].concat()).expect(0));
    assert_eq!(of(&["--since", "1h", "--trigger", "manual"]), [3, 2, 1]);
    assert_eq!(of(&["--until", "1h"]), [0_u64; 0]);
    assert_eq!(of(&["--trigger", "schedule"]), [0_u64; 0]);
    assert_eq!(of(&["--by", "ana"]), [0_u64; 0]);
    place.run(&["runs", "--since", "soon"]).expect(2);
    place.run(&["runs", "--before", "p#9"]).expect(2);
}

#[test]
fn beside_a_run_that_goes_on() {
    let place = Place::new();
    let go = place.path().join("go");
    let script = format!("echo one apple; until [ -e {} ]; do sleep 0.05; done; echo two apples", go.display());
    place.write("ci.yaml", format!("name: p\nstages: [{{name: S, tasks: [{{name: a, script: '{script}'}}]}}]\n"));
    let run = place.start(&["run", "ci.yaml"]);
    run.out.wait_for("a | one");
    assert_eq!(logs(&place, &["--grep", "apple"]).text(), "a:1:one apple\n");
    assert_eq!(logs(&place, &["a", "--tail", "1"]).text(), "one apple\n");
    logs(&place, &["--output", "run.log"]);
    let text = std::fs::read_to_string(place.path().join("run.log")).unwrap();
    assert!(text.contains("attempt 1, running, started ") && text.ends_with("<==\none apple\n"), "{text}");
    std::fs::write(&go, "").unwrap();
    run.end().expect(0);
    assert_eq!(logs(&place, &["--grep", "apple"]).text(), "a:1:one apple\na:2:two apples\n");
}
