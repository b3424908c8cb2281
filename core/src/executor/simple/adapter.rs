//! From one function to the whole contract.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{Log, SimpleExecutor, StepContext, follow};
use crate::clock::SharedClock;
use crate::disk;
use crate::executor::error::{io, lost};
use crate::executor::folder::layout::{RunFolder, StepFolder, StepState};
use crate::executor::folder::secrets::write_secrets;
use crate::executor::folder::{remove, transfer, workspace};
use crate::executor::stream::pipe;
use crate::executor::{
    Capabilities, Executor, ExecutorError, ExecutorEvent, LogChunk, RunScope, StepExit, StepSpec, SweepReport,
    TarStream,
};
use crate::pipeline::WorkspaceUse;
use crate::run::{RunId, StepEnd, StepKey};

/// Makes an [`Executor`] of a [`SimpleExecutor`]: keeps tokens, logs and workspaces in a folder of this machine.
#[derive(Debug)]
pub struct Simple<E> {
    inner: Arc<E>,
    root: PathBuf,
    clock: SharedClock,
    steps: Mutex<HashMap<StepKey, Arc<Running>>>,
}

/// A step that this process runs or ran.
#[derive(Debug)]
struct Running {
    cancel: watch::Sender<bool>,
    abort: AbortHandle,
    log: std::sync::Weak<Log>,
    output: Arc<Mutex<Bytes>>,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// How a call of `run` ended.
#[derive(Clone, Debug)]
enum Outcome {
    Ended(StepEnd),
    /// The error itself goes to the first who asks.
    Failed(Arc<Mutex<Option<ExecutorError>>>, String),
}

impl<E: SimpleExecutor> Simple<E> {
    /// Puts the contract around `executor`, with `folder` for what it keeps.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(executor: E, folder: impl AsRef<Path>, clock: SharedClock) -> Result<Self, ExecutorError> {
        let folder = folder.as_ref();
        let doing = || io(format!("making the folder {}", folder.display()));
        disk::make_folders(folder).map_err(doing())?;
        let root = disk::real(folder).map_err(doing())?;
        Ok(Self { inner: Arc::new(executor), root, clock, steps: Mutex::default() })
    }

    fn folder(&self, key: &StepKey) -> StepFolder {
        RunFolder::new(&self.root, key.run).step(key)
    }

    fn steps(&self) -> MutexGuard<'_, HashMap<StepKey, Arc<Running>>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, key: &StepKey) -> Option<Arc<Running>> {
        self.steps().get(key).cloned()
    }

    fn workspace_of(&self, step: &StepSpec, folder: &StepFolder) -> Result<PathBuf, ExecutorError> {
        let shared = RunFolder::new(&self.root, step.key.run).workspace(step.generation);
        if step.workspace == WorkspaceUse::None {
            let own = folder.own_workspace();
            disk::make_folders(&own).map_err(io(format!("making the folder {}", own.display())))?;
            return Ok(own);
        }
        if shared.is_dir() {
            return Ok(shared);
        }
        let why = format!("there is no folder {}", shared.display());
        Err(ExecutorError::WorkspaceLost { run: step.key.run, why })
    }

    /// Stops what is left of a run.
    async fn end_run(&self, run: RunId) -> Result<RunFolder, ExecutorError> {
        let keys: Vec<StepKey> = self.steps().keys().filter(|key| key.run == run).cloned().collect();
        for key in &keys {
            self.stop(key, Duration::ZERO).await?;
        }
        self.steps().retain(|key, _| key.run != run);
        Ok(RunFolder::new(&self.root, run))
    }

    /// Calls `run` on a task of its own, which writes down how it ended.
    fn launch(&self, step: StepSpec, workspace: PathBuf, folder: StepFolder, log: Log) -> Running {
        let (cancel, cancelled) = watch::channel(false);
        let (told, outcome) = watch::channel(None);
        let (log, output) = (Arc::new(log), Arc::new(Mutex::new(Bytes::new())));
        let (secrets, secrets_folder) = (step.secrets.clone(), folder.secrets());
        let (log_of_step, output_of_step) = (Arc::clone(&log), Arc::clone(&output));
        let context =
            StepContext { workspace, secrets, secrets_folder, log: log_of_step, cancelled, output: output_of_step };
        let inner = Arc::clone(&self.inner);
        let call = tokio::spawn(async move { inner.run(step, context).await });
        let (abort, weak) = (call.abort_handle(), Arc::downgrade(&log));
        let kept = Arc::clone(&output);
        tokio::spawn(async move {
            let outcome = match call.await {
                Ok(Ok(end)) => Outcome::Ended(end),
                Ok(Err(error)) => failed(error),
                Err(error) if error.is_cancelled() => Outcome::Ended(StepEnd::Signal(9)),
                Err(error) => failed(panicked(&error)),
            };
            if let Err(error) = folder.remove_secrets() {
                tracing::warn!(%error, folder = %folder.path().display(), "the secrets of a step could not be removed");
            }
            if let Outcome::Ended(end) = &outcome {
                let output = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Err(error) = write_end(&folder, *end, &output) {
                    tracing::warn!(%error, folder = %folder.path().display(), "the end of a step could not be written down");
                }
            }
            // Readers go on to the end of the log when it is closed, and so before anybody hears of the end.
            drop(log);
            told.send_replace(Some(outcome));
        });
        Running { cancel, abort, log: weak, output, outcome }
    }
}

