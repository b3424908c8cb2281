//! Opening an engine: its data directory, its executors, its limits, and the runs that an earlier one left.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use tokio::sync::watch;

use super::archive::{Archive, Replayed};
use super::control::{Door, SocketFile};
use super::core::{CLOCK_SETTING, Core, Hold, Parts};
#[cfg(any(feature = "git", feature = "kubernetes"))]
use super::credential_tests;
use super::credential_tests::Tests;
use super::executors::Executors;
#[cfg(all(unix, feature = "kubernetes"))]
use super::executors::over_clusters;
use super::queue::Queue;
use super::request::StoredRequest;
use super::restored::Restored;
use super::retention::{self, Retention};
use super::vault::Vault;
use super::{Engine, Handle, blob_house, expiry};
use crate::action::{ActionHandler, Actions};
use crate::blob::{BlobSettings, BlobStore};
use crate::clock::{SavedClock, SharedClock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
#[cfg(all(unix, feature = "docker"))]
use crate::executor::{DockerEndpoint, DockerExecutor, HelperImage};
use crate::executor::{Executor, ExecutorError, LocalExecutor, RunScope};
#[cfg(all(unix, feature = "kubernetes"))]
use crate::executor::{KubernetesExecutor, PodSettings};
#[cfg(unix)]
use crate::executor::{Simple, SimpleExecutor};
use crate::explain;
use crate::failpoint;
use crate::log::{LogLimits, LogStore};
use crate::pipeline::{ExecutorName, PipelineName};
use crate::run::queue::RunLimits;
use crate::run::retention::RetentionPolicy;
use crate::run::{Input, RunId, RunStatus};
use crate::secret::{CredentialTest, KeySource, SecretProvider, SecretProviders, TargetKind};
use crate::store::{Batch, DataDir, KeptWorkspace, RunListing, Store};

/// How many runs go at once unless the embedder says otherwise.
const DEFAULT_RUNS: usize = 64;
/// How many queued runs are read at once.
const PAGE: usize = 500;
/// The name of the executor that is always there.
pub(crate) const LOCAL: &str = "local";

/// The name of the executor over the Docker engine of the environment, which is there as well.
#[cfg(all(unix, feature = "docker"))]
const DOCKER: &str = "docker";

/// Nothing is asked of the Docker engine before a run wants it.
#[cfg(all(unix, feature = "docker"))]
fn docker(data_dir: &DataDir, clock: &SharedClock) -> DockerExecutor {
    let installation = data_dir.executor_state(DOCKER).join("installation");
    DockerExecutor::kept_in(DockerEndpoint::Environment, installation, clock.clone())
        .helper(HelperImage::of_environment())
}

/// The name of the executor over the only cluster that the engine keeps. Each cluster is an executor by its own name as well.
#[cfg(all(unix, feature = "kubernetes"))]
pub(super) const KUBERNETES: &str = "kubernetes";

/// How an engine is opened. Made by [`Engine::builder`].
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
    #[cfg(all(unix, feature = "docker"))]
    pub(super) images: crate::action::ImageBuilder,
    control: bool,
}

/// An executor as the embedder gives it.
enum Given {
    /// As it is.
    Ready(Arc<dyn Executor>),
    /// One that gets a folder in the data directory and the engine's clock when the engine is opened.
    Later(Box<MakeExecutor>),
    /// One over a cluster that the engine keeps.
    #[cfg(all(unix, feature = "kubernetes"))]
    Cluster(ClusterPods),
}

/// Pods of a cluster, by its name or the only one, and what is set about them.
#[cfg(all(unix, feature = "kubernetes"))]
struct ClusterPods {
    cluster: Option<String>,
    set_up: Box<SetUpPods>,
}

#[cfg(all(unix, feature = "kubernetes"))]
type SetUpPods = dyn FnOnce(KubernetesExecutor) -> KubernetesExecutor + Send + Sync;

#[cfg(all(unix, feature = "kubernetes"))]
impl ClusterPods {
    /// Those of an engine that was told of no executors.
    fn plain(cluster: Option<String>) -> Given {
        let set_up = Box::new(|pods: KubernetesExecutor| pods.pods(PodSettings::of_environment()));
        Given::Cluster(Self { cluster, set_up })
    }
}

/// What executors are made of when the engine is opened.
struct Makings<'a> {
    data_dir: &'a DataDir,
    clock: &'a SharedClock,
    #[cfg(feature = "kubernetes")]
    clusters: &'a Arc<super::clusters::ClusterBook>,
}

type MakeExecutor = dyn FnOnce(&Path, SharedClock) -> Result<Arc<dyn Executor>, ExecutorError> + Send + Sync;

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(executor) => executor.fmt(f),
            Self::Later(_) => f.write_str("Later"),
            #[cfg(all(unix, feature = "kubernetes"))]
            Self::Cluster(pods) => f.debug_tuple("Cluster").field(&pods.cluster).finish(),
        }
    }
}

