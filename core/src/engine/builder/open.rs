//! The parts of an engine put together, on a data directory that nobody else has.

#[cfg(feature = "git")]
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use tokio::sync::watch;

use super::EngineBuilder;
use super::given::Makings;
use super::kept::{open_store, system_clock};
use crate::action::{ActionHandler, Actions};
use crate::blob::BlobStore;
use crate::engine::archive::Archive;
use crate::engine::control::{Door, SocketFile};
use crate::engine::core::{Core, Hold, Parts};
#[cfg(any(feature = "git", feature = "kubernetes"))]
use crate::engine::credential_tests;
use crate::engine::queue::Queue;
use crate::engine::recovery::recover;
use crate::engine::retention::{self, Retention};
use crate::engine::vault::Vault;
use crate::engine::{Engine, Handle, blob_house, expiry};
use crate::error::{Error, ErrorKind, Result};
use crate::log::LogStore;
use crate::secret::{KeySource, SecretProviders};
use crate::store::DataDir;
#[cfg(feature = "kubernetes")]
use crate::store::Store;

impl EngineBuilder {
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
        #[cfg(feature = "docker")]
        let (actions, credential_tests) = crate::engine::images::bring(actions, self.credential_tests, &self.images);
        #[cfg(not(feature = "docker"))]
        let credential_tests = self.credential_tests;
        #[cfg(feature = "kubernetes")]
        let credential_tests = credential_tests::of_clusters(credential_tests);
        let logs = LogStore::new(data_dir.logs());
        let key = self.master_key.unwrap_or_else(|| KeySource::File(data_dir.master_key()));
        let vault = Arc::new(Vault::new(store.clone(), key));
        let secrets = SecretProviders::new(self.secrets).after(vault.clone());
        #[cfg(feature = "kubernetes")]
        let (actions, clusters) = with_deployment(actions, store.clone(), secrets.clone());
        let makings = Makings {
            data_dir: &data_dir,
            clock: &clock,
            #[cfg(feature = "kubernetes")]
            clusters: &clusters,
        };
        let (executors, default_executor) = makings.executors(self.executors, self.default_executor, &self.pass_env)?;
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
            #[cfg(feature = "docker")]
            certificates: self.images.trusted(),
            #[cfg(feature = "kubernetes")]
            clusters,
            hold: Arc::downgrade(&hold),
        });
        start(core, hold, gone, door).await
    }
}

/// Takes up what an earlier engine left, and sets going what an engine does by itself.
async fn start(core: Arc<Core>, hold: Arc<Hold>, gone: watch::Receiver<()>, door: Option<Door>) -> Result<Engine> {
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

/// The socket for other processes. An engine does its work also without it.
fn open_door(data_dir: &DataDir) -> Option<(Door, SocketFile)> {
    match Door::open(data_dir.control_socket()) {
        Ok(door) => Some(door),
        // Nobody expects one on Windows.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => None,
        Err(error) => {
            let data_dir = data_dir.path().display();
            tracing::warn!(%data_dir, %error, "other processes cannot control this engine: it has no socket");
            None
        }
    }
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
) -> (Actions, Arc<crate::engine::clusters::ClusterBook>) {
    let clusters = Arc::new(crate::engine::clusters::ClusterBook::new(store, secrets));
    actions.build_in("deployManifests", crate::action::DeployManifests::new(clusters.clone()));
    actions.build_in("runJob", crate::action::RunJob::new(clusters.clone()));
    (actions, clusters)
}
