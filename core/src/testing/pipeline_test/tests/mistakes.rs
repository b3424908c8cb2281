//! A test that is wrong says so, and never hangs.

use std::time::Duration;

use super::stages;
use crate::testing::{PipelineTest, Script};

async fn refused(test: PipelineTest) -> (&'static str, String) {
    let error = test.run().await.unwrap_err();
    (error.code(), error.to_string())
}

#[tokio::test]
async fn an_approval_that_nobody_answers_is_told_at_once() {
    let (code, message) =
        refused(stages("Build: [{name: unit, script: x}]\nShip: [{name: sign-off, approve: {}}]")).await;
    assert_eq!(code, "approvalUnanswered");
    let wanted = "nobody answers the approval \"sign-off\", so the run never ends: say .approve(\"sign-off\", …) or .reject(\"sign-off\", …), or give the task a timeout";
    assert!(message.starts_with(wanted), "{message}");
    assert!(message.contains("Build / unit     succeeded"), "{message}");
    assert!(message.contains("Ship / sign-off  waiting    approval:"), "{message}");
}

#[tokio::test]
async fn an_approval_that_is_not_reached_needs_no_answer() {
    let test = stages("Build: [{name: unit, script: x}]\nShip: [{name: sign-off, approve: {}}]");
    test.task("unit", Script::fails(1)).run().await.unwrap().assert_skipped("sign-off");
}

#[tokio::test]
async fn a_script_for_nobody_is_told_with_the_nearest() {
    let stage = "Build: [{name: unit, script: x, matrix: {PY: ['3.11']}}, {name: lint, script: x}]";
    let (code, message) = refused(stages(stage).task("untit", Script::succeeds())).await;
    assert_eq!(code, "noSuchTask");
    assert_eq!(
        message,
        "the test has a script for the task \"untit\", which the run does not have; did you mean \"unit\"?"
    );
    let (_, message) = refused(stages(stage).task("unit[PY=3.12]", Script::succeeds())).await;
    assert!(message.ends_with("did you mean \"unit[PY=3.11]\"?"), "{message}");
    let (_, message) = refused(stages(stage).approve("zzz", "ana", "")).await;
    let wanted = "the test has an answer for the task \"zzz\", which the run does not have; it has unit[PY=3.11], lint";
    assert_eq!(message, wanted);
}

#[tokio::test]
async fn approvals_are_answered_and_steps_are_scripted() {
    let stage = "Ship: [{name: sign-off, approve: {}}, {name: ship, script: x}]";
    let (code, message) = refused(stages(stage).task("sign-off", Script::succeeds())).await;
    assert_eq!(code, "approvalScripted", "{message}");
    let (code, message) = refused(stages(stage).approve("ship", "ana", "")).await;
    assert_eq!(code, "notAnApproval");
    assert_eq!(message, "\"ship\" asks nobody, it has script: say what it does with .task(\"ship\", …)");
    assert_eq!(refused(stages(stage).attempts("ship", [])).await.0, "noScript");
}

#[tokio::test]
async fn a_strict_test_wants_a_script_for_all_that_starts() {
    let test = || {
        stages("Build: [{name: unit, script: x}, {name: lint, script: x}, {name: off, script: x, when: 'false'}]")
            .strict()
    };
    let (code, message) = refused(test().task("unit", Script::succeeds())).await;
    assert_eq!(
        (code, message.as_str()),
        ("unscripted", "the test is strict, and these were started without a script: lint")
    );
    test().task("unit", Script::succeeds()).task("lint", Script::succeeds()).run().await.unwrap().assert_succeeded();
}

#[tokio::test]
async fn a_definition_that_is_wrong_is_told_with_all_its_mistakes() {
    let error = stages("Build: [{name: unit, script: x, needs: [nobody]}, {name: unit}]").run().await.unwrap_err();
    assert_eq!((error.code(), error.problems().unwrap().count()), ("invalidPipeline", 3));
    let error = PipelineTest::file("/nowhere/windlass.yaml").run().await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/windlass.yaml"), "{error}");
    let test = stages("Build: [{name: unit, script: x}]").parameter("TARGET", "x");
    assert_eq!(
        refused(test).await,
        ("invalidPipeline", "parameters.TARGET: there is no parameter \"TARGET\"".to_owned())
    );
}

#[tokio::test]
async fn nothing_stays_behind() {
    let folders = || {
        let mine = format!("windlass-test-{}-", std::process::id());
        let all = std::fs::read_dir(std::env::temp_dir()).unwrap();
        all.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(&mine)).count()
    };
    let folder = super::super::folder::Folder::new().unwrap();
    let path = folder.path().to_owned();
    std::fs::write(path.join("a"), "x").unwrap();
    assert!(folders() >= 1);
    drop(folder);
    assert!(!path.exists());
    let later =
        stages("A: [{name: a, script: x}]").task("a", Script::succeeds().log("x").after(Duration::from_secs(1)));
    later.run().await.unwrap().assert_succeeded();
}
