//! A clock of the machine, and folders that vanish.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::LocalExecutor;
use crate::clock::{Clock, SharedClock};
use crate::executor::{Command, Executor, StepSpec};
use crate::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use crate::run::{Elapsed, Now, RunId, StepKey};
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
pub(super) fn clock() -> SharedClock {
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

    pub(super) fn local(&self) -> LocalExecutor {
        LocalExecutor::new(self.root.path().join("data dir"), self.clock.clone()).unwrap()
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

/// A script for a shell.
pub(super) fn script(run: RunId, task: &str, text: &str, shell: Option<&str>) -> StepSpec {
    StepSpec {
        key: StepKey { run, task: TaskId::new(task), attempt: 1 },
        generation: 1,
        command: Command::Script { text: text.to_owned(), shell: shell.map(str::to_owned) },
        env: BTreeMap::new(),
        image: None,
        resources: Resources::default(),
        isolation: Isolation::Run,
        workspace: WorkspaceUse::Shared,
    }
}
