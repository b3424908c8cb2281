//! With scripted steps and virtual time: what would take a day takes milliseconds.

use std::sync::Arc;
use std::time::Duration;

use super::pipeline;
use crate::engine::{Engine, RunRequest};
use crate::executor::Executor;
use crate::run::{RunStatus, TaskStatus};
use crate::store::MemoryStore;
use crate::testing::{Call, Script, ScriptedExecutor, VirtualClock};

struct World {
    _folder: tempfile::TempDir,
    engine: Engine,
    executor: ScriptedExecutor,
}

async fn world(script: impl FnOnce(ScriptedExecutor) -> ScriptedExecutor) -> World {
    let folder = tempfile::tempdir().unwrap();
    let clock = VirtualClock::auto_after(Duration::from_millis(20));
    let executor = script(ScriptedExecutor::new(Arc::new(clock.clone())));
    let engine = Engine::builder()
        .data_dir(folder.path().join("data"))
        .executor("scripted", executor.clone())
        .store(MemoryStore::new())
        .clock(Arc::new(clock))
        .max_tasks(2)
        .open()
        .await
        .unwrap();
    World { _folder: folder, engine, executor }
}

#[tokio::test]
async fn a_timeout_of_a_day_is_reached_in_milliseconds() {
    let world = world(|executor| executor.task("hang", Script::hangs())).await;
    let document = "name: p\nstages: [{name: S, tasks: [{name: hang, timeout: 24h, script: 'sleep 1000000'}]}]";
    let run = world.engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert_eq!(outcome.task("hang").unwrap().status, TaskStatus::TimedOut);
    assert_eq!(outcome.status, RunStatus::Failed);
    assert!(outcome.duration_ms.unwrap() >= 24 * 3600 * 1000);
}

/// Whether anything of any run is left when the run has been freed.
async fn nothing_is_left(world: &World, run: &crate::Run) {
    run.wait().await.unwrap();
    world.engine.close().await.unwrap();
    assert_eq!(world.executor.sweep(&[]).await.unwrap().removed, []);
}

#[tokio::test]
async fn a_run_that_is_cancelled_while_its_workspace_is_made_leaves_none() {
    let world = world(|executor| executor).await;
    world.executor.slow_prepare(Duration::from_secs(5));
    let document = "name: p\nstages: [{name: S, tasks: [{name: t, script: x}]}]";
    let run = world.engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    while !world.executor.calls().iter().any(|call| matches!(call, Call::Prepare(_))) {
        tokio::task::yield_now().await;
    }
    run.cancel("ana", "changed my mind").await.unwrap();
    nothing_is_left(&world, &run).await;
}

#[tokio::test]
async fn a_workspace_that_is_never_done_is_waited_for_no_longer_when_its_run_is_cancelled() {
    let world = world(|executor| executor).await;
    world.executor.slow_prepare(Duration::from_secs(1_000_000));
    let document = "name: p\nstages: [{name: S, tasks: [{name: t, script: x}]}]";
    let run = world.engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    run.cancel("ana", "changed my mind").await.unwrap();
    nothing_is_left(&world, &run).await;
}

#[tokio::test]
async fn a_retry_waits_longer_each_time() {
    let world =
        world(|executor| executor.attempts("flaky", [Script::fails(1), Script::fails(1), Script::succeeds()])).await;
    let document =
        "name: p\nstages: [{name: S, tasks: [{name: flaky, script: x, retry: {attempts: 3, backoff: 10m}}]}]";
    let run = world.engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert!(outcome.succeeded());
    assert_eq!(world.executor.started("flaky"), 3);
    assert!(outcome.duration_ms.unwrap() >= 30 * 60 * 1000);
}

#[tokio::test]
async fn no_more_tasks_run_at_once_than_there_are_slots() {
    let world = world(|executor| executor.task("t", Script::succeeds().after(Duration::from_secs(60)))).await;
    let axis = (0..10).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ");
    let document = format!(
        "name: p\nstages: [{{name: S, order: parallel, tasks: [{{name: t, script: x, matrix: {{N: [{axis}]}}}}]}}]"
    );
    let run = world.engine.start(&pipeline(&document), RunRequest::manual()).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
    assert_eq!(world.executor.peak(), 2);
}

#[tokio::test]
async fn an_approval_waits_for_a_person() {
    let world = world(|executor| executor).await;
    let document = "name: p\nstages: [{name: S, tasks: [{name: sign-off, approve: {message: 'Ship ${BUILD_NUMBER}?'}}, {name: ship, script: x}]}]";
    let run = world.engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    let mut events = run.events().await.unwrap();
    let asked = loop {
        let event = events.next().await.unwrap().unwrap();
        if let crate::EventKind::ApprovalRequested { message, .. } = event.kind {
            break message;
        }
    };
    assert_eq!(asked, "Ship 1?");
    assert_eq!(run.approve("ship", "ana", "").await.unwrap_err().code(), "notWaiting");
    run.approve("sign-off", "ana", "looks good").await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
}

#[tokio::test]
async fn lost_steps_fail_the_run_and_are_not_repeated() {
    let world = world(|executor| executor.task("t", Script::lost())).await;
    let document = "name: p\nstages: [{name: S, tasks: [{name: t, script: x, retry: {attempts: 3}}]}]";
    let run = world.engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert_eq!((outcome.status, outcome.task("t").unwrap().status), (RunStatus::Failed, TaskStatus::Lost));
    assert_eq!(world.executor.started("t"), 1);
}
