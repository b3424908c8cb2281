//! The short way to an executor of one's own: one function that runs a step to its end.

mod adapter;
mod follow;

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

pub use self::adapter::Simple;
use super::folder::layout::open_log;
use super::{Capabilities, ExecutorError, MAX_OUTPUT_BYTES, StepSecrets, StepSpec};
use crate::run::StepEnd;

/// Runs steps, each by one call. [`Simple`] makes an [`Executor`](super::Executor) of it.
///
/// ```
/// use windlass::executor::{ExecutorError, SimpleExecutor, StepContext, StepSpec};
/// use windlass::run::StepEnd;
///
/// #[derive(Debug)]
/// struct Greeter;
///
/// #[async_trait::async_trait]
/// impl SimpleExecutor for Greeter {
///     async fn run(&self, step: StepSpec, context: StepContext) -> Result<StepEnd, ExecutorError> {
///         context.log(format!("hello from {}\n", step.key.task))?;
///         Ok(StepEnd::Code(0))
///     }
/// }
/// ```
#[async_trait]
pub trait SimpleExecutor: Debug + Send + Sync + 'static {
    /// Runs the step and returns how it ended. Called at most once for a step.
    ///
    /// It should return soon after [`StepContext::cancelled`]; after the stop's grace it is dropped where it waits. It does not
    /// survive the process: after a crash the step is lost, and what it started elsewhere is for the implementation to find.
    async fn run(&self, step: StepSpec, context: StepContext) -> Result<StepEnd, ExecutorError>;

    /// What else it can do. `reattach` is always false.
    fn capabilities(&self) -> Capabilities {
        Capabilities { images: false, reattach: false, contains_descendants: false, resources: false, isolation: false }
    }
}

/// What a [`SimpleExecutor`] has beside the step.
#[derive(Debug)]
pub struct StepContext {
    workspace: PathBuf,
    secrets: StepSecrets,
    secrets_folder: PathBuf,
    log: Arc<Log>,
    cancelled: watch::Receiver<bool>,
    output: Arc<Mutex<Bytes>>,
}

impl StepContext {
    /// The folder on this machine in which the step works.
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// The variables of the step's credentials, to be given to it over its `env` and to nobody else: the values, and the paths
    /// of files that only this user can read and that are removed when the step has ended.
    pub fn secret_env(&self) -> Vec<(&str, OsString)> {
        let values = self.secrets.env.iter().map(|(name, value)| (name.as_str(), value.expose().into()));
        let files = self.secrets.files.keys();
        values.chain(files.map(|name| (name.as_str(), self.secrets_folder.join(name).into()))).collect()
    }

    /// Adds bytes to the step's log.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn log(&self, bytes: impl AsRef<[u8]>) -> Result<(), ExecutorError> {
        self.log.append(bytes.as_ref()).map_err(super::error::io("writing the step's log"))
    }

    /// Sets what the step hands to later ones: lines of `KEY=VALUE`. Cut at [`MAX_OUTPUT_BYTES`].
    pub fn set_output(&self, output: impl Into<Bytes>) {
        let mut output = output.into();
        output.truncate(MAX_OUTPUT_BYTES);
        *self.output.lock().unwrap_or_else(PoisonError::into_inner) = output;
    }

    /// Returns when the step shall end.
    pub async fn cancelled(&self) {
        let mut cancelled = self.cancelled.clone();
        if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
            // Nobody can cancel it any more.
            std::future::pending::<()>().await;
        }
    }

    /// Whether the step shall end.
    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }
}

/// A log file that is being written.
#[derive(Debug)]
struct Log {
    file: Mutex<File>,
    /// How long it is, for those who read it meanwhile.
    length: watch::Sender<u64>,
}

impl Log {
    fn create(path: &Path) -> std::io::Result<Self> {
        let file = open_log(path)?;
        let length = watch::Sender::new(file.metadata()?.len());
        Ok(Self { file: Mutex::new(file), length })
    }

    fn append(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(bytes)?;
        self.length.send_modify(|length| *length += bytes.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod process_tests;
#[cfg(test)]
mod tests;
