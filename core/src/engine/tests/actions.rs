//! Actions of one's own: settings in, log and files and outputs out, stopped, and taken up after a crash.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::pipeline;
use crate::action::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem};
use crate::engine::{Engine, EngineBuilder, EventKind, Run, RunRequest, RunSummary};
use crate::error::ErrorKind;
use crate::log::LogLimits;
use crate::run::{RunStatus, TaskStatus};
use crate::testing::{Call, Script, ScriptedExecutor, VirtualClock};

type Ended = Result<ActionOutput, ActionError>;

/// An action that does what a test says.
#[derive(Clone)]
struct Act {
    play: Arc<dyn Fn(ActionContext) -> BoxFuture<'static, Ended> + Send + Sync>,
    repeatable: bool,
    seen: Arc<Mutex<Vec<ActionContext>>>,
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Act")
    }
}

impl Act {
    fn new<F>(play: impl Fn(ActionContext) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        Self { play: Arc::new(move |context| Box::pin(play(context))), repeatable: true, seen: Arc::default() }
    }

    fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// The contexts of all calls so far.
    fn calls(&self) -> Vec<ActionContext> {
        self.seen.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl ActionHandler for Act {
    fn repeatable(&self) -> bool {
        self.repeatable
    }

    fn check(&self, settings: &Value) -> Vec<SettingsProblem> {
        if settings.get("panic").is_some() {
            panic!("a mistake in check");
        }
        SettingsProblem::of::<Settings>(settings)
    }

    async fn run(&self, context: ActionContext) -> Ended {
        self.seen.lock().unwrap().push(context.clone());
        (self.play)(context).await
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    text: String,
    times: u32,
    rooms: Vec<Room>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Room {
    name: String,
}

/// A data directory on which engines are opened, with steps and time that a test drives.
struct Site {
    folder: tempfile::TempDir,
    clock: VirtualClock,
    executor: ScriptedExecutor,
}

impl Site {
    /// One where time stands still.
    fn new() -> Self {
        Self::in_time(VirtualClock::new())
    }

    /// One where time goes on whenever nothing else does; a busy disk must not look as if nothing did.
    fn where_time_flies() -> Self {
        Self::in_time(VirtualClock::auto_after(Duration::from_millis(200)))
    }

    fn in_time(clock: VirtualClock) -> Self {
        let executor = ScriptedExecutor::new(Arc::new(clock.clone()));
        Self { folder: tempfile::tempdir().unwrap(), clock, executor }
    }

    async fn open(&self, act: &Act) -> Engine {
        self.open_with(act, |builder| builder).await
    }

    async fn open_with(&self, act: &Act, more: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Engine {
        let builder = Engine::builder()
            .data_dir(self.folder.path().join("data"))
            .executor("scripted", self.executor.clone())
            .clock(Arc::new(self.clock.clone()))
            .action("act", act.clone());
        more(builder).open().await.unwrap()
    }

    /// Runs a definition to its end.
    async fn outcome(&self, act: &Act, document: &str) -> (RunSummary, Run, Engine) {
        let engine = self.open(act).await;
        let run = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
        (run.wait().await.unwrap(), run, engine)
    }
}

/// A definition with one task that has this action, and more keys of the task.
fn task(with: &str, more: &str) -> String {
    format!("name: p\nstages: [{{name: S, tasks: [{{name: t, custom: {{name: act, with: {with}}}{more}}}]}}]")
}

/// Waits for the log of the task to hold this text.
async fn until_logged(run: &Run, text: &str) {
    let mut stream = run.follow_log("t", 1, 0).await.unwrap();
    let mut logged = String::new();
    while !logged.contains(text) {
        let piece = stream.next().await.unwrap().expect("the log ends before");
        logged.push_str(std::str::from_utf8(&piece).unwrap());
    }
}

async fn say_and_hang(context: ActionContext) -> Ended {
    context.log_line(format!("begun, resumed: {}", context.resumed())).await;
    std::future::pending().await
}

fn cause(outcome: &RunSummary) -> (&str, &str) {
    let cause = outcome.task("t").unwrap().cause.as_ref().unwrap();
    (cause.code.as_str(), cause.message.as_str())
}

#[tokio::test]
async fn an_action_gets_its_settings_and_hands_on_outputs() {
    let act = Act::new(async |context: ActionContext| {
        let settings: Settings = context.settings()?;
        context.log(format!("{} times {}\n", settings.times, settings.text)).await;
        context.log_line(format!("for {}", context.variables()["GREETED"])).await;
        Ok(ActionOutput::default().with("SAID", settings.text))
    });
    let document = r#"
name: p
parameters: [{name: WHO, dynamic: true, default: world}]
stages:
  - name: S
    tasks:
      - {name: ask, custom: {name: act, with: {text: "hello ${WHO}", times: 3}}, env: {GREETED: "${WHO}!"}, outputs: [SAID]}
      - {name: t, custom: {name: act, with: {text: "${ask.SAID} again, $$5", rooms: [{name: "$PIPELINE_NAME"}]}}, env: {GREETED: nobody}, outputs: [SAID]}
"#;
    let site = Site::new();
    let (outcome, run, _engine) = site.outcome(&act, document).await;
    assert!(outcome.succeeded(), "{outcome:#?}");
    assert_eq!(run.logs("ask").await.unwrap(), "3 times hello world\nfor world!\n");
    assert_eq!(run.logs("t").await.unwrap(), "0 times hello world again, $5\nfor nobody\n");
    assert_eq!(outcome.task("t").unwrap().exit_code, None);
    let calls = act.calls();
    assert_eq!(calls[1].raw_settings()["rooms"], json!([{"name": "p"}]));
    assert_eq!((calls[0].task(), calls[0].attempt(), calls[0].run_number()), ("ask", 1, 1));
    assert_eq!((calls[0].run(), calls[0].pipeline(), calls[0].resumed()), (run.id(), "p", false));
}

#[tokio::test]
async fn wrong_settings_are_told_before_the_start_with_their_place() {
    let site = Site::new();
    let engine = site.open(&Act::new(async |_| Ok(ActionOutput::default()))).await;
    let document = r#"
name: p
stages:
  - {name: A, tasks: [{name: fine, custom: {name: act, with: {times: "${BUILD_NUMBER}"}}}]}
  - {name: B, tasks: [{name: first, script: x}, {name: bad, custom: {name: act, with: {rooms: [{name: a}, {}]}}}]}
finally: [{name: worse, custom: {name: act, with: {tims: 3}}}]
"#;
    let error = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "invalidPipeline"));
    let problems: Vec<String> = error.problems().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(problems[0], "stages[1].tasks[1].custom.with.rooms[1]: missing field `name`");
    assert!(
        problems[1].starts_with("finally[0].custom.with.tims: unknown field `tims`, expected one of"),
        "{problems:?}"
    );
    assert_eq!(problems.len(), 2);

    let error = engine.start(&pipeline(&task("{panic: 1}", "")), RunRequest::manual()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, "panic"));
}

#[tokio::test]
async fn settings_that_turn_out_wrong_fail_the_attempt_with_their_place() {
    let act = Act::new(async |context: ActionContext| {
        context.settings::<Settings>()?;
        Ok(ActionOutput::default())
    });
    let (outcome, ..) = Site::new().outcome(&act, &task("{times: '${PIPELINE_NAME}'}", "")).await;
    assert_eq!(cause(&outcome), ("badSettings", "custom.with.times: invalid type: string \"p\", expected u32"));
    let missing = task("{text: '${TRIGGER_KIND}'}", ", env: {A: \"${CI_COMMIT_TAG:-none}\"}");
    let (outcome, ..) = Site::new().outcome(&act, &missing).await;
    assert!(outcome.succeeded());
}

#[tokio::test]
async fn an_action_that_nobody_registered_is_refused_with_the_one_that_was_meant() {
    let site = Site::new();
    let engine = site.open(&Act::new(async |_| Ok(ActionOutput::default()))).await;
    let document = "name: p\nstages: [{name: S, tasks: [{name: t, custom: {name: atc}}]}]";
    let error = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unsupported, "unsupportedAction"));
    assert_eq!(error.to_string(), "task \"t\": this engine has no action \"atc\", did you mean \"act\"?");
    drop(engine);

