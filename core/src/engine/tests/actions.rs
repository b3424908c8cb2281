//! Actions: what embedders bring themselves, run by the engine.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::Deserialize;

use super::pipeline;
use crate::action::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem};
use crate::engine::{Engine, RunRequest};
use crate::run::{RunStatus, TaskStatus};

/// What the test's action does, by its setting `do`.
#[derive(Clone, Debug, Default)]
struct Announce {
    calls: Arc<AtomicUsize>,
    keys: Arc<Mutex<Vec<(String, bool)>>>,
    once: bool,
}

#[derive(Deserialize)]
struct Settings {
    text: String,
    #[serde(default, rename = "do")]
    wanted: String,
}

#[async_trait]
impl ActionHandler for Announce {
    fn repeatable(&self) -> bool {
        !self.once
    }

    fn check(&self, settings: &serde_json::Value) -> Vec<SettingsProblem> {
        let missing = settings.get("text").is_none();
        missing.then(|| SettingsProblem::new("text", "say what is to be announced")).into_iter().collect()
    }

    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.keys.lock().unwrap().push((context.idempotency_key(), context.resumed()));
        let settings: Settings = context.settings_as()?;
        context.log(format!("announcing {} (resumed: {})\n", settings.text, context.resumed())).await?;
        match settings.wanted.as_str() {
            "fail" => Err(ActionError::failed("noChannel", "there is no such channel", "Name another one.")),
            "break" => Err(ActionError::infrastructure("chatDown", "the chat is down", "Try again later.")),
            "panic" => panic!("a mistake in the action"),
            "hang" => std::future::pending().await,
            "listen" => {
                context.cancelled().await;
                context.log("heard it\n").await?;
                Err(ActionError::failed("cancelled", "cancelled", ""))
            }
            "files" => {
                let content = context.read_file("in/note", 100).await?;
                context.write_file("out/note", [&content[..], b" and more"].concat()).await?;
                Ok(ActionOutput::new())
            }
            "undeclared" => Ok(ActionOutput::new().value("ULR", "x")),
            _ => {
                Ok(ActionOutput::new()
                    .value("URL", format!("chat/{}", context.variable("BUILD_NUMBER").unwrap_or("?"))))
            }
        }
    }
}

async fn open(folder: &tempfile::TempDir, action: &Announce) -> Engine {
    Engine::builder().data_dir(folder.path().join("data")).action("announce", action.clone()).open().await.unwrap()
}

