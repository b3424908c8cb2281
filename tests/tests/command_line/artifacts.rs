//! `windlass artifacts`, and what tests said where a run is shown.

use crate::program::{Place, Said};

const BUILT: &str = r#"
name: web
stages:
  - name: S
    order: parallel
    tasks:
      - name: app
        script: mkdir -p dist/sub; echo app > dist/app; echo lib > dist/sub/lib
        artifacts: [{name: dist, paths: ["dist/**"], keep: 30d}]
      - name: docs
        script: echo docs > index.html
        artifacts: [{name: dist, paths: [index.html]}, {name: "../../evil", paths: [index.html]}]
"#;

fn built() -> Place {
    let place = Place::with(BUILT);
    place.run(&["run", "ci.yaml"]).expect(0);
    place
}

fn artifacts(place: &Place, arguments: &[&str]) -> Said {
    place.run(&[&["artifacts", "latest"], arguments].concat())
}

fn content(place: &Place, file: &str) -> String {
    std::fs::read_to_string(place.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn are_listed_for_people_and_programs() {
    let place = built();
    let listed = artifacts(&place, &[]).expect(0).text();
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 3, "{listed}");
    assert!(lines[0].starts_with("dist  app  2 files, ") && lines[0].contains(", until 20"), "{listed}");
    assert!(lines[1].starts_with("dist  docs  1 file, ") && !lines[1].contains("until"), "{listed}");
    let events = artifacts(&place, &["--json", "--task", "docs"]).expect(0).events();
    let names: Vec<_> = events.iter().map(|artifact| artifact["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["dist", "../../evil"]);
    assert_eq!(events[0]["sha256"].as_str().unwrap().len(), 64);
    assert!(events[0].get("object").is_none(), "where it is stored is nobody's business: {}", events[0]);

    place.write("ci.yaml", "name: p\nstages: [{name: S, tasks: [{name: t, script: 'true'}]}]\n");
    place.run(&["run", "ci.yaml"]).expect(0);
    assert!(artifacts(&place, &[]).expect(0).err.contains("the run has no artifacts"));
}

#[test]
fn are_fetched_one_or_all() {
    let place = built();
    artifacts(&place, &["dist", "--task", "app", "--to", "out"]).expect(0);
    assert_eq!(
        (content(&place, "out/dist/app"), content(&place, "out/dist/sub/lib")),
        ("app\n".into(), "lib\n".into())
    );
    // What is there already is replaced, and what else is there stays.
    place.write("out/dist/app", "old");
    place.write("out/mine", "mine");
    artifacts(&place, &["dist", "--task", "app", "--to", "out"]).expect(0);
    assert_eq!((content(&place, "out/dist/app"), content(&place, "out/mine")), ("app\n".into(), "mine".into()));

    artifacts(&place, &["--to", "all"]).expect(0);
    assert_eq!(content(&place, "all/app.dist/dist/app"), "app\n");
    assert_eq!(content(&place, "all/docs.dist/index.html"), "docs\n");
    // Whatever an artifact is called, it stays below the folder.
    assert_eq!(content(&place, "all/_.._.._evil/index.html"), "docs\n");
    assert_eq!(std::fs::read_dir(place.path().join("all")).unwrap().count(), 3);
}

#[test]
fn what_cannot_be_fetched_is_said() {
    let place = built();
    for (arguments, said) in [
        (&["nothing"][..], "the run has no artifact \"nothing\": it has \"dist\" of app, \"dist\" of docs, "),
        (&["dist", "--task", "none"], "no artifact \"dist\" of the task \"none\""),
        (&["dist", "--to", "out"], "several tasks left an artifact of this name: app, docs; say which with --task"),
        (&["dist", "--task", "app", "--to", "ci.yaml"], "ci.yaml"),
    ] {
        let refused = artifacts(&place, arguments);
        assert!(refused.code == 2 || refused.code == 3, "{arguments:?}: {refused:?}");
        assert!(refused.err.contains(said), "{arguments:?}: {}", refused.err);
    }
    assert!(content(&place, "ci.yaml").starts_with("\nname: web"), "a file is not replaced by a folder");
    assert!(!place.path().join("out").exists());
    place.run(&["artifacts", "web#7"]).expect(2);

    // A link that somebody put in the way leads nowhere.
    std::fs::create_dir_all(place.path().join("elsewhere")).unwrap();
    std::fs::create_dir_all(place.path().join("trap")).unwrap();
    std::os::unix::fs::symlink(place.path().join("elsewhere"), place.path().join("trap/dist")).unwrap();
    let trapped = artifacts(&place, &["dist", "--task", "app", "--to", "trap"]);
    assert_eq!(std::fs::read_dir(place.path().join("elsewhere")).unwrap().count(), 0, "{trapped:?}");

    std::fs::remove_dir_all(place.data_dir().join("blobs")).unwrap();
    let gone = artifacts(&place, &["dist", "--task", "app", "--to", "out"]);
    assert!(gone.code != 0 && gone.err.contains("the artifact \"dist\" of app is not there any more"), "{gone:?}");
}

const TESTED: &str = r#"
name: tested
stages:
  - name: S
    tasks:
      - name: unit
        script: |
          cat > r.xml <<'X'
          <testsuite><testcase classname="Cart" name="adds"/>
            <testcase classname="Cart" name="removes" file="cart.js" line="7"><failure message="expected 1, got 2"/></testcase>
          </testsuite>
          X
          exit 1
        reports: {junit: [r.xml]}
"#;

#[test]
fn failed_tests_are_listed_at_the_end_of_a_run_and_by_show() {
    let place = Place::with(TESTED);
    let failed = "✗ Cart.removes: expected 1, got 2 (cart.js:7)\n";
    let said = place.run(&["run", "ci.yaml"]).expect(1).text();
    assert!(said.contains(&format!("  failed tests:\n    {failed}")), "{said}");
    let shown = place.run(&["show", "latest"]).expect(0).text();
    assert!(shown.contains(&format!("      tests: 2, 1 failed, in 0ms\n        {failed}")), "{shown}");
}
