use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;

use super::{Call, Script, ScriptedExecutor};
use crate::clock::SharedClock;
use crate::executor::{Command, Executor, ExecutorError, ExecutorEvent, RunScope, StepSpec};
use crate::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use crate::run::{Elapsed, RunId, StepEnd, StepKey, WaitReason};
use crate::testing::VirtualClock;
use crate::testing::executor_conformance::Factory;

const MINUTE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(10);

fn clock() -> SharedClock {
    Arc::new(VirtualClock::auto())
}

fn run() -> RunId {
    RunId::new(uuid::Uuid::from_u128(7))
}

fn step(task: &str, attempt: u32) -> StepSpec {
    StepSpec {
        key: StepKey { run: run(), task: TaskId::new(task), attempt },
        generation: 1,
        resumed: false,
        command: Command::Program { argv: vec!["true".to_owned()] },
        env: std::collections::BTreeMap::new(),
        secrets: Default::default(),
        image: None,
        resources: Resources::default(),
        container: Default::default(),
        isolation: Isolation::Run,
        workspace: WorkspaceUse::Shared,
    }
}

fn scope(generation: u32, existing: bool) -> RunScope {
    RunScope { run: run(), generation, existing, source: None, adopt: None, outlines: Vec::new() }
}

async fn prepared(executor: ScriptedExecutor) -> ScriptedExecutor {
    executor.prepare(&scope(1, false)).await.unwrap();
    executor
}

/// Starts a step, and returns how it ended and when.
async fn outcome(executor: &ScriptedExecutor, step: &StepSpec) -> (Result<StepEnd, ExecutorError>, u64) {
    executor.start(step).await.unwrap();
    let end = executor.wait(&step.key).await.map(|exit| exit.end);
    (end, executor.elapsed().as_millis())
}

async fn log(executor: &ScriptedExecutor, step: &StepKey, from: u64) -> String {
    let chunks: Vec<_> = executor.logs(step, from).collect().await;
    let mut text = String::new();
    for chunk in chunks {
        let chunk = chunk.unwrap();
        assert_eq!(chunk.offset, from + text.len() as u64, "the chunks follow each other");
        text.push_str(std::str::from_utf8(&chunk.bytes).unwrap());
    }
    text
}

#[tokio::test]
async fn a_step_without_a_script_succeeds_at_once() {
    let executor = prepared(ScriptedExecutor::new(clock())).await;
    let (end, at) = outcome(&executor, &step("unit", 1)).await;
    assert_eq!((end.unwrap(), at), (StepEnd::Code(0), 0));
}

#[tokio::test]
async fn a_script_takes_its_time_prints_and_writes_outputs() {
    let script = Script::succeeds().log("one").after(MINUTE).log("two").output("VERSION", "1.2").after(MINUTE);
    let executor = prepared(ScriptedExecutor::new(clock()).task("unit", script)).await;
    let unit = step("unit", 1);
    executor.start(&unit).await.unwrap();
    let exit = executor.wait(&unit.key).await.unwrap();
    assert_eq!(executor.elapsed(), Elapsed::from_millis(120_000));
    assert_eq!((exit.end, exit.log_length, &exit.output[..]), (StepEnd::Code(0), 8, &b"VERSION=1.2\n"[..]));
    assert_eq!(log(&executor, &unit.key, 0).await, "one\ntwo\n");
    assert_eq!(log(&executor, &unit.key, 4).await, "two\n");
    assert_eq!(log(&executor, &unit.key, 99).await, "", "an offset behind the end is no error");
}

#[tokio::test]
async fn a_log_is_followed_as_it_grows() {
    let script = Script::succeeds().log("one").after(MINUTE).log("two");
    let executor = prepared(ScriptedExecutor::new(clock()).task("unit", script)).await;
    let unit = step("unit", 1);
    let mut logs = executor.logs(&unit.key, 0);
    executor.start(&unit).await.unwrap();
    assert_eq!(&logs.next().await.unwrap().unwrap().bytes[..], b"one\n");
    assert_eq!(executor.elapsed().as_millis(), 0);
    assert_eq!(&logs.next().await.unwrap().unwrap().bytes[..], b"two\n");
    assert_eq!(executor.elapsed().as_millis(), 60_000);
    assert!(logs.next().await.is_none());
}

