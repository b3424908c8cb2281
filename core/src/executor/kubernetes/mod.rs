//! Steps in pods of a Kubernetes cluster.
//!
//! - A run has one pod for each generation of its workspace, which is a volume of that pod. In it are the *keeper*, which
//!   serves files and states, and a container for each *shape* of steps (image, limits, mounts …) that is known when the run
//!   begins, kept warm until it ends.
//! - A shape that is known later is added to the pod as an ephemeral container. What only a pod as a whole can have (services,
//!   further names of hosts, another platform), or limits that are known too late, makes a pod of the step's own; the
//!   workspace is handed over to it, and back.
//! - How steps are started, followed, stopped and found again is the room `container`.
//! - Everything of a run belongs to one object, its *owner*: with it the cluster removes all of it. Labels say the
//!   installation, the run, what it is. Nothing without our installation's label is ever touched.
//! - A pod that was there is never made again within its generation. That something is gone is believed after a read that the
//!   cluster does not answer from a cache.
//! - What containers may ask of their host is decided by a [`ContainerPolicy`]; what all pods have, by [`PodSettings`].

mod away;
mod convert;
mod events;
mod host;
mod live;
mod locate;
mod names;
mod news;
mod pull;
mod reach;
mod run;
mod security;
mod service;
mod settings;
mod shape;
mod status;
mod volumes;
mod watch;
mod workspace;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::OnceCell;

use self::events::Ear;
use self::live::{Live, Runs};
use self::names::Names;
use self::reach::Way;
pub use self::settings::PodSettings;
use self::watch::Pods;
use super::container::Waited;
use super::installation::Installation;
use super::{
    Capabilities, ContainerPolicy, Executor, ExecutorError, ExecutorEvent, LogChunk, RunScope, StepExit, StepSpec,
    SweepReport, TarStream,
};
use crate::clock::SharedClock;
use crate::cluster::{Cluster, ClusterSource};
use crate::pipeline::ContainerOptions;
use crate::run::{RunId, StepKey};

/// Runs steps in pods of a cluster. Cheap to clone; the clones are one executor.
///
/// Nothing is asked of the cluster before the first run.
#[derive(Clone, Debug)]
pub struct KubernetesExecutor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    way: Arc<Way>,
    installation: Installation,
    names: OnceLock<Names>,
    policy: ContainerPolicy,
    settings: PodSettings,
    clock: SharedClock,
    runs: Arc<Runs>,
    watch: OnceCell<Pods>,
}

impl KubernetesExecutor {
    /// An executor for an installation: a word that no other installation in the same namespace has, and that is the same after
    /// a restart, such as the id that the embedder gave to itself. Pods are made in the namespace of the connection.
    pub fn new(cluster: Cluster, installation: impl AsRef<str>, clock: SharedClock) -> Self {
        Self::over(Way::Open(cluster), Installation::Word(installation.as_ref().to_owned()), clock)
    }

    /// The same over a cluster that an engine keeps, by its name or the only one; the installation's word is kept in a file,
    /// where it is drawn when the first run needs it. As long as there is no such file, the cluster is asked nothing.
    pub(crate) fn kept_in(
        source: Arc<dyn ClusterSource>,
        cluster: Option<String>,
        file: impl Into<PathBuf>,
        clock: SharedClock,
    ) -> Self {
        let way = Way::Kept { source, name: cluster, open: tokio::sync::Mutex::default() };
        Self::over(way, Installation::File(file.into()), clock)
    }

