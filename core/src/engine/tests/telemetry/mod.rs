//! What observers are told: spans, figures, and what OpenTelemetry makes of them.
//!
//! Subscribers and recorders are those of the test's thread: the runtime has no other threads on which drivers could be.

mod figures;
mod metrics;
mod opentelemetry;
mod recorder;
mod spans;

use std::sync::Arc;
use std::time::Duration;

use super::pipeline;
use crate::engine::{Engine, EngineBuilder, Run, RunRequest};
use crate::run::queue::RunLimits;
use crate::store::MemoryStore;
use crate::testing::{Hold, Script, ScriptedExecutor, VirtualClock};
use crate::{EventKind, EventStream};

/// What engines come and go on.
struct World {
    folder: tempfile::TempDir,
    clock: VirtualClock,
    executor: ScriptedExecutor,
    /// Keeps time from passing, so that nothing that hangs reaches its timeout.
    still: Option<Hold>,
}

impl World {
    fn new(script: impl FnOnce(ScriptedExecutor) -> ScriptedExecutor) -> Self {
        let clock = VirtualClock::auto_after(Duration::from_millis(20));
        let executor = script(ScriptedExecutor::new(Arc::new(clock.clone())));
        Self { folder: tempfile::tempdir().unwrap(), clock, executor, still: None }
    }

    /// Time stands still.
    fn still(script: impl FnOnce(ScriptedExecutor) -> ScriptedExecutor) -> Self {
        let world = Self::new(script);
        Self { still: Some(world.clock.hold()), ..world }
    }

    /// One run at a time, two tasks at a time.
    fn builder(&self) -> EngineBuilder {
        Engine::builder()
            .data_dir(self.folder.path().join("data"))
            .executor("scripted", self.executor.clone())
            .clock(Arc::new(self.clock.clone()))
            .base_url("https://portal.example/ci/")
            .run_limits(RunLimits { runs: 1, per_pipeline: None })
            .max_tasks(2)
    }

    async fn open(&self) -> Engine {
        self.builder().store(MemoryStore::new()).open().await.unwrap()
    }
}

async fn start(engine: &Engine, document: &str) -> Run {
    engine.start(&pipeline(document), RunRequest::manual()).await.unwrap()
}

/// Reads on until an event of this kind has come.
async fn until(events: &mut EventStream, wanted: impl Fn(&EventKind) -> bool) {
    while let Some(event) = events.next().await.unwrap() {
        if wanted(&event.kind) {
            return;
        }
    }
    panic!("the run ended before");
}

/// Waits until a step has printed something: its start is told by then, and not only in the store.
async fn until_running(run: &Run, wanted: &str) {
    let printed = |kind: &EventKind| matches!(kind, EventKind::Log { task, .. } if task.as_str().starts_with(wanted));
    until(&mut run.events().await.unwrap(), printed).await;
}

const ONE_TASK: &str = "name: p\nstages: [{name: S, tasks: [{name: t, script: x}]}]";

fn hangs() -> World {
    World::still(|executor| executor.task("t", Script::hangs().log("on its way")))
}