    let act = Act::new(async |_| Ok(ActionOutput::default()));
    let folder = tempfile::tempdir().unwrap();
    let error = Engine::builder().data_dir(folder.path().join("data"));
    let error = error.action("act", act.clone()).action("act", act).open().await.unwrap_err();
    assert_eq!(error.code(), "duplicateAction");
}

#[tokio::test]
async fn only_declared_outputs_can_be_set() {
    let act = Act::new(async |_| Ok(ActionOutput::default().with("VERSON", "1")));
    let (outcome, ..) = Site::new().outcome(&act, &task("{}", ", outputs: [VERSION]")).await;
    let (code, message) = cause(&outcome);
    assert_eq!(code, "badOutput");
    assert!(message.contains("\"VERSON\"") && message.contains("did you mean \"VERSION\"?"), "{message}");
}

#[tokio::test]
async fn failures_and_infrastructure_are_retried_as_the_pipeline_says() {
    let act = Act::new(async |context: ActionContext| match context.attempt() {
        1 => Err(ActionError::infrastructure("unreachable", "the chat does not answer", "")),
        _ => Err(ActionError::failed("noSuchRoom", "there is no room dev", "make it")),
    });
    let more = ", retry: {attempts: 5, on: [infrastructure], backoff: 10m}";
    let (outcome, ..) = Site::where_time_flies().outcome(&act, &task("{}", more)).await;
    let t = outcome.task("t").unwrap();
    assert_eq!((t.status, t.attempts), (TaskStatus::Failed, 2));
    assert_eq!(cause(&outcome), ("noSuchRoom", "there is no room dev"));
    let keys: Vec<String> = act.calls().iter().map(ActionContext::idempotency_key).collect();
    assert_ne!(keys[0], keys[1]);
    assert!(keys[0].len() <= 100 && keys[0].is_ascii(), "{keys:?}");
}

