//! Files that scripts leave become artifacts, caches and reports as the engine makes them.

use crate::testing::{PipelineTest, Script};

const DOCUMENT: &str = r#"
name: web
stages:
  - name: Build
    tasks:
      - name: lock
        script: ./lock
      - name: build
        script: make
        caches: [{key: "deps-${hash:lock}", paths: [deps]}]
        artifacts: [{name: dist, paths: ["dist/**", "!**/*.map"], keep: 1h}, {name: logs, paths: ["*.log"], when: onFailure}]
      - name: unit
        script: make test
        reports: {junit: ["reports/*.xml"]}
        allowFailure: true
      - {name: rest, script: sleep}
"#;

const REPORT: &str =
    "<testsuite><testcase name='adds'/><testcase name='removes'><failure message='no'/></testcase></testsuite>";

#[tokio::test]
async fn what_tasks_leave_can_be_looked_at() {
    let build = Script::succeeds().file("dist/app.js", "run()").file("dist/app.js.map", "{}").file("deps/lib", "lib");
    let outcome = PipelineTest::from_yaml(DOCUMENT)
        .task("lock", Script::succeeds().file("lock", "one"))
        .task("build", build)
        .task("unit", Script::fails(1).file("reports/a.xml", REPORT))
        // Far longer than the artifact is kept.
        .task("rest", Script::succeeds().after(std::time::Duration::from_secs(48 * 3600)))
        .run()
        .await
        .unwrap();
    outcome.assert_succeeded();
    outcome.assert_task("build").left("dist", "dist/app.js").printed("cache \"deps-");
    assert_eq!(outcome.artifacts().len(), 1);
    let files = &outcome.artifact("build", "dist").files;
    assert_eq!(files.iter().collect::<Vec<_>>(), [(&"dist/app.js".to_owned(), &"run()".to_owned())]);
    outcome.assert_task("unit").failed_with("testsFailed").failed_tests(1);
    let missing =
        std::panic::catch_unwind(|| outcome.assert_task("build").left("dist", "dist/app.js.map").clone().tasks.len());
    assert!(missing.is_err());
}

#[tokio::test]
async fn an_artifact_for_failures_is_left_by_a_failure() {
    let outcome =
        PipelineTest::from_yaml(DOCUMENT).task("build", Script::fails(2).file("build.log", "why")).run().await.unwrap();
    outcome.assert_failed().assert_task("build").left("logs", "build.log");
    assert!(outcome.log("build").contains("no file is there for ${hash:lock}"), "{}", outcome.log("build"));
    assert_eq!(outcome.artifact("build", "logs").files["build.log"], "why");
}
