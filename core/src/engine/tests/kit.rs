//! An engine with scripted steps, in a folder of its own, that can be closed and opened again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::test_store::TestStore;
use crate::audit::Change;
use crate::clock::{SharedClock, SystemClock, pause};
use crate::engine::{Engine, EngineBuilder, Pipelines, Run};
use crate::store::{AuditFilter, RunFilter, Store};
use crate::testing::ScriptedExecutor;

/// Where the engine keeps things.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    InMemory(TestStore),
    OnDisk,
}

pub(super) struct World {
    folder: TempDir,
    pub(super) engine: Engine,
    pub(super) executor: ScriptedExecutor,
    clock: SharedClock,
    kept: Kept,
}

impl World {
    /// An engine in the time of the machine. Steps succeed at once, unless the script says something else.
    pub(super) async fn open(kept: Kept, script: impl FnOnce(ScriptedExecutor) -> ScriptedExecutor) -> Self {
        Self::open_with(kept, Arc::new(SystemClock::resume(None)), script, |builder| builder).await
    }

    pub(super) async fn open_with(
        kept: Kept,
        clock: SharedClock,
        script: impl FnOnce(ScriptedExecutor) -> ScriptedExecutor,
        options: impl FnOnce(EngineBuilder) -> EngineBuilder,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let executor = script(ScriptedExecutor::new(clock.clone()));
        let engine = options(builder(&folder, &executor, &clock, &kept)).open().await.unwrap();
        Self { folder, engine, executor, clock, kept }
    }

    /// Closes the engine, and opens the next one on the same folder and store.
    pub(super) async fn reopen(&mut self, options: impl FnOnce(EngineBuilder) -> EngineBuilder) {
        self.engine.close().await.unwrap();
        let builder = options(builder(&self.folder, &self.executor, &self.clock, &self.kept));
        self.engine = builder.open().await.unwrap();
    }

    pub(super) fn pipelines(&self) -> Pipelines {
        self.engine.pipelines()
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.engine.handle.core.archive.store.clone()
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.data_dir().join("logs")
    }

    /// The numbers of a pipeline's runs, newest first.
    pub(super) async fn numbers(&self, pipeline: &str) -> Vec<u64> {
        let filter = RunFilter { pipeline: Some(pipeline.to_owned()), ..RunFilter::default() };
        self.engine.runs(&filter).await.unwrap().into_iter().map(|run| run.number).collect()
    }

    /// Who changed what, oldest first.
    pub(super) async fn changes(&self) -> Vec<(String, Change)> {
        let all = AuditFilter { limit: 1_000_000, ..AuditFilter::default() };
        let newest_first = self.engine.audit(&all).await.unwrap();
        newest_first.into_iter().rev().map(|audited| (audited.entry.by, audited.entry.change)).collect()
    }
}

fn builder(folder: &TempDir, executor: &ScriptedExecutor, clock: &SharedClock, kept: &Kept) -> EngineBuilder {
    let builder = Engine::builder()
        .data_dir(folder.path().join("data"))
        .executor("scripted", executor.clone())
        .clock(clock.clone());
    match kept {
        Kept::InMemory(store) => builder.store(store.clone()),
        Kept::OnDisk => builder,
    }
}

/// A pipeline of one task, `work`.
pub(super) fn document(name: &str, script: &str) -> crate::Pipeline {
    super::pipeline(&format!("name: {name}\nstages: [{{name: S, tasks: [{{name: work, script: '{script}'}}]}}]"))
}

/// Waits until a condition holds that nobody announces. A test that would wait for ever fails after a minute.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..12_000 {
        if holds().await {
            return;
        }
        pause(Duration::from_millis(5)).await;
    }
    panic!("this never came: {what}");
}

/// Waits until a step of the run's task goes on.
pub(super) async fn until_running(world: &World, run: &Run) {
    eventually("a running step", async || world.executor.running().iter().any(|step| step.run == run.id())).await;
}

/// Makes a test over each store from one function that takes where things are kept.
macro_rules! over_each_store {
    ($($name:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                let store = crate::engine::tests::test_store::TestStore::in_memory();
                super::$name(crate::engine::tests::kit::Kept::InMemory(store)).await;
            })*
        }
        #[cfg(feature = "sqlite")]
        mod on_disk {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::engine::tests::kit::Kept::OnDisk).await;
            })*
        }
    };
}
pub(super) use over_each_store;