impl Given {
    /// The executor of this name in a data directory.
    fn make(self, name: &str, of: &Makings<'_>) -> Result<Arc<dyn Executor>> {
        let folder = of.data_dir.executor_state(executor_name(name)?.as_str());
        Ok(match self {
            Self::Ready(executor) => executor,
            Self::Later(make) => make(&folder, of.clock.clone())?,
            #[cfg(all(unix, feature = "kubernetes"))]
            Self::Cluster(ClusterPods { cluster, set_up }) => {
                let installation = folder.join("installation");
                let clock = of.clock.clone();
                Arc::new(set_up(KubernetesExecutor::kept_in(of.clusters.clone(), cluster, installation, clock)))
            }
        })
    }
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
            #[cfg(all(unix, feature = "docker"))]
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

    /// Registers an executor under a name. The first one is the default. Without any, `local` is there; with the feature
    /// `docker` also `docker`, over the Docker engine that `DOCKER_HOST` names; and with the feature `kubernetes` also each
    /// cluster that the engine keeps, by its name, and the only one as `kubernetes`.
    #[must_use]
    pub fn executor(mut self, name: impl Into<String>, executor: impl Executor) -> Self {
        self.executors.push((name.into(), Given::Ready(Arc::new(executor))));
        self
    }

    /// Registers a [`SimpleExecutor`] under a name, as [`executor`](Self::executor) does. What it needs to keep stands in the
    /// data directory, and time is the engine's.
    #[cfg(unix)]
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
    /// [`Engine::clusters`] has it; it may be added later. `set_up` sets its policy and what all its pods have.
    #[cfg(all(unix, feature = "kubernetes"))]
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
        #[cfg(all(unix, feature = "docker"))]
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

    /// Opens the engine, and takes up every run that an earlier one left unfinished: their steps went on meanwhile.
    ///
    /// # Errors
    /// `locked` when another process holds the directory, `readOnly`, `noSpace`, `newerFormat`, `damaged`, `invalidName`
    /// for the name of an executor, and `duplicateAction`.
    pub async fn open(self) -> Result<Engine> {
        let data_dir = DataDir::open(&self.data_dir)?;
        let store = match self.store {
            Some(store) => store,
            None => open_store(&data_dir)?,
        };
        let clock = match self.clock {
            Some(clock) => clock,
            None => system_clock(&*store).await?,
        };
        let actions = registered(self.actions)?;
        #[cfg(all(unix, feature = "docker"))]
        let (actions, credential_tests) = super::images::bring(actions, self.credential_tests, &self.images);
        #[cfg(not(all(unix, feature = "docker")))]
        let credential_tests = self.credential_tests;
        #[cfg(feature = "kubernetes")]
        let credential_tests = credential_tests::of_clusters(credential_tests);
        let logs = LogStore::new(data_dir.logs());
        let key = self.master_key.unwrap_or_else(|| KeySource::File(data_dir.master_key()));
        let vault = Arc::new(Vault::new(store.clone(), key));
        let secrets = SecretProviders::new(self.secrets).after(vault.clone());
        #[cfg(feature = "kubernetes")]
        let (actions, clusters) = with_deployment(actions, store.clone(), secrets.clone());
        let mut executors = self.executors;
        #[cfg(all(unix, feature = "kubernetes"))]
        let of_cluster = executors.is_empty().then(|| over_clusters(&data_dir, &clock, &clusters));
        #[cfg(not(all(unix, feature = "kubernetes")))]
        let of_cluster = None;
        if executors.is_empty() {
            let local = LocalExecutor::inheriting(data_dir.executor_state(LOCAL), clock.clone(), &self.pass_env)?;
            executors.push((LOCAL.to_owned(), Given::Ready(Arc::new(local))));
            #[cfg(all(unix, feature = "docker"))]
            executors.push((DOCKER.to_owned(), Given::Ready(Arc::new(docker(&data_dir, &clock)))));
            #[cfg(all(unix, feature = "kubernetes"))]
            executors.push((KUBERNETES.to_owned(), ClusterPods::plain(None)));
        }
        let first = executors.first().map_or(LOCAL, |(name, _)| name);
        let default_executor = executor_name(self.default_executor.as_deref().unwrap_or(first))?;
        let makings = Makings {
            data_dir: &data_dir,
            clock: &clock,
            #[cfg(feature = "kubernetes")]
            clusters: &clusters,
        };
        let executors = Executors::new(named(executors, &makings)?, of_cluster);
        #[cfg(feature = "kubernetes")]
        clusters.all().await?.iter().for_each(|cluster| executors.cluster_added(&cluster.name));
        #[cfg(feature = "git")]
        let sources = data_dir.sources();
        let blobs = self.blobs.unwrap_or_else(|| BlobStore::folder(data_dir.blobs()));
        let (door, socket) = self.control.then(|| open_door(&data_dir)).flatten().unzip();
        let (hold, gone) = Hold::new(data_dir, socket);
        #[cfg(feature = "git")]
        let (actions, mirrors) = with_checkout(actions, sources, &hold);
        #[cfg(feature = "git")]
        let credential_tests = credential_tests::of_remotes(credential_tests, &mirrors);
        let core = Core::new(Parts {
            archive: Archive { store, logs, blobs },
            clock,
            executors,
            default_executor,
            actions,
            #[cfg(feature = "git")]
            mirrors,
            base_url: self.base_url,
            log_limits: self.log_limits,
            blob_settings: self.blob_settings,
            max_tasks: self.max_tasks,
            queue: Queue::new(self.run_limits),
            retention: self.retention.map(Retention::new),
            vault,
            secrets,
            credential_tests,
            #[cfg(all(unix, feature = "docker"))]
            certificates: self.images.trusted(),
            #[cfg(feature = "kubernetes")]
            clusters,
            hold: Arc::downgrade(&hold),
        });
        let kept = core.archive.store.kept().await?;
        let recovered = recover(&core, &kept).await?;
        expiry::watch(&core, kept);
        core.spawn(retention::keep_house(core.clone()));
        core.spawn(blob_house::keep_house(core.clone()));
        let (serving, shut) = watch::channel(());
        let handle = Arc::new(Handle { core, hold: Mutex::new(Some(hold)), gone, shut, recovered });
        if let Some(door) = door {
            let served = Door::serve(door, Arc::downgrade(&handle), handle.core.clone());
            handle.core.spawn(served.map(|()| drop(serving)));
        }
        Ok(Engine { handle })
    }
}

