//! What an action has to work with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

use super::{ActionError, ActionLog, Working, files, settings};
use crate::clock::SharedClock;
use crate::executor::{Executor, ExecutorError, TarStream};
use crate::pipeline::{SecretForm, SecretVariable, VariableName};
use crate::run::{Now, RunId, StepKey};
use crate::secret::{Credential, Masks, SecretBytes, SecretError, SecretProviders, unmasked};

/// What an action has to work with. Clones are the same, for parts of the action that go on beside; they must not outlive
/// the call of [`run`](super::ActionHandler::run), after which nobody reads the log any more.
#[derive(Clone, Debug)]
pub struct ActionContext {
    attempt: Arc<Attempt>,
    executor: Arc<dyn Executor>,
    secrets: ActionSecrets,
    clock: SharedClock,
    log: ActionLog,
    cancelled: watch::Receiver<bool>,
}

/// Where an action gets credentials from, and what is masked of them.
#[derive(Clone, Debug)]
pub(crate) struct ActionSecrets {
    pub(crate) providers: SecretProviders,
    pub(crate) masks: Masks,
    pub(crate) kept: Arc<dyn KeepGiven>,
}

/// Keeps what an attempt is given, so that it is masked after a crash as well.
#[async_trait]
pub(crate) trait KeepGiven: std::fmt::Debug + Send + Sync {
    async fn keep_given(&self, name: &str, credential: &Credential) -> Result<(), SecretError>;
}

/// The attempt that an action carries out.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) key: StepKey,
    pub(crate) number: u64,
    pub(crate) pipeline: String,
    pub(crate) settings: Value,
    /// Where they stand below the task, for messages.
    pub(crate) settings_path: &'static str,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) outputs: Vec<VariableName>,
    pub(crate) secrets: Vec<SecretVariable>,
    pub(crate) resumed: bool,
    /// False when the task wants none.
    pub(crate) workspace: bool,
}

impl ActionContext {
    pub(crate) fn new(
        attempt: Attempt,
        executor: Arc<dyn Executor>,
        secrets: ActionSecrets,
        clock: SharedClock,
        log: ActionLog,
        cancelled: watch::Receiver<bool>,
    ) -> Self {
        Self { attempt: Arc::new(attempt), executor, secrets, clock, log, cancelled }
    }

