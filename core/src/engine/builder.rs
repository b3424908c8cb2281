//! Opening an engine: its data directory, its executors, its limits, and the runs that an earlier one left.

mod given;
mod kept;
mod open;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "kubernetes")]
use self::given::ClusterPods;
use self::given::Given;
#[cfg(feature = "cli")]
pub(crate) use self::kept::{open_store, system_clock};
#[cfg(all(feature = "cli", any(feature = "git", feature = "kubernetes")))]
use super::credential_tests;
use super::credential_tests::Tests;
#[cfg(feature = "cli")]
use super::vault::Vault;
use crate::action::ActionHandler;
#[cfg(all(feature = "docker", feature = "cli"))]
use crate::action::Actions;
use crate::blob::{BlobSettings, BlobStore};
use crate::clock::SharedClock;
#[cfg(feature = "cli")]
use crate::error::Result;
#[cfg(feature = "kubernetes")]
use crate::executor::KubernetesExecutor;
use crate::executor::{Executor, ExecutorError};
use crate::executor::{Simple, SimpleExecutor};
use crate::log::LogLimits;
use crate::run::queue::RunLimits;
use crate::run::retention::RetentionPolicy;
#[cfg(all(feature = "cli", feature = "kubernetes"))]
use crate::secret::SecretProviders;
use crate::secret::{CredentialTest, KeySource, SecretProvider, TargetKind};
#[cfg(feature = "cli")]
use crate::store::DataDir;
use crate::store::Store;

/// How many runs go at once unless the embedder says otherwise.
const DEFAULT_RUNS: usize = 64;
/// The name of the executor that is always there.
pub(crate) const LOCAL: &str = "local";

/// The name of the executor over the Docker engine of the environment, which is there as well.
#[cfg(feature = "docker")]
const DOCKER: &str = "docker";

/// The name of the executor over the only cluster that the engine keeps. Each cluster is an executor by its own name as well.
#[cfg(feature = "kubernetes")]
pub(super) const KUBERNETES: &str = "kubernetes";

/// How an engine is opened. Made by [`Engine::builder`](crate::Engine::builder).
#[derive(Debug)]
pub struct EngineBuilder {
    data_dir: PathBuf,
    executors: Vec<(String, Given)>,
    default_executor: Option<String>,
    actions: Vec<(String, Arc<dyn ActionHandler>)>,
    max_tasks: usize,
    run_limits: RunLimits,
    log_limits: LogLimits,
    blobs: Option<BlobStore>,
    blob_settings: BlobSettings,
    base_url: Option<String>,
    clock: Option<SharedClock>,
    store: Option<Arc<dyn Store>>,
    pass_env: Vec<String>,
    retention: Option<RetentionPolicy>,
    secrets: Vec<Arc<dyn SecretProvider>>,
    master_key: Option<KeySource>,
    credential_tests: Tests,
    #[cfg(feature = "docker")]
    pub(super) images: crate::action::ImageBuilder,
    control: bool,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            data_dir: PathBuf::from(".windlass"),
            executors: Vec::new(),
            default_executor: None,
            actions: Vec::new(),
            max_tasks: (2 * cores).max(4),
            run_limits: RunLimits { runs: DEFAULT_RUNS, per_pipeline: None },
            log_limits: LogLimits::default(),
            blobs: None,
            blob_settings: BlobSettings::default(),
            base_url: None,
            clock: None,
            store: None,
            pass_env: Vec::new(),
            retention: None,
            secrets: Vec::new(),
            master_key: None,
            credential_tests: BTreeMap::new(),
            #[cfg(feature = "docker")]
            images: crate::action::ImageBuilder::default(),
            control: true,
        }
    }
}