#[tokio::test]
async fn a_panic_fails_the_attempt_and_not_the_run() {
    let act = Act::new(async |context: ActionContext| {
        context.log_line("before the fall").await;
        match context.attempt() {
            1 => panic!("a mistake in the action"),
            _ => Ok(ActionOutput::default()),
        }
    });
    let site = Site::new();
    let (outcome, run, _engine) = site.outcome(&act, &task("{}", ", retry: {attempts: 2}")).await;
    assert!(outcome.succeeded(), "{outcome:#?}");
    assert_eq!(outcome.task("t").unwrap().attempts, 2);
    assert_eq!(run.log("t", 1, 0, 100).await.unwrap(), "before the fall\n");

    let (outcome, ..) = Site::new().outcome(&act, &task("{}", ", allowFailure: true")).await;
    assert_eq!((outcome.status, cause(&outcome).0), (RunStatus::Succeeded, "panic"));
}

#[tokio::test]
async fn what_was_logged_is_stored_in_order_before_the_end_and_cut_at_the_limit() {
    let act = Act::new(async |context: ActionContext| {
        for line in 0..20_000 {
            context.log_line(format!("line {line}")).await;
        }
        let beside = context.clone();
        tokio::task::spawn_blocking(move || beside.blocking_log("from a thread, ends in the middle of ü".as_bytes()))
            .await
            .unwrap();
        context.log([0xC3]).await;
        Ok(ActionOutput::default())
    });
    let site = Site::new();
    let (outcome, run, engine) = site.outcome(&act, &task("{}", "")).await;
    assert!(outcome.succeeded());
    let mut wanted: Vec<u8> = (0..20_000).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
    wanted.extend_from_slice("from a thread, ends in the middle of ü".as_bytes());
    wanted.push(0xC3);
    assert!(run.logs("t").await.unwrap() == wanted, "the log differs");
    engine.close().await.unwrap();

    let engine = site.open_with(&act, |builder| builder.log_limits(LogLimits { bytes: 1000 })).await;
    let run = engine.start(&pipeline(&task("{}", "")), RunRequest::manual()).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
    let log = run.logs("t").await.unwrap();
    assert!(log.starts_with(&wanted[..1000]) && log.ends_with(b"the rest is not kept\n"), "{log:?}");
}

#[tokio::test]
async fn an_action_is_asked_to_end_and_dropped_after_its_grace() {
    let polite = Act::new(async |context: ActionContext| {
        context.log_line("working").await;
        context.cancelled().await;
        assert!(context.is_cancelled());
        context.log_line("tidied up").await;
        Err(ActionError::cancelled())
    });
    let site = Site::where_time_flies();
    let (outcome, run, _engine) = site.outcome(&polite, &task("{}", ", timeout: 2h")).await;
    assert_eq!(outcome.task("t").unwrap().status, TaskStatus::TimedOut);
    assert_eq!(run.logs("t").await.unwrap(), "working\ntidied up\n");

    let stubborn = Act::new(say_and_hang);
    let site = Site::where_time_flies();
    let (outcome, ..) = site.outcome(&stubborn, &task("{}", ", timeout: 2h, grace: 30m")).await;
    assert_eq!(outcome.task("t").unwrap().status, TaskStatus::TimedOut);
    assert_eq!(outcome.task("t").unwrap().duration_ms, Some(150 * 60 * 1000));
    let asked: Vec<Call> = site.executor.calls();
    assert!(
        !asked.iter().any(|call| matches!(call, Call::Stop { .. } | Call::Forget(_) | Call::Start(_))),
        "{asked:?}"
    );
}

