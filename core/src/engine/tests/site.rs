//! What engines with scripted steps share that are opened one after another.

use std::sync::Arc;
use std::time::Duration;

use super::pipeline;
use crate::clock::pause;
use crate::engine::{Engine, Run, RunRequest};
use crate::executor::Adopt;
use crate::run::RunId;
use crate::store::MemoryStore;
use crate::testing::{Call, ScriptedExecutor, VirtualClock};

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A folder with one store, one executor, and one clock, which stands still unless the test moves it.
pub(super) struct Site {
    folder: tempfile::TempDir,
    store: Arc<MemoryStore>,
    pub(super) clock: VirtualClock,
    pub(super) executor: ScriptedExecutor,
}

impl Site {
    pub(super) fn new(script: impl FnOnce(ScriptedExecutor) -> ScriptedExecutor) -> Self {
        let clock = VirtualClock::new();
        let executor = script(ScriptedExecutor::new(Arc::new(clock.clone())));
        Self { folder: tempfile::tempdir().unwrap(), store: Arc::default(), clock, executor }
    }

    pub(super) async fn open(&self) -> Engine {
        self.open_with("scripted").await
    }

    /// An engine that has the executor under this name.
    pub(super) async fn open_with(&self, name: &str) -> Engine {
        let engine = Engine::builder()
            .data_dir(self.folder.path().join("data"))
            .executor(name, self.executor.clone())
            .shared_store(self.store.clone())
            .clock(Arc::new(self.clock.clone()));
        engine.open().await.unwrap()
    }

    /// What the attempts at a task do from now on.
    pub(super) fn script(&self, task: &str, script: crate::testing::Script) {
        drop(self.executor.clone().task(task, script));
    }

    pub(super) fn kept(&self, run: RunId) -> bool {
        self.executor.calls().contains(&Call::Keep { run, generation: 1 })
    }

    pub(super) fn released(&self, run: RunId) -> bool {
        self.executor.calls().contains(&Call::Release(run))
    }

    /// Returns once the executor was asked to free the run.
    pub(super) async fn until_released(&self, run: RunId) {
        for _ in 0..10_000 {
            if self.released(run) {
                return;
            }
            pause(Duration::from_millis(1)).await;
        }
        panic!("run {run} was not freed: {:#?}", self.executor.calls());
    }

    /// How the workspaces of a run were asked for.
    pub(super) fn prepared(&self, run: RunId) -> Vec<(u32, bool, Option<Adopt>)> {
        let calls = self.executor.calls().into_iter();
        let scopes = calls.filter_map(|call| match call {
            Call::Prepare(scope) if scope.run == run => Some((scope.generation, scope.existing, scope.adopt)),
            _ => None,
        });
        scopes.collect()
    }
}

pub(super) async fn started(engine: &Engine, document: &str) -> Run {
    engine.start(&pipeline(document), RunRequest::manual().actor("ben")).await.unwrap()
}

pub(super) async fn ended(engine: &Engine, document: &str) -> Run {
    let run = started(engine, document).await;
    run.wait().await.unwrap();
    run
}