    fn over(way: Way, installation: Installation, clock: SharedClock) -> Self {
        let shared = Shared {
            way: Arc::new(way),
            installation,
            names: OnceLock::new(),
            policy: ContainerPolicy::default(),
            settings: PodSettings::default(),
            clock,
            runs: Arc::default(),
            watch: OnceCell::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Decides what definitions may ask of containers; [`ContainerPolicy::default`] unless set. Before the first use.
    #[must_use]
    pub fn policy(self, policy: ContainerPolicy) -> Self {
        self.with(|shared| shared.policy = policy)
    }

    /// What all pods have. Before the first use.
    #[must_use]
    pub fn pods(self, settings: PodSettings) -> Self {
        self.with(|shared| shared.settings = settings)
    }

    fn with(self, set: impl FnOnce(&mut Shared)) -> Self {
        let Self { mut shared } = self;
        if let Some(shared) = Arc::get_mut(&mut shared) {
            set(shared);
        } else {
            tracing::warn!("a kubernetes executor that is in use already was not changed");
        }
        Self { shared }
    }
}

impl Shared {
    fn run(&self, run: RunId) -> Arc<Live> {
        self.runs.run(run)
    }

    fn names(&self) -> Result<&Names, ExecutorError> {
        if let Some(names) = self.names.get() {
            return Ok(names);
        }
        let word = self.installation.word(&self.clock).map_err(|source| ExecutorError::Io {
            doing: "keeping by what the installation is known to the cluster".to_owned(),
            source,
        })?;
        Ok(self.names.get_or_init(|| Names::new(&word)))
    }

    /// The pods of the installation, as the cluster tells of them.
    async fn watch(&self) -> Result<&Pods, ExecutorError> {
        let begin = || async {
            let names = self.names()?.clone();
            let (way, runs, clock) = (&self.way, &self.runs, &self.clock);
            // A way that does not lead anywhere is told at once.
            way.cluster().await?;
            let pods = Pods::watch(Arc::clone(way), &names.selector(None), Arc::clone(runs), Arc::clone(clock));
            let ear = Ear { way: Arc::clone(way), names, runs: Arc::clone(runs), clock: Arc::clone(clock) };
            Ok(pods.hearing(ear).await)
        };
        self.watch.get_or_try_init(begin).await
    }

    async fn pause(&self, length: Duration) {
        self.clock.sleep_until(self.clock.now().elapsed + length).await;
    }
}

#[async_trait]
impl Executor for KubernetesExecutor {
    fn capabilities(&self) -> Capabilities {
        Capabilities { images: true, reattach: true, contains_descendants: false, resources: true, isolation: true }
    }

    async fn prepare(&self, scope: &RunScope) -> Result<(), ExecutorError> {
        self.shared.prepare(scope).await
    }

    /// A pod has one network, that of its cluster.
    fn ignores(&self, options: &ContainerOptions) -> Vec<String> {
        options.keys().into_iter().filter(|key| key == "networks").collect()
    }

    fn observe(&self, run: RunId) -> BoxStream<'static, ExecutorEvent> {
        self.shared.run(run).observe()
    }

    async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError> {
        self.shared.start(step).await
    }

    async fn wait(&self, step: &StepKey) -> Result<StepExit, ExecutorError> {
        loop {
            let container = self.shared.locate(step).await?;
            match container.wait(step).await? {
                Waited::Exit(exit) => {
                    self.shared.hand_back(step, &container).await?;
                    return Ok(exit);
                }
                // It was found by a container that did not know that another one has it.
                Waited::Elsewhere(name) => self.shared.move_place(step, &name).await?,
            }
        }
    }

    fn logs(&self, step: &StepKey, from: u64) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
        let (shared, step) = (Arc::clone(&self.shared), step.clone());
        let logs = async move {
            match shared.locate(&step).await {
                Ok(container) => container.logs(&step, from),
                // Of a step that is nowhere there is no log, and `wait` says why.
                Err(ExecutorError::Lost { .. } | ExecutorError::NeverStarted) => stream::empty().boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        };
        stream::once(logs).flatten().boxed()
    }

    async fn service_logs(&self, step: &StepKey) -> Result<Bytes, ExecutorError> {
        self.shared.service_logs(step).await
    }

    async fn stop(&self, step: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        self.shared.stop(step, grace).await
    }

    async fn read(&self, run: RunId, path: &str) -> Result<TarStream, ExecutorError> {
        super::container::checked(path)?;
        self.shared.files(run).await?.read(path).await
    }

    async fn write(&self, run: RunId, path: &str, tar: TarStream) -> Result<(), ExecutorError> {
        super::container::checked(path)?;
        self.shared.files(run).await?.write(path, tar).await
    }

    async fn forget(&self, step: &StepKey) -> Result<(), ExecutorError> {
        self.shared.run(step.run).leave(step);
        match self.shared.locate(step).await {
            Ok(container) => {
                let forgotten = async {
                    if !self.shared.let_go(step, &container).await? {
                        container.forget(step).await?;
                    }
                    Ok(())
                };
                match forgotten.await {
                    Err(ExecutorError::Lost { .. } | ExecutorError::NeverStarted) => Ok(()),
                    other => other,
                }
            }
            Err(ExecutorError::Lost { .. } | ExecutorError::NeverStarted) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn release(&self, run: RunId) -> Result<(), ExecutorError> {
        self.shared.release(run).await
    }

    async fn keep(&self, run: RunId, generation: u32) -> Result<bool, ExecutorError> {
        self.shared.keep(run, generation).await
    }

    async fn sweep(&self, keep: &[RunId]) -> Result<SweepReport, ExecutorError> {
        if !self.shared.installation.was_used() {
            return Ok(SweepReport::default());
        }
        self.shared.sweep(keep).await
    }
}

fn lost(why: impl Into<String>) -> ExecutorError {
    ExecutorError::Lost { why: why.into() }
}

fn workspace_lost(run: RunId, why: impl Into<String>) -> ExecutorError {
    ExecutorError::WorkspaceLost { run, why: why.into() }
}

#[cfg(test)]
mod tests;