#[tokio::test]
async fn attempts_follow_their_scripts_and_the_last_one_stays() {
    let scripts = [Script::fails(3), Script::ends(StepEnd::OutOfMemory), Script::succeeds()];
    let executor = prepared(ScriptedExecutor::new(clock()).attempts("unit", scripts)).await;
    let mut ends = Vec::new();
    for attempt in 1..=4 {
        ends.push(outcome(&executor, &step("unit[PY=3.11]", attempt)).await.0.unwrap());
    }
    assert_eq!(ends, [StepEnd::Code(3), StepEnd::OutOfMemory, StepEnd::Code(0), StepEnd::Code(0)]);
    assert_eq!(executor.started("unit"), 4);
    assert_eq!(executor.started("uni"), 0);
}

#[tokio::test]
async fn the_start_token_lets_one_start_through() {
    let executor = prepared(ScriptedExecutor::new(clock()).task("unit", Script::fails(1).after(MINUTE))).await;
    let unit = step("unit", 1);
    let starts = join_all((0..8).map(|_| executor.start(&unit))).await;
    assert!(starts.iter().all(Result::is_ok));
    assert_eq!(executor.started("unit"), 1);
    executor.wait(&unit.key).await.unwrap();
    executor.start(&unit).await.unwrap();
    assert_eq!(executor.wait(&unit.key).await.unwrap().end, StepEnd::Code(1), "a late start changes nothing");
    assert_eq!(executor.started("unit"), 1);
}

#[tokio::test]
async fn a_start_after_a_stop_starts_nothing() {
    let executor = prepared(ScriptedExecutor::new(clock())).await;
    let unit = step("unit", 1);
    executor.stop(&unit.key, GRACE).await.unwrap();
    executor.start(&unit).await.unwrap();
    assert!(matches!(executor.wait(&unit.key).await, Err(ExecutorError::NeverStarted)));
    assert_eq!(log(&executor, &unit.key, 0).await, "");
    assert_eq!(executor.started("unit"), 0);
}

#[tokio::test]
async fn a_hanging_step_ends_when_it_is_stopped_at_the_signal_or_at_the_kill() {
    let executor = prepared(
        ScriptedExecutor::new(clock())
            .task("polite", Script::hangs().log("waiting"))
            .task("stubborn", Script::hangs().ignores_signal()),
    )
    .await;
    let (polite, stubborn) = (step("polite", 1), step("stubborn", 1));
    executor.start(&polite).await.unwrap();
    executor.start(&stubborn).await.unwrap();
    assert_eq!(executor.running().len(), 2);

    executor.stop(&polite.key, GRACE).await.unwrap();
    assert_eq!(executor.wait(&polite.key).await.unwrap().end, StepEnd::Signal(15));
    assert_eq!(log(&executor, &polite.key, 0).await, "waiting\n");
    assert_eq!(executor.elapsed().as_millis(), 0);

    executor.stop(&stubborn.key, GRACE).await.unwrap();
    assert_eq!(executor.elapsed().as_millis(), 10_000, "stop returns when nothing is left");
    assert_eq!(executor.wait(&stubborn.key).await.unwrap().end, StepEnd::Signal(9));
    executor.stop(&stubborn.key, GRACE).await.unwrap();
    assert_eq!(executor.elapsed().as_millis(), 10_000, "a stop of an ended step does nothing");
}

#[tokio::test]
async fn a_stop_of_an_ended_step_leaves_its_end_as_it_was() {
    let executor = prepared(ScriptedExecutor::new(clock()).task("unit", Script::fails(4).after(MINUTE))).await;
    let unit = step("unit", 1);
    outcome(&executor, &unit).await.0.unwrap();
    executor.stop(&unit.key, GRACE).await.unwrap();
    assert_eq!(executor.wait(&unit.key).await.unwrap().end, StepEnd::Code(4));
}

#[tokio::test]
async fn lost_steps_and_failures_of_the_executor_are_told_apart() {
    let executor = prepared(
        ScriptedExecutor::new(clock())
            .task("lost", Script::lost().after(MINUTE))
            .task("early", Script::infrastructure("the daemon is away"))
            .task("late", Script::infrastructure("the daemon went away").after(MINUTE))
            .task("wrong", Script::bad_step("imageNotFound", "there is no image nosuch:1")),
    )
    .await;
    assert!(matches!(outcome(&executor, &step("lost", 1)).await.0, Err(ExecutorError::Lost { .. })));
    let error = executor.start(&step("early", 1)).await.unwrap_err();
    assert_eq!(error.to_string(), "the daemon is away");
    let error = outcome(&executor, &step("late", 1)).await.0.unwrap_err();
    assert_eq!(error.to_string(), "the daemon went away");
    let error = executor.start(&step("wrong", 1)).await.unwrap_err();
    assert!(matches!(error, ExecutorError::BadStep { code: "imageNotFound", .. }));
    assert_eq!(executor.started("early") + executor.started("wrong"), 0);
}

