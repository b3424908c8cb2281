//! `windlass retry`: beside an engine, and without one.

use nix::sys::signal::Signal;

use crate::program::{Place, Running, Said};

/// Fails as long as there is no file named `fixed`, after something that is worth keeping.
fn flaky(place: &Place) {
    let fixed = place.path().join("fixed");
    place.write(
        "ci.yaml",
        format!(
            "name: p
stages: [{{name: S, tasks: [
  {{name: build, script: 'echo building; echo made > made'}},
  {{name: test, script: 'cat made; [ -e {} ]'}}]}}]
",
            fixed.display()
        ),
    );
}

/// A process that works on the data directory until it is told to go.
fn engine(place: &Place) -> Running {
    place.write("wait.yaml", "name: w\nstages: [{name: S, tasks: [{name: gate, approve: {message: 'Go?'}}]}]\n");
    let run = place.start(&["run", "wait.yaml", "--json"]);
    run.out.wait_for("approvalRequested");
    run
}

fn failed() -> Place {
    let place = Place::new();
    flaky(&place);
    place.run(&["run", "ci.yaml"]).expect(1);
    place
}

fn logs(place: &Place, run: &str, task: &str) -> String {
    place.run(&["logs", run, task]).expect(0).text()
}

fn let_go(place: &Place, engine: Running) -> Said {
    place.run(&["approve", "w#1", "gate", "--as", "ana"]).expect(0);
    engine.end().expect(0)
}

#[test]
fn run_again_where_nobody_works() {
    let place = failed();
    let again = place.run(&["retry", "p#1", "--as", "ana"]).expect(1);
    assert!(again.text().contains("build | building"), "{}", again.text());
    place.write("fixed", "");
    let again = place.run(&["retry", "p#1"]).expect(0);
    assert!(again.text().contains("✓ p#3 succeeded"), "{}", again.text());
    let shown = place.run(&["runs", "--json"]).expect(0).events();
    assert_eq!((&shown[1]["actor"], &shown[1]["rerunOf"]), (&"ana".into(), &shown[2]["id"]));
}

#[test]
fn only_what_failed_is_done_again() {
    let place = failed();
    place.write("fixed", "");
    let again = place.run(&["retry", "latest", "--from-failed"]).expect(0);
    assert!(!again.text().contains("build | building"), "{}", again.text());
    assert_eq!(logs(&place, "p#2", "test"), "made\n", "the workspace is as the failed run left it");
}

#[test]
fn from_a_task_on() {
    let place = failed();
    place.write("fixed", "");
    let again = place.run(&["retry", "p#1", "--from", "build", "--json"]).expect(0);
    let started = again.events().iter().filter(|event| event["type"] == "taskStarted").count();
    assert_eq!(started, 2);
    place.run(&["retry", "p#1", "--from", "nothing"]).expect(2);
    place.run(&["retry", "p#1", "--from", "build", "--from-failed"]).expect(2);
    place.run(&["retry", "p#9"]).expect(2);
    let said = place.run(&["retry", "p#1", "--as-it-is"]).expect(2);
    assert!(said.err.contains("run it as it was"), "{}", said.err);
}

#[test]
fn an_engine_that_works_already_makes_the_new_run() {
    let place = failed();
    let engine = engine(&place);
    let said = place.run(&["retry", "p#1", "--as", "ana"]).expect(0);
    assert_eq!((said.text().as_str(), said.err.as_str()), ("p#2\n", ""));
    place.write("fixed", "");
    let followed = place.run(&["retry", "p#1", "--follow"]).expect(0);
    assert!(
        followed.text().contains("test | made") && followed.text().contains("✓ p#3 succeeded"),
        "{}",
        followed.text()
    );
    let followed = place.run(&["retry", "p#1", "--from-failed", "--follow", "--json"]).expect(0);
    assert_eq!(followed.events().last().unwrap()["type"], "runFinished");
    let said = place.run(&["retry", "w#1"]).expect(2);
    assert!(said.err.contains("has not ended"), "{}", said.err);
    let_go(&place, engine);
}

#[test]
fn who_follows_is_told_when_the_engine_dies() {
    let place = Place::new();
    let engine = engine(&place);
    let_go(&place, engine);
    let engine = self::engine(&place);
    let follower = place.start(&["retry", "w#1", "--follow", "--json"]);
    follower.out.wait_for("approvalRequested");
    engine.signal(Signal::SIGKILL);
    engine.end();
    let said = follower.end().expect(3);
    assert!(said.err.contains("`windlass attach "), "{}", said.err);
}