#[async_trait]
impl<E: SimpleExecutor> Executor for Simple<E> {
    fn capabilities(&self) -> Capabilities {
        Capabilities { reattach: false, ..self.inner.capabilities() }
    }

    async fn prepare(&self, scope: &RunScope) -> Result<(), ExecutorError> {
        let (root, scope) = (self.root.clone(), scope.clone());
        blocking(move || workspace::prepare(&root, &scope)).await
    }

    /// Nothing is told beside logs and ends, so this ends at once.
    fn observe(&self, _run: RunId) -> BoxStream<'static, ExecutorEvent> {
        stream::empty().boxed()
    }

    async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError> {
        let folder = self.folder(&step.key);
        let doing = || io(format!("making the folder of the step {}", folder.path().display()));
        let mut steps = self.steps();
        folder.create().map_err(doing())?;
        let workspace = self.workspace_of(step, &folder)?;
        if !folder.take_token().map_err(doing())? {
            return Ok(());
        }
        let log = Log::create(&folder.log()).map_err(doing())?;
        write_secrets(folder.path(), &step.secrets).map_err(doing())?;
        steps.insert(step.key.clone(), Arc::new(self.launch(step.clone(), workspace, folder, log)));
        Ok(())
    }

    async fn wait(&self, step: &StepKey) -> Result<StepExit, ExecutorError> {
        let folder = self.folder(step);
        let doing = || io(format!("reading how the step {step} ended"));
        if let Some(running) = self.running(step) {
            let mut told = running.outcome.clone();
            let outcome = told.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
            let end = outcome.map_or_else(|| Err(lost("its task was dropped")), Outcome::into_end)?;
            let output = running.output.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return Ok(StepExit { end, log_length: folder.log_length().map_err(doing())?, output });
        }
        folder.remove_secrets().map_err(doing())?;
        match folder.state().map_err(doing())? {
            StepState::Ended { end, .. } => {
                let output = folder.read_output().map_err(doing())?;
                Ok(StepExit { end, log_length: folder.log_length().map_err(doing())?, output })
            }
            StepState::Stopped => Err(ExecutorError::NeverStarted),
            StepState::Gone | StepState::Free => Err(lost("it was never started here, or its run was released")),
            StepState::Taken { .. } => {
                Err(lost("the process that ran it is gone, and this executor's steps end with it"))
            }
        }
    }

    fn logs(&self, step: &StepKey, from: u64) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
        let length = self.running(step).and_then(|running| Some(running.log.upgrade()?.length.subscribe()));
        follow::follow(self.folder(step).log(), from, length)
    }

    async fn stop(&self, step: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        let folder = self.folder(step);
        if RunFolder::new(&self.root, step.run).steps().is_dir() {
            let doing = || io(format!("stopping the step {step}"));
            folder.create().map_err(doing())?;
            folder.take_tombstone().map_err(doing())?;
        }
        let Some(running) = self.running(step) else { return Ok(()) };
        running.cancel.send_replace(true);
        let mut told = running.outcome.clone();
        let deadline = self.clock.now().elapsed + grace;
        tokio::select! {
            biased;
            _ = told.wait_for(Option::is_some) => return Ok(()),
            () = self.clock.sleep_until(deadline) => {}
        }
        running.abort.abort();
        // Ends also when nobody can tell any more.
        let _ = told.wait_for(Option::is_some).await;
        Ok(())
    }

    async fn read(&self, run: RunId, path: &str) -> Result<TarStream, ExecutorError> {
        let (folder, path) = (RunFolder::new(&self.root, run), path.to_owned());
        blocking(move || transfer::read(&folder, &path)).await
    }

    async fn write(&self, run: RunId, path: &str, tar: TarStream) -> Result<(), ExecutorError> {
        let (folder, path) = (RunFolder::new(&self.root, run), path.to_owned());
        let (feed, archive) = pipe(tar);
        let (fed, unpacked) = futures::join!(feed, blocking(move || transfer::unpack(&folder, &path, archive)));
        fed.and(unpacked)
    }

    async fn forget(&self, step: &StepKey) -> Result<(), ExecutorError> {
        self.folder(step).forget().map_err(io(format!("removing the raw log of {step}")))
    }

    async fn release(&self, run: RunId) -> Result<(), ExecutorError> {
        let folder = self.end_run(run).await?;
        let doing = format!("removing the folder of the run {}", folder.path().display());
        blocking(move || remove::remove_folder(folder.path()).map_err(io(doing))).await
    }

    async fn keep(&self, run: RunId, generation: u32) -> Result<bool, ExecutorError> {
        let folder = self.end_run(run).await?;
        let doing = format!("freeing all but the workspace in {}", folder.path().display());
        blocking(move || workspace::keep(&folder, generation).map_err(io(doing))).await
    }

    async fn sweep(&self, keep: &[RunId]) -> Result<SweepReport, ExecutorError> {
        let mut removed =
            RunFolder::all(&self.root).map_err(io(format!("reading the folder {}", self.root.display())))?;
        removed.retain(|run| !keep.contains(run));
        for run in &removed {
            self.release(*run).await?;
        }
        Ok(SweepReport { removed })
    }
}

impl Outcome {
    fn into_end(self) -> Result<StepEnd, ExecutorError> {
        match self {
            Self::Ended(end) => Ok(end),
            Self::Failed(error, text) => {
                let first = error.lock().unwrap_or_else(PoisonError::into_inner).take();
                Err(first.unwrap_or_else(|| broken(text)))
            }
        }
    }
}

fn failed(error: ExecutorError) -> Outcome {
    let text = error.to_string();
    Outcome::Failed(Arc::new(Mutex::new(Some(error))), text)
}

fn panicked(error: &tokio::task::JoinError) -> ExecutorError {
    broken(format!("the executor broke down: {error}"))
}

fn broken(message: String) -> ExecutorError {
    let advice = "look into the executor that the application registered".to_owned();
    ExecutorError::Infrastructure { code: "executorBroken", message, advice }
}

/// Writes down what `wait` of the next process reads.
fn write_end(folder: &StepFolder, end: StepEnd, output: &Bytes) -> std::io::Result<()> {
    if !output.is_empty() {
        std::fs::write(folder.output(), output)?;
    }
    folder.append_end(end)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExecutorError> + Send + 'static,
) -> Result<T, ExecutorError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(panicked(&error)),
    }
}