#[tokio::test]
async fn an_observer_hears_of_waits_and_of_their_ends_until_the_release() {
    let script = Script::waits("unschedulable", "0/3 nodes are available", MINUTE).after(MINUTE);
    let executor = prepared(ScriptedExecutor::new(clock()).task("unit", script)).await;
    let mut events = executor.observe(run());
    let unit = step("unit", 1);
    executor.start(&unit).await.unwrap();
    let reason = WaitReason::new("unschedulable", "0/3 nodes are available");
    let waiting = ExecutorEvent::Waiting { step: unit.key.clone(), reason };
    assert_eq!(events.next().await, Some(waiting.clone()));
    let late = executor.clone().observe(run()).next().await;
    assert_eq!(late, Some(waiting), "a fresh observer hears what is the case");
    assert_eq!(events.next().await, Some(ExecutorEvent::Running { step: unit.key.clone() }));
    assert_eq!(executor.elapsed().as_millis(), 60_000);
    assert_eq!(executor.wait(&unit.key).await.unwrap().end, StepEnd::Code(0));
    executor.release(run()).await.unwrap();
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn steps_go_on_without_their_engine_and_another_one_finds_them() {
    let world = ScriptedExecutor::new(clock()).task("unit", Script::succeeds().after(MINUTE).log("done"));
    let unit = step("unit", 1);
    {
        let engine = prepared(world.clone()).await;
        engine.start(&unit).await.unwrap();
    }
    let next = world.clone();
    next.prepare(&scope(1, true)).await.unwrap();
    next.start(&unit).await.unwrap();
    assert_eq!(next.wait(&unit.key).await.unwrap().end, StepEnd::Code(0));
    assert_eq!(log(&next, &unit.key, 0).await, "done\n");
    assert_eq!(world.started("unit"), 1);
}

#[tokio::test]
async fn a_lost_workspace_takes_its_steps_along_and_is_not_made_anew() {
    let executor = prepared(ScriptedExecutor::new(clock()).task("unit", Script::hangs())).await;
    let unit = step("unit", 1);
    executor.start(&unit).await.unwrap();
    executor.lose_workspace(run());
    assert!(matches!(executor.wait(&unit.key).await, Err(ExecutorError::Lost { .. })));
    let again = executor.prepare(&scope(1, true)).await;
    assert!(matches!(again, Err(ExecutorError::WorkspaceLost { .. })));
    executor.prepare(&scope(2, false)).await.unwrap();
    executor.start(&step("unit", 2)).await.unwrap();
    assert_eq!(executor.running(), [step("unit", 2).key]);
}

#[tokio::test]
async fn an_existing_workspace_that_was_never_made_is_lost() {
    let executor = ScriptedExecutor::new(clock());
    let error = executor.prepare(&scope(1, true)).await.unwrap_err();
    assert!(matches!(error, ExecutorError::WorkspaceLost { .. }));
    assert!(matches!(executor.start(&step("unit", 1)).await, Err(ExecutorError::WorkspaceLost { .. })));
    assert!(matches!(executor.wait(&step("unit", 1).key).await, Err(ExecutorError::Lost { .. })));
}

#[tokio::test]
async fn prepare_fails_as_often_as_it_is_told() {
    let executor = ScriptedExecutor::new(clock());
    executor.fail_prepare("no room");
    assert_eq!(executor.prepare(&scope(1, false)).await.unwrap_err().to_string(), "no room");
    executor.prepare(&scope(1, false)).await.unwrap();
    executor.prepare(&scope(1, false)).await.unwrap();
}

#[tokio::test]
async fn release_and_sweep_end_what_is_left_and_can_be_repeated() {
    let executor = prepared(ScriptedExecutor::new(clock()).task("unit", Script::hangs())).await;
    let unit = step("unit", 1);
    executor.start(&unit).await.unwrap();
    assert_eq!(executor.sweep(&[run()]).await.unwrap().removed, []);
    assert_eq!(executor.running(), std::slice::from_ref(&unit.key));
    assert_eq!(executor.sweep(&[]).await.unwrap().removed, [run()]);
    assert_eq!(executor.running(), []);
    assert_eq!(executor.sweep(&[]).await.unwrap().removed, []);
    executor.release(run()).await.unwrap();
    executor.release(RunId::new(uuid::Uuid::from_u128(8))).await.unwrap();
}

#[tokio::test]
async fn a_forgotten_log_is_gone_but_not_that_of_a_running_step() {
    let executor =
        prepared(ScriptedExecutor::new(clock()).task("unit", Script::succeeds().log("one").after(MINUTE))).await;
    let unit = step("unit", 1);
    executor.start(&unit).await.unwrap();
    executor.forget(&unit.key).await.unwrap();
    assert_eq!(log(&executor, &unit.key, 0).await, "one\n");
    executor.forget(&unit.key).await.unwrap();
    assert_eq!(log(&executor, &unit.key, 0).await, "");
}

#[tokio::test]
async fn what_was_written_to_the_workspace_can_be_read_and_no_path_leaves_it() {
    let executor = prepared(ScriptedExecutor::new(clock())).await;
    let read = async |path: &str| -> Vec<u8> {
        let pieces: Vec<_> = executor.read(run(), path).await.unwrap().map(Result::unwrap).collect().await;
        pieces.concat()
    };
    let names = |tar: &[u8]| -> Vec<String> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| entry.path().unwrap().display().to_string()).collect()
    };
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    header.set_mode(0o750);
    builder.append_data(&mut header, "a/run.sh", &b"abc"[..]).unwrap();
    let whole = builder.into_inner().unwrap();
    // Streams come in any pieces.
    let pieces: Vec<_> = whole.chunks(100).map(|piece| Ok(piece.to_vec().into())).collect();
    executor.write(run(), "src", futures::stream::iter(pieces).boxed()).await.unwrap();
    assert_eq!(names(&read("src").await), ["src", "src/a", "src/a/run.sh"]);
    let file = read("src/a/run.sh").await;
    let mut archive = tar::Archive::new(&file[..]);
    let entry = archive.entries().unwrap().next().unwrap().unwrap();
    assert_eq!((entry.header().mode().unwrap(), entry.size()), (0o750, 3));
    assert_eq!(names(&read(".").await), ["src", "src/a", "src/a/run.sh"]);
    let missing = executor.read(run(), "nowhere").await.err().unwrap();
    assert!(matches!(missing, ExecutorError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound));
    for path in ["../etc", "/etc", "a/../../b"] {
        let error = executor.read(run(), path).await.err().unwrap();
        assert!(matches!(error, ExecutorError::BadStep { code: "badPath", .. }), "{path}");
    }
}

