//! Steps as processes of this machine, in the run's folder.
//!
//! This is **not isolation**: a step is a process of the user who runs the engine, and can do what that user can do.
//!
//! - Every step has a session of its own under a small shell shim, which outlives the engine. See [`LocalExecutor`].
//! - What a step leaves in the background is stopped when its command ends: it would hold the log open, and nobody would
//!   stop it later. A server that several tasks need is started and stopped by each of them.
//! - Descendants are found by their session, by a cookie in their environment (`WINDLASS_STEP`), by the pipe that they
//!   print into and by their parents. A process that sheds all of these escapes, so `contains_descendants` is false.
//! - A shell reports signal n as exit code 128 + n, and so an exit code of that kind is reported as the signal.
//! - Output goes through a pipe to a copier, a `cat` beside the step, which appends it to the raw log. So a script may open
//!   `/dev/stderr` with `>` as people do, and cuts nothing off.
//! - When the disk is full, the copier ends. The step waits, as soon as it has more to say than the pipe holds, until there
//!   is room again: then the engine starts another copier, and the log says that up to 64 KiB of output are missing. A step
//!   that ends meanwhile is not waited for: after two seconds its log is final. Where the engine that started the step has
//!   ended, or the embedder reaps all children itself, nobody starts another copier: the step dies of a broken pipe.
//! - After a restart of the machine a step that may have been started is lost, never started again.

mod copier;
mod follow;
mod kill;
mod marked;
mod process;
mod shim;
mod spare;
mod spawn;
mod start;
mod wait;
mod watch;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use self::layout::{RunFolder, StepFolder};
use self::start::Launched;
use super::error::{io, lost};
use super::folder::{layout, remove, secrets, transfer, workspace};
use super::stream::pipe;
use super::{
    Capabilities, Executor, ExecutorError, ExecutorEvent, LogChunk, RunScope, StepExit, StepSpec, SweepReport,
    TarStream,
};
use crate::clock::SharedClock;
use crate::disk;
use crate::run::{RunId, StepKey};

/// How long something is waited for that normally wakes us, before we look ourselves.
const FALLBACK: Duration = Duration::from_millis(50);

/// Runs steps as processes of this machine.
///
/// All state is in the folder `root`; a fresh instance on the same folder finds steps that went on without their engine.
/// Cheap to clone; the clones are one executor.
#[derive(Clone, Debug)]
pub struct LocalExecutor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    host: shim::Host,
    clock: SharedClock,
    watcher: watch::Watcher,
    spares: spare::Spares,
    /// Steps that this instance started: a faster way to their ends, never the only one.
    launched: Mutex<HashMap<StepKey, Arc<Launched>>>,
}

impl LocalExecutor {
    /// Opens the executor on a folder of its own, which is made when it is missing. The folder's owner alone can read it.
    ///
    /// # Errors
    /// When the folder cannot be made, or its path is not UTF-8.
    pub fn new(root: impl AsRef<Path>, clock: SharedClock) -> Result<Self, ExecutorError> {
        Self::inheriting(root, clock, &[])
    }

    /// The same, and steps also get these variables of this process, as far as they are set. Otherwise they get `PATH` and
    /// `HOME`, and what their task says.
    ///
    /// # Errors
    /// As [`LocalExecutor::new`].
    pub fn inheriting(root: impl AsRef<Path>, clock: SharedClock, names: &[String]) -> Result<Self, ExecutorError> {
        let root = root.as_ref();
        disk::make_folders(root).map_err(io(format!("making the folder {}", root.display())))?;
        let root = root.canonicalize().map_err(io(format!("opening the folder {}", root.display())))?;
        if root.to_str().is_none() {
            let advice = "put the data directory at a path that is UTF-8".to_owned();
            return Err(ExecutorError::Unsupported { what: format!("the folder {root:?}"), advice });
        }
        let (host, watcher) = (shim::Host::detect(names), watch::Watcher::default());
        let (spares, launched) = (spare::Spares::default(), Mutex::default());
        Ok(Self { shared: Arc::new(Shared { root, host, clock, watcher, spares, launched }) })
    }
}

