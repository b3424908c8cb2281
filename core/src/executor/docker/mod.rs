//! Steps in containers of a Docker engine.
//!
//! - A run has one container for each *shape* of its steps (image, limits, generation of the workspace …), kept warm until the
//!   run ends. `isolation: task`, or a limit of memory, gives a step a container of its own.
//! - The workspace is a volume, and so are the states of the run's steps; both outlive their containers and the engine.
//! - How steps are started, followed, stopped and found again is the room `container`.
//! - Everything of a run has labels: the installation, the run, what it is. Nothing without our installation's label is ever
//!   touched. Only the helper's volume has none: it is shared, and stays for the next run.
//! - What a container may ask of its host is decided by a [`ContainerPolicy`].

pub(crate) mod connect;
mod convert;
mod create;
mod helper;
mod host;
mod image;
mod live;
mod login;
mod names;
pub(crate) mod progress;
mod pull;
pub(crate) mod raw;
mod run;
mod service;
mod shape;
mod watch;
mod workspace;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

pub use self::connect::DockerEndpoint;
use self::connect::{Connection, is_conflict, is_missing};
use self::helper::Helper;
pub use self::helper::HelperImage;
use self::live::Live;
use self::login::Logins;
use self::names::Names;
use super::container::{State, Waited};
use super::installation::Installation;
use super::{
    Capabilities, ContainerPolicy, Executor, ExecutorError, ExecutorEvent, LogChunk, RunScope, StepExit, StepSpec,
    SweepReport, TarStream,
};
use crate::clock::SharedClock;
use crate::run::{RunId, StepKey};
use crate::secret::SecretText;

/// Runs steps in containers of a Docker engine. Cheap to clone; the clones are one executor.
///
/// Nothing is asked of the engine before the first run.
#[derive(Clone, Debug)]
pub struct DockerExecutor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    connection: Arc<Connection>,
    installation: Installation,
    names: OnceLock<Names>,
    policy: ContainerPolicy,
    logins: Logins,
    helper_image: HelperImage,
    helper: OnceCell<Helper>,
    /// The processors of the engine's machine, in Docker's words.
    architecture: OnceCell<String>,
    clock: SharedClock,
    /// What this instance knows of runs: a faster way to their containers, never the only one.
    runs: Mutex<HashMap<RunId, Arc<Live>>>,
}

impl DockerExecutor {
    /// An executor for an installation: a word that no other installation on the same Docker engine has, and that is the same
    /// after a restart, such as the id that the embedder gave to itself.
    pub fn new(endpoint: DockerEndpoint, installation: impl AsRef<str>, clock: SharedClock) -> Self {
        Self::over(endpoint, Installation::Word(installation.as_ref().to_owned()), clock)
    }

    /// The same for an installation whose word is kept in a file, where it is drawn when the first run needs it. As long as
    /// there is no such file, the engine is asked nothing.
    pub fn kept_in(endpoint: DockerEndpoint, file: impl Into<PathBuf>, clock: SharedClock) -> Self {
        Self::over(endpoint, Installation::File(file.into()), clock)
    }

