//! Ends of an engine: drained, cancelled, and with its steps left running.

use std::sync::Arc;
use std::time::Duration;

use super::pipeline;
use crate::clock::Clock;
use crate::engine::{DrainReport, Engine, EventKind, RunRequest, Shutdown};
use crate::pipeline::Pipeline;
use crate::run::queue::RunLimits;
use crate::run::{RunEvent, RunId, RunStatus, TaskStatus};
use crate::store::{Append, AuditFilter, Batch, MemoryStore, RunFilter, Stamped, Store};
use crate::testing::{Script, ScriptedExecutor, VirtualClock};

const MINUTE: Duration = Duration::from_secs(60);

/// Engines one after another on the same data, where two runs go at once.
struct World {
    folder: tempfile::TempDir,
    store: Arc<MemoryStore>,
    clock: VirtualClock,
    executor: ScriptedExecutor,
}

impl World {
    fn new(script: Script) -> Self {
        let clock = VirtualClock::auto_after(Duration::from_millis(20));
        let executor = ScriptedExecutor::new(Arc::new(clock.clone())).task("t", script);
        Self { folder: tempfile::tempdir().unwrap(), store: Arc::default(), clock, executor }
    }

    async fn open(&self) -> Engine {
        Engine::builder()
            .data_dir(self.folder.path().join("data"))
            .executor("scripted", self.executor.clone())
            .shared_store(self.store.clone())
            .clock(Arc::new(self.clock.clone()))
            .run_limits(RunLimits { runs: 2, per_pipeline: None })
            .open()
            .await
            .unwrap()
    }

    async fn states(&self) -> Vec<RunStatus> {
        let runs = self.store.list(&RunFilter::default()).await.unwrap();
        runs.iter().rev().map(|run| run.digest.status).collect()
    }
}

fn one_task() -> Pipeline {
    pipeline("name: p\nstages: [{name: S, tasks: [{name: t, script: x}]}]\nfinally: [{name: tidy, script: x}]\n")
}

/// Starts so many runs, and returns when two of them run.
async fn start(engine: &Engine, count: usize) -> Vec<RunId> {
    let mut ids = Vec::new();
    for at in 0..count {
        let run = engine.start(&one_task(), RunRequest::manual()).await.unwrap();
        ids.push(run.id());
        if at < 2 {
            let mut events = run.events().await.unwrap();
            while !matches!(events.next().await.unwrap().unwrap().kind, EventKind::AttemptStarted { .. }) {}
        }
    }
    ids
}

#[tokio::test]
async fn draining_lets_running_runs_end_and_nobody_go() {
    let world = World::new(Script::succeeds().after(MINUTE));
    let engine = world.open().await;
    let runs = start(&engine, 3).await;
    let report = engine.drain(None).await.unwrap();
    assert_eq!(report, DrainReport { finished: runs[..2].to_vec(), left_running: vec![] });
    // Starting still works, and waits for the next engine.
    engine.start(&one_task(), RunRequest::manual()).await.unwrap();
    engine.close().await.unwrap();
    use RunStatus::{Queued, Succeeded};
    assert_eq!(world.states().await, [Succeeded, Succeeded, Queued, Queued]);

    let next = world.open().await;
    for run in next.recovered() {
        assert!(next.run(*run).await.unwrap().wait().await.unwrap().succeeded());
    }
    assert_eq!(world.states().await, [Succeeded; 4]);
    next.close().await.unwrap();
}

#[tokio::test]
async fn a_drain_has_a_limit() {
    let world = World::new(Script::succeeds().after(60 * MINUTE));
    let engine = world.open().await;
    let runs = start(&engine, 3).await;
    let report = engine.shutdown(Shutdown::Drain { limit: Some(MINUTE) }).await.unwrap();
    assert_eq!(report, DrainReport { finished: vec![], left_running: runs[..2].to_vec() });
    assert_eq!(engine.drain(None).await.unwrap_err().code(), "engineClosed");
    let next = world.open().await;
    assert_eq!(next.recovered(), runs);
    for run in &runs {
        assert!(next.run(*run).await.unwrap().wait().await.unwrap().succeeded());
    }
    assert_eq!(world.executor.started("t"), 3, "what was left running was not started again");
    next.close().await.unwrap();
}