/// The socket for other processes. An engine does its work also without it.
fn open_door(data_dir: &DataDir) -> Option<(Door, SocketFile)> {
    match Door::open(data_dir.control_socket()) {
        Ok(door) => Some(door),
        Err(error) => {
            let data_dir = data_dir.path().display();
            tracing::warn!(%data_dir, %error, "other processes cannot control this engine: it has no socket");
            None
        }
    }
}

fn executor_name(name: &str) -> Result<ExecutorName> {
    ExecutorName::new(name).map_err(|error| Error::new(ErrorKind::Invalid, "invalidName", "open", error.to_string()))
}

/// The executors by name.
fn named(executors: Vec<(String, Given)>, makings: &Makings<'_>) -> Result<BTreeMap<ExecutorName, Arc<dyn Executor>>> {
    let named = executors.into_iter();
    named.map(|(name, given)| Ok((executor_name(&name)?, given.make(&name, makings)?))).collect()
}

/// The actions by name.
fn registered(handlers: Vec<(String, Arc<dyn ActionHandler>)>) -> Result<Actions> {
    let mut actions = Actions::default();
    for (name, handler) in handlers {
        if !actions.register(name.clone(), handler) {
            let message = format!("two actions are registered under the name {name:?}; give one of them another name");
            return Err(Error::new(ErrorKind::Invalid, "duplicateAction", "open", message));
        }
    }
    Ok(actions)
}

/// The actions with that which fetches repositories, and where it keeps copies of them.
#[cfg(feature = "git")]
fn with_checkout(mut actions: Actions, folder: PathBuf, hold: &Arc<Hold>) -> (Actions, crate::source::Mirrors) {
    let hold: Arc<dyn std::any::Any + Send + Sync> = hold.clone();
    let mirrors = crate::source::Mirrors::held_by(folder, Arc::downgrade(&hold));
    mirrors.tidy();
    actions.build_in("checkout", crate::action::CheckoutAction::new(mirrors.clone()));
    (actions, mirrors)
}

/// The actions with those that deploy, and where clusters are kept.
#[cfg(feature = "kubernetes")]
fn with_deployment(
    mut actions: Actions,
    store: Arc<dyn Store>,
    secrets: SecretProviders,
) -> (Actions, Arc<super::clusters::ClusterBook>) {
    let clusters = Arc::new(super::clusters::ClusterBook::new(store, secrets));
    actions.build_in("deployManifests", crate::action::DeployManifests::new(clusters.clone()));
    actions.build_in("runJob", crate::action::RunJob::new(clusters.clone()));
    (actions, clusters)
}

#[cfg(feature = "sqlite")]
pub(crate) fn open_store(data_dir: &DataDir) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(crate::store::SqliteStore::open(data_dir.db())?))
}

#[cfg(not(feature = "sqlite"))]
pub(crate) fn open_store(_data_dir: &DataDir) -> Result<Arc<dyn Store>> {
    let message = "this build has no store on disk: build it with the feature `sqlite`, or give the engine a store";
    Err(Error::new(ErrorKind::Unsupported, "noStore", "open", message))
}

