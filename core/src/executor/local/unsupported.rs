//! Local steps need sessions, signals and a POSIX shell, which this system does not have.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::{
    Capabilities, Executor, ExecutorError, ExecutorEvent, LogChunk, RunScope, StepExit, StepSpec, SweepReport,
    TarStream,
};
use crate::clock::SharedClock;
use crate::run::{RunId, StepKey};

/// Runs steps as processes of this machine, where it is a Unix. Here it cannot be made: `docker`, a cluster or a
/// [`SimpleExecutor`](super::SimpleExecutor) takes its place.
#[derive(Clone, Debug)]
pub struct LocalExecutor {
    never: std::convert::Infallible,
}

impl LocalExecutor {
    /// Says that this system is not supported.
    ///
    /// # Errors
    /// Always, with advice.
    pub fn new(root: impl AsRef<Path>, clock: SharedClock) -> Result<Self, ExecutorError> {
        Self::inheriting(root, clock, &[])
    }

    /// Says that this system is not supported.
    ///
    /// # Errors
    /// Always, with advice.
    pub fn inheriting(_root: impl AsRef<Path>, _clock: SharedClock, _names: &[String]) -> Result<Self, ExecutorError> {
        Err(ExecutorError::Unsupported {
            what: "running steps as local processes on this system".to_owned(),
            advice: "use the docker or the kubernetes executor, or run Windlass in WSL".to_owned(),
        })
    }
}

#[async_trait]
impl Executor for LocalExecutor {
    fn capabilities(&self) -> Capabilities {
        match self.never {}
    }
    async fn prepare(&self, _scope: &RunScope) -> Result<(), ExecutorError> {
        match self.never {}
    }
    fn observe(&self, _run: RunId) -> BoxStream<'static, ExecutorEvent> {
        match self.never {}
    }
    async fn start(&self, _step: &StepSpec) -> Result<(), ExecutorError> {
        match self.never {}
    }
    async fn wait(&self, _step: &StepKey) -> Result<StepExit, ExecutorError> {
        match self.never {}
    }
    fn logs(&self, _step: &StepKey, _from: u64) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
        match self.never {}
    }
    async fn stop(&self, _step: &StepKey, _grace: Duration) -> Result<(), ExecutorError> {
        match self.never {}
    }
    async fn read(&self, _run: RunId, _path: &str) -> Result<TarStream, ExecutorError> {
        match self.never {}
    }
    async fn write(&self, _run: RunId, _path: &str, _tar: TarStream) -> Result<(), ExecutorError> {
        match self.never {}
    }
    async fn forget(&self, _step: &StepKey) -> Result<(), ExecutorError> {
        match self.never {}
    }
    async fn release(&self, _run: RunId) -> Result<(), ExecutorError> {
        match self.never {}
    }
    async fn sweep(&self, _keep: &[RunId]) -> Result<SweepReport, ExecutorError> {
        match self.never {}
    }
}
