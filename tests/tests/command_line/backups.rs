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

const LEAVING: &str = r#"
name: p
stages:
  - name: S
    tasks:
      - name: a
        script: |
          echo app > app; mkdir -p deps; echo lib > deps/lib
          { echo '<testsuite>'; for i in $(seq 1 30); do echo "<testcase name='t$i'><failure>$i</failure></testcase>"; done
            echo '</testsuite>'; } > r.xml
        artifacts: [{name: first, paths: [app]}, {name: second, paths: [app], keep: 9d}]
        caches: [{key: deps, paths: [deps]}]
        reports: {junit: [r.xml]}
"#;

/// Artifacts and whole test reports are part of what a run left; caches are made again.
#[test]
fn has_artifacts_and_reports_and_no_caches() {
    let place = Place::with(LEAVING);
    place.run(&["run", "ci.yaml"]).expect(0);
    let said = place.run(&["backup", "copy"]).expect(0);
    assert!(said.text().ends_with("/copy has a copy of 1 run and 2 artifacts\n"), "{}", said.text());
    std::fs::remove_dir_all(place.data_dir()).unwrap();
    // It can be read as it is, and when it is restored.
    place.run(&["artifacts", "latest", "first", "--to", "out", "--data-dir", "copy"]).expect(0);
    place.run(&["restore", "copy"]).expect(0);
    place.run(&["artifacts", "latest", "second", "--to", "out2"]).expect(0);
    for file in ["out/app", "out2/app"] {
        assert_eq!(std::fs::read_to_string(place.path().join(file)).unwrap(), "app\n");
    }
    let blobs = place.data_dir().join("blobs");
    let report = std::process::Command::new("find").arg(&blobs).args(["-name", "tests.json"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&report.stdout).lines().count(), 1);
    assert!(blobs.join("expiring").is_dir(), "what ends by itself still does");
    assert!(!blobs.join("caches").exists());
    let again = place.run(&["run", "ci.yaml"]).expect(0);
    assert!(again.text().contains("cache \"deps\": there is none yet"), "{}", again.text());
}

#[test]
fn with_half_an_artifact_is_not_restored() {
    let place = Place::with(LEAVING);
    place.run(&["run", "ci.yaml"]).expect(0);
    place.run(&["backup", "copy"]).expect(0);
    let find =
        std::process::Command::new("find").arg(place.path().join("copy/blobs")).args(["-name", "*.tar.gz"]).output();
    let found = String::from_utf8(find.unwrap().stdout).unwrap();
    let archive = found.lines().next().unwrap();
    let bytes = std::fs::read(archive).unwrap();
    std::fs::write(archive, &bytes[..bytes.len() / 2]).unwrap();
    let refused = place.run(&["restore", "copy", "--data-dir", "other"]);
    assert!(refused.code != 0 && refused.err.contains("is damaged: it has "), "{refused:?}");
    assert!(!place.path().join("other").exists());
}