    /// The settings of the task, such as the `with` of `custom`, with every variable replaced.
    ///
    /// # Errors
    /// [`ActionError::Failed`] with the code `badSettings` and the place of the first mistake.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, ActionError> {
        settings::read(&self.attempt.settings, self.attempt.settings_path)
    }

    /// The settings as they are.
    pub fn raw_settings(&self) -> &Value {
        &self.attempt.settings
    }

    /// The environment that a script of this task would get, without `WORKSPACE` and `WINDLASS_OUTPUT`.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.attempt.variables
    }

    /// The run.
    pub fn run(&self) -> RunId {
        self.attempt.key.run
    }

    /// The number of the run in its pipeline.
    pub fn run_number(&self) -> u64 {
        self.attempt.number
    }

    /// The name of the pipeline.
    pub fn pipeline(&self) -> &str {
        &self.attempt.pipeline
    }

    /// The name of the task in the run, such as `notify` or `notify[ROOM=dev]`.
    pub fn task(&self) -> &str {
        self.attempt.key.task.as_str()
    }

    /// The attempt: 1 for the first one.
    pub fn attempt(&self) -> u32 {
        self.attempt.key.attempt
    }

    /// Whether the task declares this output: others must not be set.
    pub fn declares_output(&self, key: &str) -> bool {
        self.attempt.outputs.iter().any(|name| name.as_str() == key)
    }

    /// A text for other systems, so that they do a thing once however often they are asked for this attempt: the same after
    /// a restart of the engine, another one for each attempt. Lower-case ASCII letters, digits, `-` and `.`, at most 100.
    pub fn idempotency_key(&self) -> String {
        format!("{}-{}", self.attempt.key.run, self.attempt.key.slug())
    }

    /// Whether an earlier engine may have begun this attempt, and done any part of it.
    pub fn resumed(&self) -> bool {
        self.attempt.resumed
    }

    /// The credential of this name: one that was given to this run, that the engine keeps, or that a provider has. Its values
    /// are masked from here on in the logs of the run and in the causes of its failures, and refused in its outputs; of one
    /// that is too short for that, the log says so.
    ///
    /// # Errors
    /// [`ActionError::Failed`] with the code `credential`; [`ActionError::Infrastructure`] when a provider outside does not
    /// answer.
    pub async fn credential(&self, name: &str) -> Result<Credential, ActionError> {
        let credential = {
            let _busy = self.clock.busy();
            let credential = self.secrets.providers.credential(name).await?;
            if !self.secrets.masks.knows(&credential) {
                self.secrets.kept.keep_given(name, &credential).await?;
            }
            credential
        };
        self.secrets.masks.learn(name, &credential);
        for short in unmasked(name, &credential) {
            self.log_line(format!("[windlass] {short}")).await;
        }
        Ok(credential)
    }

    /// The values of the task's `secrets`, by their names, as a step would find them in its environment or its files. Masked as
    /// those of [`credential`](Self::credential) are.
    ///
    /// # Errors
    /// Those of [`credential`](Self::credential).
    pub async fn secrets(&self) -> Result<BTreeMap<String, SecretBytes>, ActionError> {
        let mut secrets = BTreeMap::new();
        for SecretVariable { name, from, key, form } in &self.attempt.secrets {
            let (credential, key) = (self.credential(from.as_str()).await?, key.as_deref());
            let value = match form {
                SecretForm::Env => SecretBytes::new(credential.part(from.as_str(), key)?),
                SecretForm::File => credential.file(from.as_str(), key)?,
            };
            secrets.insert(name.to_string(), value);
        }
        Ok(secrets)
    }

    /// Adds bytes to the log of the attempt, which is masked, bounded and followed as that of a step. Waits while the disk is
    /// slower. What was logged is safe before the end of the attempt counts.
    pub async fn log(&self, bytes: impl AsRef<[u8]>) {
        self.log.send(bytes.as_ref()).await;
    }

    /// Adds a line to the log; the line end is added when it is missing.
    pub async fn log_line(&self, line: impl AsRef<str>) {
        self.log.send(&with_line_end(line.as_ref())).await;
    }

    /// The same as [`log`](Self::log), for threads that may block.
    ///
    /// # Panics
    /// On a thread of the runtime; use it inside of `tokio::task::spawn_blocking`.
    pub fn blocking_log(&self, bytes: impl AsRef<[u8]>) {
        self.log.blocking_send(bytes.as_ref());
    }

    /// Returns when the action shall end: the run was cancelled, the task took too long, or another one failed.
    pub async fn cancelled(&self) {
        let mut cancelled = self.cancelled.clone();
        if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
            // Nobody can cancel it any more.
            std::future::pending::<()>().await;
        }
    }

    /// Whether the action shall end.
    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }

    /// This moment, by the engine's clock.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// Waits so long by the engine's clock, which a test can drive.
    pub async fn sleep(&self, length: Duration) {
        self.clock.sleep_until(self.clock.now().elapsed + length).await;
    }

    /// Says that the action works where the engine's clock cannot see it, until what this gives is dropped: of use for actions
    /// that another language carries out, and their tests.
    pub fn working(&self) -> Working {
        Working::begin(&self.clock)
    }

    /// The engine's clock itself.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// A file or folder of the run's workspace as a tar stream, in which names begin with the path's last part; `.` is the
    /// whole workspace. The path is relative and cannot leave the workspace.
    ///
    /// # Errors
    /// [`ActionError::Failed`] with the code `fileNotFound`; what the executor says.
    pub async fn read(&self, path: &str) -> Result<TarStream, ActionError> {
        self.require_workspace()?;
        let _busy = self.clock.busy();
        self.executor.read(self.run(), path).await.map_err(|error| files::not_found(path, error))
    }

    /// Unpacks a tar stream below a folder of the run's workspace, which is made when it is missing.
    ///
    /// # Errors
    /// What the executor says.
    pub async fn write(&self, path: &str, tar: TarStream) -> Result<(), ActionError> {
        self.require_workspace()?;
        let _busy = self.clock.busy();
        Ok(self.executor.write(self.run(), path, tar).await?)
    }

    /// One file of the run's workspace, of at most `max` bytes.
    ///
    /// # Errors
    /// [`ActionError::Failed`] with the codes `fileNotFound`, `fileTooLarge` and `notAFile`; what the executor says.
    pub async fn read_file(&self, path: &str, max: usize) -> Result<Bytes, ActionError> {
        let archive = files::gather(self.read(path).await?, max).await?;
        files::unpack_one(&archive, path, max)
    }

    /// Writes one file of the run's workspace, over what was there. Folders on the way are made.
    ///
    /// # Errors
    /// [`ActionError::Failed`] with the code `badPath`; what the executor says.
    pub async fn write_file(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), ActionError> {
        let (folder, archive) = files::pack_one(path, content.as_ref(), self.now().wall)?;
        self.write(folder, stream::once(async { Ok(archive) }).boxed()).await
    }

    fn require_workspace(&self) -> Result<(), ActionError> {
        if self.attempt.workspace {
            return Ok(());
        }
        Err(ActionError::Executor(ExecutorError::BadStep {
            code: "noWorkspace",
            message: "the action uses the workspace, and its task says `workspace: none`".to_owned(),
            advice: "remove `workspace: none` from the task".to_owned(),
        }))
    }
}

fn with_line_end(line: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len() + 1);
    bytes.extend_from_slice(line.as_bytes());
    if !line.ends_with('\n') {
        bytes.push(b'\n');
    }
    bytes
}