impl Shared {
    fn run(&self, run: RunId) -> RunFolder {
        RunFolder::new(&self.root, run)
    }

    fn step(&self, key: &StepKey) -> StepFolder {
        self.run(key.run).step(key)
    }

    fn launched(&self) -> MutexGuard<'_, HashMap<StepKey, Arc<Launched>>> {
        self.launched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns after a moment, for those who have to look again.
    async fn moment(&self) {
        self.clock.sleep_until(self.clock.now().elapsed + FALLBACK).await;
    }

    /// Does blocking work away from the runtime's threads.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ExecutorError> + Send + 'static,
    ) -> Result<T, ExecutorError> {
        let shared = Arc::clone(self);
        match tokio::task::spawn_blocking(move || work(&shared)).await {
            Ok(result) => result,
            Err(error) => Err(ExecutorError::Infrastructure {
                code: "executorBroken",
                message: format!("a piece of the local executor's work was cut off: {error}"),
                advice: "open the engine again; it takes the run up where it was".to_owned(),
            }),
        }
    }
}

#[async_trait]
impl Executor for LocalExecutor {
    fn capabilities(&self) -> Capabilities {
        Capabilities { images: false, reattach: true, contains_descendants: false, resources: false, isolation: false }
    }

    async fn prepare(&self, scope: &RunScope) -> Result<(), ExecutorError> {
        let scope = scope.clone();
        let run = self.shared.run(scope.run);
        let prepared = move |shared: &Shared| {
            workspace::prepare(&shared.root, &scope)?;
            shared.spares.fill(&run, &shared.host.cat);
            Ok(())
        };
        self.shared.blocking(prepared).await
    }

    /// Nothing happens to local steps beside their logs and ends, so this ends at once.
    fn observe(&self, _run: RunId) -> BoxStream<'static, ExecutorEvent> {
        stream::empty().boxed()
    }

    async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError> {
        self.shared.start(step)
    }

    async fn wait(&self, step: &StepKey) -> Result<StepExit, ExecutorError> {
        self.shared.wait(step).await
    }

    fn logs(&self, step: &StepKey, from: u64) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
        follow::follow(Arc::clone(&self.shared), step.clone(), from)
    }

    async fn stop(&self, step: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        let stopped = self.shared.stop(step, grace).await;
        self.shared.step(step).remove_secrets().map_err(io(format!("removing the secrets of {step}")))?;
        stopped
    }

    async fn read(&self, run: RunId, path: &str) -> Result<TarStream, ExecutorError> {
        let path = path.to_owned();
        self.shared.blocking(move |shared| transfer::read(&shared.run(run), &path)).await
    }

    async fn write(&self, run: RunId, path: &str, tar: TarStream) -> Result<(), ExecutorError> {
        let path = path.to_owned();
        let (feed, archive) = pipe(tar);
        let unpack = self.shared.blocking(move |shared| transfer::unpack(&shared.run(run), &path, archive));
        let (fed, unpacked) = futures::join!(feed, unpack);
        fed.and(unpacked)
    }

    async fn forget(&self, step: &StepKey) -> Result<(), ExecutorError> {
        self.shared.launched().remove(step);
        self.shared.step(step).forget().map_err(io(format!("removing the raw log of {step}")))?;
        crate::failpoint::crash("log.forgotten");
        Ok(())
    }

    async fn release(&self, run: RunId) -> Result<(), ExecutorError> {
        self.shared.release(run).await
    }

    async fn keep(&self, run: RunId, generation: u32) -> Result<bool, ExecutorError> {
        self.shared.keep(run, generation).await
    }

    async fn sweep(&self, keep: &[RunId]) -> Result<SweepReport, ExecutorError> {
        self.shared.sweep(keep).await
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::support::clock as test_clock;