fn announcing(wanted: &str, more: &str) -> crate::Pipeline {
    pipeline(&format!(
        "name: p\nparameters: [{{name: WHO, value: world}}]\nstages: [{{name: S, tasks: [\
         {{name: prepare, script: 'mkdir in; printf noted > in/note'}},\
         {{name: announce, custom: {{name: announce, with: {{text: \"hello $WHO\", do: {wanted}}}}}, outputs: [URL]{more}}},\
         {{name: after, script: 'cat out/note 2>/dev/null || true; echo \"at $AT\"', env: {{AT: '${{announce.URL:-nowhere}}'}}}}]}}]"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_gets_its_settings_logs_and_hands_on_outputs() {
    let (folder, action) = (tempfile::tempdir().unwrap(), Announce::default());
    let engine = open(&folder, &action).await;
    let run = engine.start(&announcing("tell", ""), RunRequest::manual()).await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert_eq!(outcome.status, RunStatus::Succeeded, "{outcome:#?}");
    assert_eq!(run.logs("announce").await.unwrap(), "announcing hello world (resumed: false)\n");
    assert_eq!(run.logs("after").await.unwrap(), "at chat/1\n");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_reads_and_writes_the_workspace() {
    let (folder, action) = (tempfile::tempdir().unwrap(), Announce::default());
    let engine = open(&folder, &action).await;
    let run = engine.start(&announcing("files", ""), RunRequest::manual()).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
    assert_eq!(run.logs("after").await.unwrap(), "noted and moreat nowhere\n");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_has_its_cause() {
    let (folder, action) = (tempfile::tempdir().unwrap(), Announce::default());
    let engine = open(&folder, &action).await;
    for (wanted, code) in
        [("fail", "noChannel"), ("break", "chatDown"), ("panic", "panic"), ("undeclared", "badOutput")]
    {
        let run = engine.start(&announcing(wanted, ""), RunRequest::manual()).await.unwrap();
        let outcome = run.wait().await.unwrap();
        let task = outcome.task("announce").unwrap();
        assert_eq!(task.status, TaskStatus::Failed, "{wanted}");
        assert_eq!(task.cause.as_ref().unwrap().code, code, "{wanted}");
        assert_eq!(run.logs("announce").await.unwrap(), "announcing hello world (resumed: false)\n", "{wanted}");
    }
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_in_between_is_tried_again_where_that_is_wanted() {
    let (folder, action) = (tempfile::tempdir().unwrap(), Announce::default());
    let engine = open(&folder, &action).await;
    let retry = ", retry: {attempts: 3, on: [infrastructure]}";
    for (wanted, calls) in [("break", 3), ("fail", 1)] {
        action.calls.store(0, Ordering::SeqCst);
        let run = engine.start(&announcing(wanted, retry), RunRequest::manual()).await.unwrap();
        assert_eq!(run.wait().await.unwrap().status, RunStatus::Failed);
        assert_eq!(action.calls.load(Ordering::SeqCst), calls, "{wanted}");
    }
    let mut keys = action.keys.lock().unwrap().iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4, "each attempt has a key of its own");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_actions_and_wrong_settings_are_refused_before_the_start() {
    let (folder, action) = (tempfile::tempdir().unwrap(), Announce::default());
    let engine = open(&folder, &action).await;
    let refused =
        |custom: &str| pipeline(&format!("name: p\nstages: [{{name: S, tasks: [{{name: t, custom: {custom}}}]}}]"));
    let error = engine.start(&refused("{name: anounce}"), RunRequest::manual()).await.unwrap_err();
    assert_eq!(error.code(), "unsupportedAction");
    assert!(error.to_string().contains("\"announce\"?"), "{error}");
    let error = engine.start(&refused("{name: announce}"), RunRequest::manual()).await.unwrap_err();
    assert_eq!(error.code(), "invalidPipeline");
    assert_eq!(error.to_string(), "task \"t\": custom.with.text: say what is to be announced");
    engine.close().await.unwrap();
}

/// Waits until the log has this end, and that is committed: only that survives.
async fn committed_log(run: &crate::Run, end: &str) {
    let mut events = run.events().await.unwrap();
    let mut log = Vec::new();
    while !log.ends_with(end.as_bytes()) {
        if let crate::EventKind::Log { bytes, .. } = events.next().await.unwrap().unwrap().kind {
            log.extend_from_slice(&bytes);
        }
    }
}

/// Waits until the action was begun so many times.
async fn begun(action: &Announce, times: usize) {
    while action.calls.load(Ordering::SeqCst) < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_action_hears_of_it_and_its_last_words_are_kept() {
    let (folder, action) = (tempfile::tempdir().unwrap(), Announce::default());
    let engine = open(&folder, &action).await;
    let run = engine.start(&announcing("listen", ""), RunRequest::manual()).await.unwrap();
    begun(&action, 1).await;
    run.cancel("ana", "enough").await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert_eq!(outcome.task("announce").unwrap().status, TaskStatus::Cancelled);
    assert_eq!(run.logs("announce").await.unwrap(), "announcing hello world (resumed: false)\nheard it\n");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_does_not_listen_is_dropped_after_its_grace() {
    let (folder, action) = (tempfile::tempdir().unwrap(), Announce::default());
    let engine = open(&folder, &action).await;
    let run = engine.start(&announcing("hang", ", timeout: 50ms, grace: 10ms"), RunRequest::manual()).await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert_eq!(outcome.task("announce").unwrap().status, TaskStatus::TimedOut);
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_the_attempt_is_run_again_and_its_log_goes_on() {
    let (folder, action) = (tempfile::tempdir().unwrap(), Announce::default());
    let engine = open(&folder, &action).await;
    let id = engine.start(&announcing("hang", ""), RunRequest::manual()).await.unwrap().id();
    begun(&action, 1).await;
    let run = engine.run(id).await.unwrap();
    committed_log(&run, "(resumed: false)\n").await;
    engine.close().await.unwrap();
    drop((run, engine));

    let engine = open(&folder, &action).await;
    begun(&action, 2).await;
    let run = engine.run(id).await.unwrap();
    run.cancel("ana", "").await.unwrap();
    // The grace of ten seconds would pass; the second one ends it at once.
    let keys = action.keys.lock().unwrap().clone();
    assert_eq!(keys[0].0, keys[1].0, "the other end sees the same key");
    assert_eq!([keys[0].1, keys[1].1], [false, true]);
    committed_log(&run, "(resumed: true)\n").await;
    let log = run.logs("announce").await.unwrap();
    assert_eq!(log, "announcing hello world (resumed: false)\nannouncing hello world (resumed: true)\n");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_done_twice_is_lost_instead() {
    let folder = tempfile::tempdir().unwrap();
    let action = Announce { once: true, ..Announce::default() };
    let engine = open(&folder, &action).await;
    let id = engine.start(&announcing("hang", ""), RunRequest::manual()).await.unwrap().id();
    begun(&action, 1).await;
    engine.close().await.unwrap();
    drop(engine);

    let engine = open(&folder, &action).await;
    let outcome = engine.run(id).await.unwrap().wait().await.unwrap();
    let task = outcome.task("announce").unwrap();
    assert_eq!((outcome.status, task.status), (RunStatus::Failed, TaskStatus::Lost));
    assert_eq!(task.cause.as_ref().unwrap().code, "actionInterrupted");
    assert_eq!(action.calls.load(Ordering::SeqCst), 1);
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_with_an_action_is_tested_without_the_other_end() {
    use crate::testing::{PipelineTest, Script};
    let outcome = PipelineTest::of(&announcing("tell", ""))
        .task("announce", Script::succeeds().output("URL", "chat/9"))
        .run()
        .await
        .unwrap();
    outcome.assert_succeeded().assert_task("after").env("AT", "chat/9");
}
