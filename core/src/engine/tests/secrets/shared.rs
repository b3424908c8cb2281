//! What one task was given is masked in all of its run: tasks share a workspace, in which a secret can lie.

use super::*;
use crate::action::{ActionContext, ActionError, ActionHandler, ActionOutput};

/// The log of any task.
async fn said(run: &Run, task: &str) -> String {
    String::from_utf8(run.logs(task).await.unwrap().to_vec()).unwrap()
}

/// The first task writes what it was given into a file, the second one prints it.
fn handed_over(first: &str, then: &str) -> crate::Pipeline {
    pipeline(&format!("name: p\nstages: [{{name: S, tasks: [{first}, {{name: later, {then}}}]}}]"))
}

const GIVEN: &str = "{name: first, script: 'printf %s \"$HOOK\" > left', secrets: [{name: HOOK, from: hook}]}";

#[tokio::test(flavor = "multi_thread")]
async fn a_later_task_that_finds_a_secret_in_a_file_does_not_show_it() {
    let site = Site::new();
    let engine = site.with_token().await;
    let definition = handed_over(GIVEN, "script: 'cat left; echo; base64 < left'");
    let (run, _) = outcome(&engine, &definition).await;
    let said_later = said(&run, "later").await;
    assert!(said_later.starts_with("***\n***"), "{said_later}");
    site.shows_no(&engine, TOKEN).await;

    // Outputs, causes, test reports and remarks as well.
    let definition = handed_over(GIVEN, "script: 'echo \"OUT=$(cat left)\" >> \"$WINDLASS_OUTPUT\"', outputs: [OUT]");
    let (run, summary) = outcome(&engine, &definition).await;
    let cause = summary.task("later").unwrap().cause.clone().unwrap();
    // The workspace of a failed run is kept, with all that its tasks left there.
    run.delete("ana").await.unwrap();
    assert!(cause.code == "secretOutput" && cause.message.contains("\"hook\""), "{cause:?}");
    let report = "printf \"<testsuite><testcase name='t'><failure><![CDATA[%s]]></failure></testcase></testsuite>\" \"$(cat left)\" > r.xml";
    let report = format!("script: {}, reports: {{junit: [r.xml]}}", serde_json::to_string(report).unwrap());
    let (_, summary) = outcome(&engine, &handed_over(GIVEN, &report)).await;
    let tests = summary.task("later").unwrap().tests.clone().unwrap();
    assert_eq!(tests.failures[0].details, "***");
    site.shows_no(&engine, TOKEN).await;
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_runs_beside_it_does_not_show_it_either() {
    let site = Site::new();
    let engine = site.with_token().await;
    let definition = pipeline(
        "name: p\nstages: [{name: S, order: parallel, tasks: [\
           {name: beside, script: 'echo begun; touch begun; until [ -e left ]; do sleep 0.02; done; cat left'},\
           {name: given, script: 'until [ -e begun ]; do sleep 0.02; done; printf %s \"$HOOK\" > l; mv l left', secrets: [{name: HOOK, from: hook}]}]}]",
    );
    let (run, _) = outcome(&engine, &definition).await;
    assert_eq!(said(&run, "beside").await, "begun\n***");
    site.shows_no(&engine, TOKEN).await;
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_run_is_not_masked_with_it() {
    let site = Site::new();
    let engine = site.open().await;
    engine.credentials().set("hook", &token("plain-word"), "ana").await.unwrap();
    outcome(&engine, &handed_over(GIVEN, "script: 'true'")).await;
    let (run, _) = outcome(&engine, &task("echo a plain-word", "env: {A: b}")).await;
    assert_eq!(log(&run).await, "a plain-word\n");
    engine.close().await.unwrap();
}

/// Asks for the token, and leaves it in the workspace.
#[derive(Debug)]
struct Leaves;

#[async_trait::async_trait]
impl ActionHandler for Leaves {
    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        let credential = context.credential("hook").await?;
        context.write_file("left", credential.value().unwrap_or_default()).await?;
        Ok(ActionOutput::default())
    }
}

/// The engine goes away while the later task runs, and the credential with it.
async fn after_a_restart(first: &str) {
    let site = Site::new();
    let engine = site.open_with(|builder| builder.action("leaves", Leaves)).await;
    engine.credentials().set("hook", &token(TOKEN), "ana").await.unwrap();
    let go = site.path("go");
    let script = format!("script: 'echo begun; while [ ! -e {} ]; do sleep 0.02; done; cat left'", go.display());
    let run = engine.start(&handed_over(first, &script), RunRequest::manual()).await.unwrap();
    let mut stream = run.follow_log("later", 1, 0).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let id = run.id();
    drop((run, stream));
    engine.close().await.unwrap();

    let engine = site.open_with(|builder| builder.action("leaves", Leaves)).await;
    engine.credentials().remove("hook", "bob").await.unwrap();
    std::fs::write(&go, "").unwrap();
    let run = engine.run(id).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
    assert_eq!(said(&run, "later").await, "begun\n***");
    site.shows_no(&engine, TOKEN).await;
    assert!(sealed(&engine).await.is_empty(), "it goes with the run");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_it_is_masked_as_before() {
    after_a_restart(GIVEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_what_an_action_was_given_is_masked_as_well() {
    after_a_restart("{name: first, custom: {name: leaves}}").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_secrets_cannot_be_masked_any_more_shows_no_log() {
    let site = Site::new();
    let engine = site.with_token().await;
    let definition = handed_over(GIVEN, "script: 'echo begun; sleep 1000; cat left'");
    let run = engine.start(&definition, RunRequest::manual()).await.unwrap();
    let mut stream = run.follow_log("later", 1, 0).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let id = run.id();
    drop((run, stream));
    engine.close().await.unwrap();
    std::fs::rename(site.data().join("master.key"), site.path("elsewhere")).unwrap();
    let engine = site.open().await;
    let run = engine.run(id).await.unwrap();
    let summary = run.wait().await.unwrap();
    run.delete("ana").await.unwrap();
    let cause = summary.task("later").unwrap().cause.clone().unwrap();
    assert!(cause.code == "credential" && cause.message.contains("no master key"), "{cause:?}");
    site.shows_no(&engine, TOKEN).await;
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_in_the_workspace_of_another_one_masks_what_that_one_was_given() {
    let site = Site::new();
    let engine = site.with_token().await;
    let definition = handed_over(GIVEN, "script: 'cat left; exit 3'");
    let (failed, _) = outcome(&engine, &definition).await;
    let again = failed.retry(crate::engine::Rerun::FromFailed, "ana").await.unwrap();
    again.wait().await.unwrap();
    assert_eq!(said(&again, "later").await, "***");
    // The workspace is kept for who repeats it, as its tasks left it.
    again.delete("ana").await.unwrap();
    failed.delete("ana").await.unwrap();
    engine.close().await.unwrap();
}
