//! `windlass doctor`: what is in order, what is not, and what to do.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::program::{Place, Said};

const SIGN_OFF: &str = "name: p\nstages: [{name: S, tasks: [{name: sign-off, approve: {message: 'Ship?'}}]}]\n";

fn check(said: &Said, name: &str) -> Value {
    let value = &said.events()[0];
    let checks = value["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name} is not in {value}")).clone()
}

#[test]
fn before_the_first_run() {
    let place = Place::new();
    let said = place.run(&["doctor"]).expect(0);
    assert!(said.text().contains("the first run makes it") && said.text().contains("✓ sh"), "{}", said.text());
    assert!(!place.data_dir().exists());
}

#[test]
fn beside_an_engine_and_after_its_death() {
    let place = Place::with(SIGN_OFF);
    let run = place.start(&["run", "ci.yaml", "--json"]);
    run.out.wait_for("approvalRequested");
    let said = place.run(&["doctor", "--json"]).expect(0);
    assert_eq!(said.events()[0]["healthy"], true);
    let words = |name| check(&said, name)["message"].as_str().unwrap().to_owned();
    assert_eq!(words("engine"), format!("process {} works on it", run.id()));
    assert!(words("control socket").contains("1 run going on, 0 queued"), "{}", words("control socket"));
    assert!(words("database").contains("nothing wrong"));

    run.signal(Signal::SIGKILL);
    run.end();
    let said = place.run(&["doctor", "--json"]).expect(0);
    assert_eq!(check(&said, "engine")["message"], "none works on it");
    let runs = check(&said, "runs");
    assert_eq!(runs["state"], "warning");
    assert!(runs["advice"].as_str().unwrap().contains("windlass attach"), "{runs}");
    // Looking took nothing: the run can be gone on with.
    place.run(&["reject", "latest", "sign-off", "--as", "ana", "--attach"]).expect(1);
}

#[test]
fn what_is_wrong_is_said() {
    let place = Place::with("name: p\nstages: [{name: S, tasks: [{name: a, script: 'true'}]}]\n");
    place.run(&["run", "ci.yaml"]).expect(0);
    let database = place.data_dir().join("windlass.db");
    let length = std::fs::metadata(&database).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&database).unwrap().set_len(length / 2).unwrap();
    let said = place.run(&["doctor"]).expect(3);
    assert!(said.text().contains("✗ database") && said.text().contains("is damaged"), "{}", said.text());

    let place = Place::new();
    place.write(".windlass", "");
    let said = place.run(&["doctor", "--json"]).expect(3);
    assert_eq!(said.events()[0]["healthy"], false);
    assert!(check(&said, "data directory")["message"].as_str().unwrap().contains("it is not a folder"));
}
