//! `windlass backup` beside an engine and without one, and `windlass restore`.

use crate::program::Place;

const SIGN_OFF: &str = "name: p
stages: [{name: S, tasks: [{name: a, script: 'echo one'}, {name: sign-off, approve: {message: 'Ship?'}}]}]
";

#[test]
fn beside_an_engine() {
    let place = Place::with(SIGN_OFF);
    let run = place.start(&["run", "ci.yaml", "--json"]);
    run.out.wait_for("approvalRequested");
    let said = place.run(&["backup", "copy", "--as", "ana"]).expect(0);
    assert!(said.text().ends_with("/copy has a copy of 1 run\n"), "{}", said.text());
    place.run(&["approve", "latest", "sign-off", "--as", "ana"]).expect(0);
    run.end().expect(0);

    // The copy can be read as it is, and gone on with once it is restored.
    let log = place.run(&["logs", "latest", "a", "--data-dir", "copy"]).expect(0);
    assert_eq!(log.text(), "one\n");
    let said = place.run(&["restore", "copy", "--data-dir", "other"]).expect(0);
    assert!(said.text().ends_with("/other has 1 run\n"), "{}", said.text());
    assert!(said.err.contains("`windlass attach --data-dir other`"), "{}", said.err);
    place.run(&["approve", "latest", "sign-off", "--as", "bob", "--attach", "--data-dir", "other"]).expect(0);
}

#[test]
fn without_an_engine() {
    let place = Place::with("name: p\nstages: [{name: S, tasks: [{name: a, script: 'echo one'}]}]\n");
    place.run(&["run", "ci.yaml"]).expect(0);
    place.run(&["backup", "copy"]).expect(0);
    let again = place.run(&["backup", "copy"]).expect(2);
    assert!(again.err.contains("copy"), "{}", again.err);
    place.run(&["restore", "copy"]).expect(2);
    place.run(&["restore", "nowhere", "--data-dir", "other"]).expect(2);
    std::fs::remove_dir_all(place.data_dir()).unwrap();
    place.run(&["restore", "copy"]).expect(0);
    assert_eq!(place.run(&["logs", "p#1", "a"]).expect(0).text(), "one\n");
    std::fs::remove_dir_all(place.data_dir()).unwrap();
    place.run(&["backup", "copy2"]).expect(3);
}
