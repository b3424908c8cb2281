//! Ctrl-C, SIGTERM, and the second Ctrl-C.

use nix::sys::signal::Signal;

use crate::program::{Place, processes};

/// Tasks that hide a child in a session of its own and that do not want to end; the numbers find them among all processes.
fn stubborn(number: u32) -> String {
    format!(
        "name: stubborn
stages:
  - name: S
    order: parallel
    tasks:
      - name: hides
        grace: 300ms
        script: |
          setsid sleep {number}1 &
          echo hidden
          sleep {number}2
      - name: refuses
        grace: 300ms
        script: |
          trap '' TERM INT
          echo refusing
          sleep {number}3; sleep {number}4
finally:
  - {{name: tidy, script: 'echo \"it was $WINDLASS_STATUS\"'}}
"
    )
}

fn interrupted_by(signal: Signal, number: u32, name: &str) {
    let place = Place::with(&stubborn(number));
    let run = place.start(&["run", "ci.yaml"]);
    run.out.wait_for("hides | hidden");
    run.out.wait_for("refuses | refusing");
    run.signal(signal);
    let said = run.end().expect(130);
    assert_eq!(processes(&format!("sleep {number}")), Vec::<String>::new());
    assert!(said.err.contains(&format!("{name}: cancelling the run")), "{}", said.err);
    assert!(said.text().contains("tidy | it was cancelled"), "{}", said.text());
    assert!(said.text().contains("■ stubborn#1 cancelled"), "{}", said.text());
    let shown = place.run(&["show", "latest", "--json"]).expect(0);
    assert_eq!(shown.events()[0]["status"], "cancelled");
    assert!(place.run(&["attach"]).expect(0).err.contains("nothing is unfinished"));
}

#[test]
fn ctrl_c_leaves_no_process_and_says_cancelled() {
    interrupted_by(Signal::SIGINT, 9_101, "Ctrl-C");
}

#[test]
fn sigterm_does_the_same() {
    interrupted_by(Signal::SIGTERM, 9_102, "SIGTERM");
}

#[test]
fn the_second_ctrl_c_leaves_at_once_and_attach_cleans_up() {
    let place = Place::with(&stubborn(9_103).replace("300ms", "2s"));
    let run = place.start(&["run", "ci.yaml"]);
    run.out.wait_for("refuses | refusing");
    run.signal(Signal::SIGINT);
    run.err.wait_for("once more leaves at once");
    run.signal(Signal::SIGINT);
    let said = run.end().expect(130);
    assert!(said.err.contains("`windlass attach` takes up what is unfinished"), "{}", said.err);

    let attached = place.run(&["attach", "--plain"]).expect(130);
    assert!(attached.text().contains("tidy | it was cancelled"), "{}", attached.text());
    assert_eq!(processes("sleep 9103"), Vec::<String>::new());
}

#[test]
fn a_run_that_lost_its_process_is_followed_to_its_end() {
    let place = Place::new();
    let go = place.path().join("go");
    let script = format!("echo one; until [ -e {} ]; do sleep 0.05; done; echo two", go.display());
    place.write("ci.yaml", format!("name: p\nstages: [{{name: S, tasks: [{{name: a, script: '{script}'}}]}}]\n"));
    let run = place.start(&["run", "ci.yaml"]);
    run.out.wait_for("a | one");
    run.signal(Signal::SIGKILL);
    run.end();

    let attach = place.start(&["attach", "--json"]);
    attach.out.wait_for("engineRecovered");
    std::fs::write(&go, "").unwrap();
    let said = attach.end().expect(0);
    let text: String = said.events().iter().filter_map(|event| event["text"].as_str()).collect();
    assert_eq!(text, "one\ntwo\n");
    let seqs: Vec<u64> = said.events().iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");

    let later = place.run(&["attach", "latest", "--json", "--after", &seqs[seqs.len() - 2].to_string()]).expect(0);
    assert_eq!(later.events().len(), 1);
}
