//! A clock of the machine, and folders that vanish.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::LocalExecutor;
use crate::clock::{Clock, SharedClock};
use crate::executor::{Command, Executor, RunScope, StepSpec};
use crate::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use crate::run::{Elapsed, Now, RunId, StepEnd, StepKey};
use crate::testing::executor_conformance::Factory;

#[derive(Debug)]
struct TestClock {
    start: Instant,
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Now {
        let elapsed = Elapsed::from_millis(u64::try_from(self.start.elapsed().as_millis()).unwrap());
        Now { wall: jiff::Timestamp::UNIX_EPOCH, elapsed }
    }

    #[expect(clippy::disallowed_methods, reason = "this is a clock")]
    async fn sleep_until(&self, deadline: Elapsed) {
        tokio::time::sleep_until(self.start + Duration::from_millis(deadline.as_millis())).await;
    }

    #[expect(clippy::disallowed_methods, reason = "this is a clock")]
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is a clock")]
pub(in crate::executor) fn clock() -> SharedClock {
    Arc::new(TestClock { start: Instant::now() })
}

/// Executors on one folder.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) root: TempDir,
    clock: SharedClock,
}

impl Local {
    pub(super) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), clock: clock() }
    }

    /// The same below this folder.
    pub(super) fn below(folder: &Path) -> Self {
        Self { root: tempfile::tempdir_in(folder).unwrap(), clock: clock() }
    }

    pub(super) fn local(&self) -> LocalExecutor {
        self.inheriting(&[])
    }

    /// One whose steps get these variables of this process.
    pub(super) fn inheriting(&self, names: &[&str]) -> LocalExecutor {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        LocalExecutor::inheriting(self.root.path().join("data dir"), self.clock.clone(), &names).unwrap()
    }
}

impl Factory for Local {
    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(self.local())
    }

    fn clock(&self) -> SharedClock {
        self.clock.clone()
    }
}

impl Local {
    /// An executor with a run that is ready.
    pub(super) async fn ready(&self) -> (LocalExecutor, RunId) {
        let (executor, run) = (self.local(), RunId::new(self.clock.new_id()));
        executor
            .prepare(&RunScope { run, generation: 1, existing: false, source: None, adopt: None, outlines: Vec::new() })
            .await
            .unwrap();
        (executor, run)
    }

    pub(super) fn folder(&self, key: &StepKey) -> PathBuf {
        self.root.path().join("data dir").join(key.run.to_string()).join("steps").join(key.slug())
    }
}

/// Runs a step to its end, and gives its end and its log.
pub(super) async fn finish(executor: &LocalExecutor, step: &StepSpec) -> (StepEnd, String) {
    executor.start(step).await.unwrap();
    let (exit, log) = futures::join!(executor.wait(&step.key), log(executor, &step.key));
    (exit.unwrap().end, log)
}

/// The log to its end.
pub(super) async fn log(executor: &LocalExecutor, key: &StepKey) -> String {
    let chunks: Vec<_> = executor.logs(key, 0).collect().await;
    let bytes: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.unwrap().bytes).collect();
    String::from_utf8(bytes).unwrap()
}

/// Reads the log until it contains a text.
pub(super) async fn said(executor: &LocalExecutor, key: &StepKey, wanted: &str) {
    let (mut chunks, mut text) = (executor.logs(key, 0), String::new());
    while !text.contains(wanted) {
        text += std::str::from_utf8(&chunks.next().await.unwrap().unwrap().bytes).unwrap();
    }
}

/// Processes that live and show this text in their environment.
pub(super) fn living(text: &str) -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        fs::read(format!("/proc/{pid}/environ")).is_ok_and(|all| String::from_utf8_lossy(&all).contains(text))
    })
    .collect()
}

/// A script for a shell.
pub(super) fn script(run: RunId, task: &str, text: &str, shell: Option<&str>) -> StepSpec {
    StepSpec {
        key: StepKey { run, task: TaskId::new(task), attempt: 1 },
        generation: 1,
        resumed: false,
        command: Command::Script { text: text.to_owned(), shell: shell.map(str::to_owned) },
        env: BTreeMap::new(),
        secrets: Default::default(),
        image: None,
        resources: Resources::default(),
        container: Default::default(),
        isolation: Isolation::Run,
        workspace: WorkspaceUse::Shared,
    }
}