impl EngineBuilder {
    /// The folder that holds everything. `.windlass` unless set; made when it is missing. One engine at a time.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = path.into();
        self
    }

    /// Registers an executor under a name. The first one is the default. Without any, `local` is there (not on Windows, where a
    /// run that names no executor is then `unsupported`); with the feature `docker` also `docker`, over the Docker engine that
    /// `DOCKER_HOST` names; and with the feature `kubernetes` also each cluster that the engine keeps, by its name, and the only
    /// one as `kubernetes`.
    #[must_use]
    pub fn executor(mut self, name: impl Into<String>, executor: impl Executor) -> Self {
        self.executors.push((name.into(), Given::Ready(Arc::new(executor))));
        self
    }

    /// Registers a [`SimpleExecutor`] under a name, as [`executor`](Self::executor) does. What it needs to keep stands in the
    /// data directory, and time is the engine's.
    #[must_use]
    pub fn simple_executor(self, name: impl Into<String>, executor: impl SimpleExecutor) -> Self {
        self.executor_with(name, |folder, clock| Simple::new(executor, folder, clock))
    }

    /// Registers an executor that is made when the engine is opened, with a folder of its own in the data directory and the
    /// engine's clock.
    #[must_use]
    pub fn executor_with<E: Executor>(
        mut self,
        name: impl Into<String>,
        make: impl FnOnce(&Path, SharedClock) -> Result<E, ExecutorError> + Send + Sync + 'static,
    ) -> Self {
        let make = |folder: &Path, clock: SharedClock| -> Result<Arc<dyn Executor>, ExecutorError> {
            Ok(Arc::new(make(folder, clock)?))
        };
        self.executors.push((name.into(), Given::Later(Box::new(make))));
        self
    }

    /// Registers an executor under a name whose steps run in pods of a cluster that the engine keeps, as
    /// [`Engine::clusters`](crate::Engine::clusters) has it; it may be added later. `set_up` sets its policy and what all its pods have.
    #[cfg(feature = "kubernetes")]
    #[must_use]
    pub fn kubernetes(
        mut self,
        name: impl Into<String>,
        cluster: impl Into<String>,
        set_up: impl FnOnce(KubernetesExecutor) -> KubernetesExecutor + Send + Sync + 'static,
    ) -> Self {
        let pods = ClusterPods { cluster: Some(cluster.into()), set_up: Box::new(set_up) };
        self.executors.push((name.into(), Given::Cluster(pods)));
        self
    }

    /// The executor of runs and pipelines that name none.
    #[must_use]
    pub fn default_executor(mut self, name: impl Into<String>) -> Self {
        self.default_executor = Some(name.into());
        self
    }

    /// Registers an action under a name: tasks use it as `custom: {name: NAME, with: {…}}`.
    #[must_use]
    pub fn action(mut self, name: impl Into<String>, handler: impl ActionHandler) -> Self {
        self.actions.push((name.into(), Arc::new(handler)));
        self
    }

    /// Variables of this process that steps of the built-in `local` executor get beside `PATH` and `HOME`, as far as they are
    /// set: where toolchains and certificates are, a proxy. Never secrets.
    #[must_use]
    pub fn pass_env(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.pass_env.extend(names.into_iter().map(Into::into));
        self
    }

    /// How many tasks run at once, over all runs. Twice the processors unless set, and at least 4.
    #[must_use]
    pub fn max_tasks(mut self, tasks: usize) -> Self {
        self.max_tasks = tasks.max(1);
        self
    }

    /// How many runs go at once, in all and of one pipeline.
    #[must_use]
    pub fn run_limits(mut self, limits: RunLimits) -> Self {
        self.run_limits = limits;
        self
    }

    /// What [`run_limits`](Self::run_limits) would change.
    pub(crate) fn current_run_limits(&self) -> RunLimits {
        self.run_limits
    }

    /// How long a log may be. 1 GiB an attempt unless set.
    #[must_use]
    pub fn log_limits(mut self, limits: LogLimits) -> Self {
        self.log_limits = limits;
        self
    }

    /// Where caches and artifacts are kept. In the data directory unless set.
    #[must_use]
    pub fn blobs(mut self, store: BlobStore) -> Self {
        self.blobs = Some(store);
        self
    }

    /// How much of caches and artifacts is kept. See [`BlobSettings`] for what holds unless set.
    #[must_use]
    pub fn blob_settings(mut self, settings: BlobSettings) -> Self {
        self.blob_settings = settings;
        self
    }

    /// Deletes runs that ended long ago, or that are more than so many of their pipeline, with all that belongs to them: at
    /// the opening, after each run, and every hour. Runs that have not ended stay. Nothing is deleted unless this is set.
    #[must_use]
    pub fn retention(mut self, policy: RetentionPolicy) -> Self {
        self.retention = Some(policy);
        self
    }

    /// Another place in which credentials are looked for: a vault, the portal itself. Asked in the order in which they are
    /// given.
    #[must_use]
    pub fn secrets(mut self, provider: impl SecretProvider) -> Self {
        self.secrets.push(Arc::new(provider));
        self
    }

    /// Where the master key comes from that seals the credentials which the engine keeps. Unless set it is the file `master.key`
    /// in the data directory, made when it is needed first: whoever copies the whole folder has it, a backup does not. A
    /// portal keeps it elsewhere.
    #[must_use]
    pub fn master_key(mut self, source: KeySource) -> Self {
        self.master_key = Some(source);
        self
    }

    /// How credentials are tried on targets of a kind, in the place of what comes with Windlass.
    #[must_use]
    pub fn credential_test(mut self, kind: TargetKind, test: impl CredentialTest) -> Self {
        self.credential_tests.insert(kind, Arc::new(test));
        self
    }

    /// The portal's address, from which `BUILD_URL` is made: `BASE/runs/RUN_ID`.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Another clock than the machine's. For tests.
    #[must_use]
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Another store than SQLite in the data directory. Logs stay in the data directory.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Whether other processes of this user can control the engine through a socket in the data directory: the `windlass`
    /// command from another terminal, and [`Control`](super::Control). They can unless this says otherwise.
    #[must_use]
    pub fn control(mut self, control: bool) -> Self {
        self.control = control;
        self
    }

    /// A store that several engines have one after another.
    #[cfg(test)]
    #[cfg(unix)]
    pub(super) fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// The credentials of the data directory alone, while no engine works on it.
    #[cfg(feature = "cli")]
    pub(crate) async fn credentials_alone(self) -> Result<super::CredentialsAlone> {
        let data_dir = DataDir::open(&self.data_dir)?;
        let store = match self.store {
            Some(store) => store,
            None => open_store(&data_dir)?,
        };
        let key = self.master_key.unwrap_or_else(|| KeySource::File(data_dir.master_key()));
        let vault = Arc::new(Vault::new(store.clone(), key));
        let tests = self.credential_tests;
        #[cfg(feature = "docker")]
        let (_, tests) = super::images::bring(Actions::default(), tests, &self.images);
        #[cfg(feature = "kubernetes")]
        let tests = credential_tests::of_clusters(tests);
        #[cfg(feature = "git")]
        let tests = credential_tests::of_remotes(tests, &crate::source::Mirrors::new(data_dir.sources()));
        super::CredentialsAlone::new((data_dir, store, vault), self.secrets, tests).await
    }

    /// The clusters that an engine would know, for a look beside it.
    #[cfg(all(feature = "cli", feature = "kubernetes"))]
    pub(crate) fn clusters_beside(self) -> Result<super::clusters::ClusterBook> {
        let data_dir = DataDir::open_read_only(&self.data_dir)?;
        let store: Arc<dyn Store> = Arc::new(crate::store::SqliteStore::open_read_only(data_dir.db())?);
        let key = self.master_key.unwrap_or_else(|| KeySource::File(data_dir.master_key()));
        let vault = Arc::new(Vault::new(store.clone(), key));
        Ok(super::clusters::ClusterBook::new(store, SecretProviders::new(self.secrets).after(vault)))
    }

    /// The same as [`master_key`](Self::master_key) where the embedder says nothing.
    #[cfg(feature = "cli")]
    pub(crate) fn or_master_key(mut self, source: Option<KeySource>) -> Self {
        self.master_key = self.master_key.or(source);
        self
    }
}