#[tokio::test]
async fn cancel_reaches_an_action() {
    let act = Act::new(async |context: ActionContext| {
        context.log_line("up").await;
        context.cancelled().await;
        Err(ActionError::cancelled())
    });
    let site = Site::new();
    let engine = site.open(&act).await;
    let run = engine.start(&pipeline(&task("{}", "")), RunRequest::manual()).await.unwrap();
    until_logged(&run, "up").await;
    run.cancel("ana", "enough").await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert_eq!((outcome.status, outcome.task("t").unwrap().status), (RunStatus::Cancelled, TaskStatus::Cancelled));
}

#[tokio::test]
async fn an_action_that_the_engine_left_is_begun_again_and_its_log_goes_on() {
    let go = Arc::new(Notify::new());
    let act = Act::new({
        let go = go.clone();
        move |context: ActionContext| {
            let go = go.clone();
            async move {
                context.log(format!("begun, resumed: {}", context.resumed())).await;
                go.notified().await;
                context.log_line(", done").await;
                Ok(ActionOutput::default())
            }
        }
    });
    let site = Site::new();
    let engine = site.open(&act).await;
    let run = engine.start(&pipeline(&task("{}", "")), RunRequest::manual()).await.unwrap();
    until_logged(&run, "begun").await;
    engine.close().await.unwrap();

    let engine = site.open(&act).await;
    let run = engine.run(run.id()).await.unwrap();
    go.notify_one();
    let outcome = run.wait().await.unwrap();
    assert!(outcome.succeeded());
    assert_eq!(outcome.task("t").unwrap().attempts, 1);
    let log = String::from_utf8(run.logs("t").await.unwrap().into()).unwrap();
    let (first, second) = ("begun, resumed: false", "begun, resumed: true, done");
    assert_eq!(log, format!("{first}\n[windlass] the engine was restarted; the action begins again\n{second}\n"));
    let keys: Vec<String> = act.calls().iter().map(ActionContext::idempotency_key).collect();
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
    let mut offset = 0;
    let mut events = run.events().await.unwrap();
    while let Some(event) = events.next().await.unwrap() {
        if let EventKind::Log { offset: at, bytes, .. } = event.kind {
            assert_eq!(at, offset);
            offset += bytes.len() as u64;
        }
    }
    assert_eq!(offset, log.len() as u64);
}

#[tokio::test]
async fn one_that_must_not_be_repeated_is_lost_with_its_engine() {
    let act = Act::new(say_and_hang).once();
    let site = Site::new();
    let engine = site.open(&act).await;
    let run = engine.start(&pipeline(&task("{}", ", retry: {attempts: 3}")), RunRequest::manual()).await.unwrap();
    until_logged(&run, "begun").await;
    engine.close().await.unwrap();

    let engine = site.open(&act).await;
    let outcome = engine.run(run.id()).await.unwrap().wait().await.unwrap();
    assert_eq!((outcome.status, outcome.task("t").unwrap().status), (RunStatus::Failed, TaskStatus::Lost));
    assert_eq!(cause(&outcome).0, "lost");
    assert_eq!(act.calls().len(), 1);
    assert!(!site.executor.calls().iter().any(|call| matches!(call, Call::Stop { .. })));
}

#[tokio::test]
async fn one_whose_stop_was_wanted_is_not_begun_again() {
    let act = Act::new(say_and_hang);
    let site = Site::new();
    let engine = site.open(&act).await;
    let run = engine.start(&pipeline(&task("{}", "")), RunRequest::manual()).await.unwrap();
    until_logged(&run, "begun").await;
    run.cancel("ana", "").await.unwrap();
    engine.close().await.unwrap();

    let engine = site.open(&act).await;
    let outcome = engine.run(run.id()).await.unwrap().wait().await.unwrap();
    assert_eq!((outcome.status, act.calls().len()), (RunStatus::Cancelled, 1));
}

#[tokio::test]
async fn an_action_that_is_gone_after_a_restart_says_what_to_register() {
    let act = Act::new(say_and_hang);
    let site = Site::new();
    let engine = site.open(&act).await;
    let run = engine.start(&pipeline(&task("{}", "")), RunRequest::manual()).await.unwrap();
    until_logged(&run, "begun").await;
    engine.close().await.unwrap();

    let data_dir = site.folder.path().join("data");
    let clock = Arc::new(site.clock.clone());
    let engine = Engine::builder().data_dir(data_dir).executor("scripted", site.executor.clone()).clock(clock);
    let engine = engine.open().await.unwrap();
    let outcome = engine.run(run.id()).await.unwrap().wait().await.unwrap();
    let (code, message) = cause(&outcome);
    assert_eq!(code, "unsupportedAction");
    assert!(message.contains("no action \"act\""), "{message}");
}