#[derive(Debug)]
struct Worlds(ScriptedExecutor, SharedClock);

impl Worlds {
    fn new() -> Self {
        let clock = clock();
        Self(ScriptedExecutor::new(clock.clone()), clock)
    }
}

impl Factory for Worlds {
    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(self.0.clone())
    }

    fn clock(&self) -> SharedClock {
        self.1.clone()
    }
}

crate::executor_conformance!(Worlds::new();
    kept_again, kept_and_released, kept_and_swept, nothing_to_keep, adopted_again, nothing_to_adopt
);

#[tokio::test]
async fn keeping_ends_the_steps_and_a_lost_workspace_cannot_be_kept() {
    let executor = prepared(ScriptedExecutor::new(clock()).task("unit", Script::hangs())).await;
    let unit = step("unit", 1);
    executor.start(&unit).await.unwrap();
    assert!(executor.keep(run(), 1).await.unwrap());
    assert_eq!(executor.running(), []);
    assert!(matches!(executor.start(&step("late", 1)).await, Err(ExecutorError::WorkspaceLost { .. })));
    executor.lose_workspace(run());
    assert!(!executor.keep(run(), 1).await.unwrap());
    let keep = Call::Keep { run: run(), generation: 1 };
    assert_eq!(executor.calls().into_iter().filter(|call| *call == keep).count(), 2);
}

#[tokio::test]
async fn calls_are_recorded_in_order_over_all_clones() {
    let executor = prepared(ScriptedExecutor::new(clock())).await;
    let unit = step("unit", 1);
    executor.clone().start(&unit).await.unwrap();
    executor.stop(&unit.key, GRACE).await.unwrap();
    executor.release(run()).await.unwrap();
    let expected = [
        Call::Prepare(scope(1, false)),
        Call::Start(unit.clone()),
        Call::Stop { step: unit.key, grace: GRACE },
        Call::Release(run()),
    ];
    assert_eq!(executor.calls(), expected);
}

#[tokio::test]
async fn the_peak_tells_how_many_steps_went_on_at_once() {
    let clock = clock();
    let executor = prepared(ScriptedExecutor::new(clock.clone()).task("unit", Script::succeeds().after(MINUTE))).await;
    for (attempt, pause) in [(1, 30_000), (2, 60_000), (3, 200_000)] {
        executor.start(&step("unit", attempt)).await.unwrap();
        clock.sleep_until(Elapsed::from_millis(pause)).await;
    }
    assert_eq!(executor.peak(), 2);
    assert_eq!(executor.running(), []);
}