/// The machine's clock, going on where the data directory left it.
pub(super) async fn system_clock(store: &dyn Store) -> Result<SharedClock> {
    let saved = store.setting(CLOCK_SETTING).await?.and_then(|text| text.parse::<SavedClock>().ok());
    let before = saved.as_ref().and_then(|saved| saved.boot_id.clone());
    let clock = SystemClock::resume(saved);
    let now = clock.saved();
    // In the same boot what is kept says the same for ever, and every write at the opening costs the first step its time.
    if now.boot_id.is_none() || now.boot_id != before {
        let setting = (CLOCK_SETTING.to_owned(), now.to_string());
        store.commit(Batch { settings: vec![setting], ..Batch::default() }).await?;
    }
    Ok(Arc::new(clock))
}

/// Takes up what an earlier engine left: running runs get a driver, queued ones their place in the queue, and what no run
/// owns is swept.
async fn recover(core: &Arc<Core>, kept: &[KeptWorkspace]) -> Result<Vec<RunId>> {
    let unfinished = core.archive.store.unfinished().await?;
    let recovered: Vec<RunId> = unfinished.iter().map(|run| run.id).collect();
    let mut keep = recovered.clone();
    if !failpoint::bug("sweep.forget-kept") {
        keep.extend(kept.iter().map(|kept| kept.run));
    }
    let (queued, going): (Vec<_>, Vec<_>) =
        unfinished.into_iter().partition(|run| run.digest.status == RunStatus::Queued);
    let restored = if going.is_empty() { Restored::default() } else { Restored::read(&*core.archive.store).await? };
    keep.extend(queue_again(core, &queued).await?);
    for listing in going {
        let replayed = core.archive.replay(listing.id, None).await?;
        if !listing.digest.status.is_final() {
            core.queue().resume(listing.id, pipeline_name(&listing)?, &replayed.request);
        }
        // It may not have taken it over yet.
        keep.extend(replayed.request.adopt.map(|kept| kept.run));
        take_up(core, replayed, &restored).await;
    }
    for (name, executor) in core.executors.all() {
        if let Err(error) = executor.sweep(&keep).await {
            tracing::warn!(executor = %name, %error, "what no run owns could not be swept");
        }
    }
    core.admit();
    Ok(recovered)
}

/// Gives runs that wait their places in the queue, and returns those whose workspaces they take over. There may be ten
/// thousand, so that they are read many at once.
async fn queue_again(core: &Core, queued: &[RunListing]) -> Result<Vec<RunId>> {
    let mut adopted = Vec::new();
    for page in queued.chunks(PAGE) {
        let ids: Vec<RunId> = page.iter().map(|run| run.id).collect();
        for record in core.archive.store.records(&ids).await? {
            let damaged = |why: String| {
                let message = format!("the record of run {} is damaged: {why}", record.id);
                Error::new(ErrorKind::Damaged, "damagedRun", "open", message)
            };
            let name = PipelineName::new(&record.pipeline).map_err(|error| damaged(error.to_string()))?;
            let request: StoredRequest =
                serde_json::from_value(record.request).map_err(|error| damaged(error.to_string()))?;
            adopted.extend(request.adopt.map(|kept| kept.run));
            core.queue().enter(record.id, name, &request);
            core.waiting.enter(record.id, &record.pipeline);
        }
    }
    Ok(adopted)
}

fn pipeline_name(listing: &RunListing) -> Result<PipelineName> {
    PipelineName::new(&listing.pipeline).map_err(|error| {
        let message = format!("the record of run {} is damaged: {error}", listing.id);
        Error::new(ErrorKind::Damaged, "damagedRun", "open", message)
    })
}

/// Gives a run that was going on a driver, after a look whether its workspace is still there.
async fn take_up(core: &Arc<Core>, replayed: Replayed, restored: &Restored) {
    let Replayed { request, state, last, .. } = replayed;
    let mut first = vec![Input::Recovered];
    if state.workspace_ready() && state.ended().is_none() {
        let generation = state.generation();
        let scope =
            RunScope { run: state.run(), generation, existing: true, source: None, adopt: None, outlines: Vec::new() };
        let found = match core.executor(&request.executor) {
            Ok(executor) => executor.prepare(&scope).await,
            Err(error) => Err(error),
        };
        if let Err(error @ (ExecutorError::WorkspaceLost { .. } | ExecutorError::Unsupported { .. })) = found {
            let of_backup = restored.cause(state.run(), generation);
            let cause = of_backup.unwrap_or_else(|| explain::executor_error(&error).cause);
            first.push(Input::WorkspaceLost { generation, cause });
        }
    }
    core.drive(request, state, last, first);
}
