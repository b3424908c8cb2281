//! Readers of the output who are slow, leave, or have no room; and two processes on one data directory.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::program::{Place, wait_until};

fn chatty(lines: u32) -> String {
    format!(
        "name: chatty\nstages: [{{name: S, tasks: [{{name: a, script: 'seq {lines}'}}, {{name: b, script: 'echo done'}}]}}]\n"
    )
}

#[test]
fn a_reader_who_leaves_stops_nothing() {
    for json in [&["run", "ci.yaml", "--json"][..], &["run", "ci.yaml"]] {
        let place = Place::with(&chatty(200_000));
        let mut child = place.command(json).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let said = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stderr), "");
        assert_eq!(said.status.code(), Some(0));
        assert_eq!(place.run(&["logs", "latest", "b"]).expect(0).text(), "done\n");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let place = Place::with(&chatty(10));
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let said = place.command(&["schema"]).stdout(full()).output().unwrap();
    assert_eq!(said.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&said.stderr).contains("the standard output cannot be written"));
    let said = place.command(&["run", "ci.yaml"]).stdout(full()).output().unwrap();
    assert_eq!(said.status.code(), Some(0), "the run itself went well");
    assert!(String::from_utf8_lossy(&said.stderr).contains("the standard output cannot be written"));
}

#[test]
fn another_process_can_read_along_but_not_take_over() {
    let place = Place::new();
    let go = place.path().join("go");
    let script = format!("echo one; until [ -e {} ]; do sleep 0.05; done; printf two", go.display());
    place.write("ci.yaml", format!("name: p\nstages: [{{name: S, tasks: [{{name: a, script: '{script}'}}]}}]\n"));
    let run = place.start(&["run", "ci.yaml"]);
    run.out.wait_for("a | one");

    let refused = place.run(&["run", "ci.yaml"]).expect(3);
    assert!(refused.err.contains("in use by process ") && refused.err.contains(".windlass"), "{}", refused.err);
    place.run(&["attach"]).expect(3);
    assert_eq!(place.run(&["runs", "--json"]).expect(0).events()[0]["status"], "running");
    assert!(place.run(&["show", "latest"]).expect(0).text().contains("▶ a  running"));
    assert_eq!(place.run(&["logs", "latest", "a"]).expect(0).text(), "one\n");

    let one = place.start(&["logs", "latest", "a", "-f"]);
    let all = place.start(&["logs", "latest", "-f"]);
    one.out.wait_for("one\n");
    all.out.wait_for("one\n");
    std::fs::write(&go, "").unwrap();
    assert_eq!(one.end().expect(0).text(), "one\ntwo");
    assert_eq!(all.end().expect(0).text(), "one\ntwo");
    run.end().expect(0);
}

#[test]
fn attach_without_anything_to_attach_to() {
    let place = Place::new();
    let said = place.run(&["attach"]).expect(0);
    assert!(said.err.contains("nothing is unfinished"), "{}", said.err);
    assert!(!place.data_dir().exists());
    place.run(&["attach", "latest"]).expect(2);
}

#[test]
fn runs_that_an_earlier_process_left_are_not_forgotten() {
    let place = Place::new();
    let go = place.path().join("go");
    let script = format!("echo one; until [ -e {} ]; do sleep 0.05; done", go.display());
    place.write("slow.yaml", format!("name: slow\nstages: [{{name: S, tasks: [{{name: a, script: '{script}'}}]}}]\n"));
    place.write("ci.yaml", chatty(1));
    let slow = place.start(&["run", "slow.yaml"]);
    slow.out.wait_for("a | one");
    slow.signal(nix::sys::signal::Signal::SIGKILL);
    slow.end();

    let said = place.run(&["run", "ci.yaml"]).expect(0);
    assert!(said.err.contains("slow#1"), "{}", said.err);
    assert!(said.err.contains("`windlass attach` follows to the end"), "{}", said.err);
    assert!(!said.text().contains("slow"), "{}", said.text());

    std::fs::write(&go, "").unwrap();
    wait_until("it is over", || place.run(&["attach"]).code == 0);
    assert_eq!(place.run(&["runs", "--pipeline", "slow", "--json"]).expect(0).events()[0]["status"], "succeeded");
}