    fn over(endpoint: DockerEndpoint, installation: Installation, clock: SharedClock) -> Self {
        let shared = Shared {
            connection: Arc::new(Connection::new(endpoint)),
            installation,
            names: OnceLock::new(),
            policy: ContainerPolicy::default(),
            logins: Logins::default(),
            helper_image: HelperImage::default(),
            helper: OnceCell::new(),
            architecture: OnceCell::new(),
            clock,
            runs: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Decides what definitions may ask of containers; [`ContainerPolicy::default`] unless set. Before the first use.
    #[must_use]
    pub fn policy(self, policy: ContainerPolicy) -> Self {
        self.with(|shared| shared.policy = policy)
    }

    /// Where the helper's programs come from. Before the first use.
    #[must_use]
    pub fn helper(self, helper: HelperImage) -> Self {
        self.with(|shared| shared.helper_image = helper)
    }

    /// Who one is at a registry, by its host and port, when images are fetched from it. Other registries know us by what `docker
    /// login` kept. Before the first use.
    #[must_use]
    pub fn login(self, registry: &str, user: &str, password: SecretText) -> Self {
        self.with(|shared| shared.logins.give(registry, user, password))
    }

    fn with(self, set: impl FnOnce(&mut Shared)) -> Self {
        let Self { mut shared } = self;
        if let Some(shared) = Arc::get_mut(&mut shared) {
            set(shared);
        } else {
            tracing::warn!("a docker executor that is in use already was not changed");
        }
        Self { shared }
    }

    /// Asks the engine for its version: whether it is there, lets us in and is new enough.
    ///
    /// # Errors
    /// With what is wrong and what to do.
    pub async fn check(&self) -> Result<String, ExecutorError> {
        let docker = self.shared.connection.docker().await?;
        let version =
            docker.version().await.map_err(|error| self.shared.connection.error("asking for the version", error))?;
        Ok(format!("Docker {}, version {} of its API", version.version.unwrap_or_default(), docker.client_version()))
    }
}

impl Shared {
    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Live>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> Result<&Names, ExecutorError> {
        if let Some(names) = self.names.get() {
            return Ok(names);
        }
        let doing = || "keeping by what the installation is known to the Docker engine".to_owned();
        let word = self.installation.word(&self.clock);
        let word = word.map_err(|source| ExecutorError::Io { doing: doing(), source })?;
        Ok(self.names.get_or_init(|| Names::new(&word)))
    }

    fn run(&self, run: RunId) -> Arc<Live> {
        Arc::clone(self.runs().entry(run).or_default())
    }

    /// Removes a container with everything that runs in it. One that is gone, or going, is fine.
    async fn remove_container(&self, id: &str) -> Result<(), ExecutorError> {
        let docker = self.connection.docker().await?;
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match docker.remove_container(id, Some(options)).await {
            Err(error) if !is_missing(&error) && !is_conflict(&error) => {
                Err(self.connection.error("removing a container", error))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Executor for DockerExecutor {
    fn capabilities(&self) -> Capabilities {
        Capabilities { images: true, reattach: true, contains_descendants: false, resources: true, isolation: true }
    }

    async fn prepare(&self, scope: &RunScope) -> Result<(), ExecutorError> {
        self.shared.prepare(scope).await
    }

    fn observe(&self, run: RunId) -> BoxStream<'static, ExecutorEvent> {
        let live = self.shared.run(run);
        self.shared.watch(run, &live);
        live.observe()
    }

    async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError> {
        self.shared.start(step).await
    }

    async fn wait(&self, step: &StepKey) -> Result<StepExit, ExecutorError> {
        loop {
            let container = self.shared.locate(step).await?;
            match container.wait(step).await? {
                Waited::Exit(exit) => return Ok(exit),
                // It was found by a container that did not know that another one has it.
                Waited::Elsewhere(name) => self.shared.forget_place(step, &name).await?,
            }
        }
    }

    fn logs(&self, step: &StepKey, from: u64) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
        let (shared, step) = (Arc::clone(&self.shared), step.clone());
        let logs = async move {
            match shared.locate(&step).await {
                Ok(container) => container.logs(&step, from),
                // Of a step that is nowhere there is no log, and `wait` says why.
                Err(ExecutorError::Lost { .. }) => stream::empty().boxed(),
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
        match self.shared.locate(step).await {
            Ok(container) => {
                self.shared.end_services(step).await?;
                match container.forget(step).await {
                    Err(ExecutorError::Lost { .. }) => Ok(()),
                    other => other,
                }
            }
            Err(ExecutorError::Lost { .. }) => Ok(()),
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

/// Does something for many things at once.
async fn all<T, F>(things: impl IntoIterator<Item = T>, what: impl FnMut(T) -> F) -> Result<(), ExecutorError>
where
    F: Future<Output = Result<(), ExecutorError>>,
{
    let jobs: Vec<F> = things.into_iter().map(what).collect();
    stream::iter(jobs).map(Ok).try_for_each_concurrent(8, |job| job).await
}

fn lost(why: impl Into<String>) -> ExecutorError {
    ExecutorError::Lost { why: why.into() }
}

/// Whether the container knows anything of the step.
fn knows(state: &State) -> bool {
    !matches!(state, State::None)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