#[tokio::test]
async fn an_action_is_dropped_with_the_workspace_on_which_it_worked() {
    let dropped = Arc::new(Notify::new());
    struct Tell(Arc<Notify>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let act = Act::new({
        let dropped = dropped.clone();
        move |context: ActionContext| {
            let tell = Tell(dropped.clone());
            async move {
                let _tell = tell;
                say_and_hang(context).await
            }
        }
    });
    let document = "name: p\nstages: [{name: S, order: parallel, tasks: [{name: t, custom: {name: act}}, {name: step, script: x}]}]";
    let site = Site::new();
    let site = Site { executor: site.executor.clone().task("step", Script::hangs()), ..site };
    let engine = site.open(&act).await;
    let run = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    until_logged(&run, "begun").await;
    engine.close().await.unwrap();
    dropped.notified().await;

    // The next engine finds no workspace, so that the attempt is lost whatever the action says.
    site.executor.lose_workspace(run.id());
    let engine = site.open(&act).await;
    let outcome = engine.run(run.id()).await.unwrap().wait().await.unwrap();
    assert_eq!(outcome.task("t").unwrap().status, TaskStatus::Lost);
    assert_eq!(act.calls().len(), 1);
}

#[tokio::test]
async fn actions_share_the_slots_with_steps() {
    let going = Arc::new(Mutex::new((0_usize, 0_usize)));
    let act = Act::new({
        let going = going.clone();
        move |context: ActionContext| {
            let going = going.clone();
            async move {
                {
                    let mut going = going.lock().unwrap();
                    *going = (going.0 + 1, going.1.max(going.0 + 1));
                }
                context.sleep(Duration::from_secs(60)).await;
                going.lock().unwrap().0 -= 1;
                Ok(ActionOutput::default())
            }
        }
    });
    let document = "name: p\nstages: [{name: S, order: parallel, tasks: [{name: t, custom: {name: act}, matrix: {N: [a, b, c, d, e]}}]}]";
    let site = Site::where_time_flies();
    let engine = site.open_with(&act, |builder| builder.max_tasks(2)).await;
    let run = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert!(outcome.succeeded());
    assert_eq!(going.lock().unwrap().1, 2);
    assert!(outcome.duration_ms.unwrap() >= 3 * 60 * 1000);
}

#[tokio::test]
async fn files_go_into_the_workspace_and_come_out_of_it() {
    let act = Act::new(async |context: ActionContext| {
        context.write_file("notes/CHANGES.md", "- made a start\n").await?;
        let version = context.read_file("out/version", 100).await?;
        context.log_line(format!("version {}", String::from_utf8_lossy(&version).trim())).await;
        for (path, max) in [("gone", 10), ("out/version", 3), ("out", 10), ("../outside", 10)] {
            let error = context.read_file(path, max).await.unwrap_err();
            context.log_line(format!("{path}: {error}")).await;
        }
        for path in ["/etc/outside", "a/..", ""] {
            context.log_line(context.write_file(path, "x").await.unwrap_err().to_string()).await;
        }
        Ok(ActionOutput::default())
    });
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder().data_dir(folder.path().join("data")).action("act", act).open().await.unwrap();
    let document = r#"
name: p
stages:
  - name: S
    tasks:
      - {name: make, script: "mkdir out; echo 1.2.3 > out/version"}
      - {name: t, custom: {name: act}}
      - {name: show, script: cat notes/CHANGES.md}
"#;
    let run = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert!(outcome.succeeded(), "{outcome:#?}");
    assert_eq!(run.logs("show").await.unwrap(), "- made a start\n");
    let log = String::from_utf8(run.logs("t").await.unwrap().into()).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines[0], "version 1.2.3");
    assert_eq!(lines[1], "gone: there is no \"gone\" in the workspace");
    assert_eq!(lines[2], "out/version: \"out/version\" has 6 bytes, and the action reads 3 at most");
    assert_eq!(lines[3], "out: \"out\" is a folder, and not a file");
    assert_eq!(lines[4], "../outside: the path \"../outside\" contains `..`");
    assert!(lines[5].contains("is absolute"), "{}", lines[5]);
    assert!(lines[6..8].iter().all(|line| line.contains("names a folder")), "{log}");
    engine.close().await.unwrap();
}

#[tokio::test]
async fn without_a_workspace_there_are_no_files() {
    let act = Act::new(async |context: ActionContext| {
        context.write_file("a", "b").await?;
        Ok(ActionOutput::default())
    });
    let (outcome, ..) = Site::new().outcome(&act, &task("{}", ", workspace: none")).await;
    assert_eq!(cause(&outcome).0, "noWorkspace");
}