#[tokio::test]
async fn a_drain_of_an_idle_engine_is_over_at_once() {
    let world = World::new(Script::succeeds());
    let engine = world.open().await;
    assert_eq!(engine.drain(None).await.unwrap(), DrainReport::default());
    assert_eq!(engine.shutdown(Shutdown::LeaveRunning).await.unwrap(), DrainReport::default());
}

#[tokio::test]
async fn closing_ends_a_drain() {
    let world = World::new(Script::hangs());
    let engine = world.open().await;
    start(&engine, 1).await;
    let draining = tokio::spawn({
        let engine = engine.clone();
        async move { engine.drain(None).await }
    });
    while engine.handle.core.departures.receiver_count() == 0 {
        tokio::task::yield_now().await;
    }
    engine.close().await.unwrap();
    assert_eq!(draining.await.unwrap().unwrap_err().code(), "engineClosed");
}

#[tokio::test]
async fn a_run_that_cannot_be_driven_is_not_waited_for() {
    let world = World::new(Script::hangs());
    let engine = world.open().await;
    let runs = start(&engine, 1).await;
    // Somebody else writes to the run: from here on its driver is refused.
    let last = world.store.listing(runs[0]).await.unwrap().unwrap().last;
    let foreign = Stamped { at: world.clock.now(), event: RunEvent::EngineRecovered };
    let append = Append { run: runs[0], expected: last, events: vec![foreign], digest: None };
    world.store.commit(Batch { appends: vec![append], ..Batch::default() }).await.unwrap();
    engine.run(runs[0]).await.unwrap().cancel("ana", "").await.unwrap_err();
    let report = engine.drain(None).await.unwrap();
    assert_eq!(report, DrainReport { finished: vec![], left_running: runs });
}

#[tokio::test]
async fn cancelling_ends_what_runs_and_leaves_the_queue() {
    let world = World::new(Script::hangs());
    let engine = world.open().await;
    let runs = start(&engine, 3).await;
    let how = Shutdown::Cancel { by: "ana".to_owned(), reason: "moving house".to_owned() };
    let report = engine.shutdown(how).await.unwrap();
    assert_eq!(report, DrainReport { finished: runs[..2].to_vec(), left_running: vec![] });
    use RunStatus::{Cancelled, Queued};
    assert_eq!(world.states().await, [Cancelled, Cancelled, Queued]);
    assert_eq!(world.executor.started("tidy"), 2, "finally has run");
    assert!(world.executor.running().is_empty());
    let trail = world.store.audit(&AuditFilter { by: Some("ana".to_owned()), ..AuditFilter::default() }).await.unwrap();
    assert_eq!(trail.iter().map(|entry| entry.entry.change.kind()).collect::<Vec<_>>(), ["runCancelled"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_are_left_running_go_on_and_are_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Engine::builder().data_dir(folder.path().join("data")).open();
    let engine = open().await.unwrap();
    let document = pipeline(
        r#"
name: long
parameters: [{name: GO, dynamic: true}]
stages: [{name: S, tasks: [{name: t, script: 'echo one; while [ ! -e "$GO" ]; do sleep 0.02; done; echo $$ > "$GO.seen"; echo two', env: {GO: "$GO"}}]}]
"#,
    );
    let go = folder.path().join("go");
    let run = engine.start(&document, RunRequest::manual().parameter("GO", go.to_str().unwrap())).await.unwrap();
    let mut events = run.events().await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap().kind, EventKind::Log { .. }) {}
    let report = engine.shutdown(Shutdown::LeaveRunning).await.unwrap();
    assert_eq!(report, DrainReport { finished: vec![], left_running: vec![run.id()] });

    // No engine is there, and the step lives: it sees the sign, and answers it.
    std::fs::write(&go, "").unwrap();
    let seen = folder.path().join("go.seen");
    while !seen.exists() {
        crate::clock::pause(Duration::from_millis(5)).await;
    }
    let next = open().await.unwrap();
    assert_eq!(next.recovered(), [run.id()]);
    let outcome = next.run(run.id()).await.unwrap().wait().await.unwrap();
    assert_eq!(outcome.task("t").unwrap().status, TaskStatus::Succeeded);
    assert_eq!(next.run(run.id()).await.unwrap().logs("t").await.unwrap(), "one\ntwo\n");
    next.close().await.unwrap();
}
