//! The clusters that an engine knows by name.

#[cfg(feature = "cli")]
mod beside;
mod book;
mod needed;
mod users;

use serde::Serialize;

#[cfg(feature = "cli")]
pub(crate) use self::beside::ClustersBeside;
pub(crate) use self::book::ClusterBook;
pub(super) use self::needed::check_clusters;
use super::Engine;
#[cfg(feature = "cli")]
use super::EngineBuilder;
#[cfg(feature = "sqlite")]
use super::Reader;
use super::core::Core;
use crate::cluster::{Cluster, ClusterHealth, NewCluster, StoredCluster, name_problem, own_namespace};
use crate::error::{Error, ErrorKind, Result};
use crate::explain::{ClusterFailure, FailureClass, code};
use crate::run::Cause;

/// The clusters that an engine knows by name. Cheap to clone; like a clone of the engine it keeps the engine open.
///
/// A cluster is kept without its secrets: these are a credential, which the cluster names. Every change takes who makes it, and
/// stands in the [audit trail](Engine::audit).
///
/// ```no_run
/// # async fn show(engine: windlass::Engine) -> windlass::Result<()> {
/// use windlass::cluster::{ClusterAccess, NewCluster};
///
/// let access = ClusterAccess::KubeconfigFile { path: "/etc/portal/kubeconfig".into(), context: None };
/// let prod = NewCluster { name: "prod".to_owned(), access, namespace: None };
/// engine.clusters().add(prod, "ana").await?;
/// for status in engine.clusters().list().await? {
///     println!("{} {:?}", status.cluster.name, status.answer);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Clusters {
    engine: Engine,
}

/// A cluster with how it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// The cluster.
    #[serde(flatten)]
    pub cluster: StoredCluster,
    /// The address of its API server, also when that does not answer. `None` when what leads there cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Its answer.
    #[serde(flatten)]
    pub answer: ClusterAnswer,
}

/// What a cluster says when it is asked how it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ClusterAnswer {
    /// What it says about itself.
    Health(ClusterHealth),
    /// Why it could not be asked.
    Cause(Cause),
}

impl ClusterAnswer {
    /// Whether it answers, and is ready for work.
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Health(health) if health.failing.is_empty())
    }
}

/// Whether a cluster is removed that pipelines still name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClusterRemoval {
    /// It stays, and the error names the pipelines.
    #[default]
    WhenUnused,
    /// It goes; their next runs fail where they need it.
    Forced,
}

impl Engine {
    /// The clusters that the engine knows by name.
    pub fn clusters(&self) -> Clusters {
        Clusters { engine: self.clone() }
    }
}

#[cfg(feature = "sqlite")]
impl Reader {
    /// The clusters that engines on the data directory know, in the order of their names.
    ///
    /// # Errors
    /// `damaged`; what the store says.
    pub async fn clusters(&self) -> Result<Vec<StoredCluster>> {
        book::read(&*self.archive.store).await
    }
}

impl Clusters {
    /// Adds a cluster: asks it how it is, makes its namespace when that is missing, and keeps it.
    ///
    /// # Errors
    /// `invalidName`, `clusterExists`; `noSuchCredential` and the like; why the cluster could not be asked, such as
    /// `unauthorized`, `unknownCertificate`, `clusterUnreachable`, `clusterGone`, `badKubeconfig`. Nothing is kept then.
    pub async fn add(&self, new: NewCluster, by: &str) -> Result<StoredCluster> {
        if let Some(rule) = name_problem(&new.name) {
            let message = format!("{:?} cannot be the name of a cluster: {rule}", new.name);
            return Err(Error::new(ErrorKind::Invalid, "invalidName", "addCluster", message));
        }
        let core = self.core();
        let _hold = core.writing("addCluster")?;
        let book = &core.clusters;
        book.refuse_taken(&new.name).await?;
        let namespace = new.namespace.clone().unwrap_or_else(|| own_namespace(&new.name));
        let now = core.clock.now();
        let stored =
            StoredCluster { name: new.name, access: new.access, namespace, added: now, added_by: by.to_owned() };
        let cluster = book.connect(&stored).await.map_err(|failure| error("addCluster", failure))?;
        let ready = async {
            cluster.health().await?;
            cluster.make_namespace(&stored.namespace).await
        };
        ready.await.map_err(|failure| error("addCluster", failure))?;
        let added = book.add(core, stored, cluster.server(), by).await?;
        core.executors.cluster_added(&added.name);
        Ok(added)
    }

    /// The clusters as they are kept, in the order of their names, without asking any of them.
    pub async fn stored(&self) -> Result<Vec<StoredCluster>> {
        self.core().clusters.all().await
    }

    /// All clusters, in the order of their names, each asked how it is.
    pub async fn list(&self) -> Result<Vec<ClusterStatus>> {
        self.core().clusters.statuses().await
    }

    /// Asks a cluster how it is.
    ///
    /// # Errors
    /// `noSuchCluster`, with the one that was probably meant. That it cannot be asked is part of the answer.
    pub async fn test(&self, name: &str) -> Result<ClusterStatus> {
        let book = &self.core().clusters;
        Ok(book.status(book.find(name).await?).await)
    }

    /// The pipelines that use a cluster: their steps run there, or a task names it, also by a variable that may become its name,
    /// or names none while it is the only one.
    pub async fn users(&self, name: &str) -> Result<Vec<String>> {
        let only = self.is_only(name).await?;
        users::pipelines(&*self.core().archive.store, users::Named { name, only }).await
    }

    async fn is_only(&self, name: &str) -> Result<bool> {
        Ok(self.stored().await?.iter().all(|cluster| cluster.name == name))
    }

    /// Forgets a cluster. In the cluster itself nothing is changed.
    ///
    /// # Errors
    /// `noSuchCluster`; `clusterInUse` while pipelines, or runs that have not ended, use it, unless it is forced.
    pub async fn remove(&self, name: &str, removal: ClusterRemoval, by: &str) -> Result<()> {
        let core = self.core();
        let _hold = core.writing("removeCluster")?;
        core.clusters.find(name).await?;
        let used_by = self.users(name).await?;
        if removal == ClusterRemoval::WhenUnused {
            let only = self.is_only(name).await?;
            let runs = users::runs(&*core.archive.store, users::Named { name, only }).await?;
            refuse_used(name, &used_by, &runs)?;
        }
        core.clusters.remove(core, name, used_by, by).await
    }

    /// A connection to a cluster.
    ///
    /// # Errors
    /// `noSuchCluster`; `badCredential`, `badKubeconfig`. Nothing is sent yet.
    pub async fn connect(&self, name: &str) -> Result<Cluster> {
        let stored = self.core().clusters.find(name).await?;
        self.core().clusters.connect(&stored).await.map_err(|failure| error("connectCluster", failure))
    }

    /// The engine's clock.
    pub(crate) fn clock(&self) -> crate::clock::SharedClock {
        self.core().clock.clone()
    }

    fn core(&self) -> &Core {
        &self.engine.handle.core
    }
}

fn refuse_used(name: &str, pipelines: &[String], runs: &[String]) -> Result<()> {
    let advice = match (pipelines, runs) {
        ([], []) => return Ok(()),
        ([], _) => "wait for these runs, or cancel them",
        (_, []) => "change these pipelines first",
        _ => "change these pipelines, and wait for these runs",
    };
    let users = [pipelines, runs].concat().join(", ");
    let message = format!("the cluster {name:?} is used by {users}; {advice}, or force the removal");
    Err(Error::new(ErrorKind::Conflict, "clusterInUse", "removeCluster", message))
}

/// A failure with a cluster as the error of an operation.
pub(crate) fn error(operation: &'static str, failure: ClusterFailure) -> Error {
    let kind = match (failure.class, failure.code) {
        (FailureClass::Infrastructure, _) => ErrorKind::Unavailable,
        (_, code::NOT_IN_CLUSTER | code::NO_NAMESPACE) => ErrorKind::NotFound,
        (_, code::FIELD_CONFLICT | code::OBJECT_CONFLICT | code::ALREADY_EXISTS) => ErrorKind::Conflict,
        _ => ErrorKind::Invalid,
    };
    Error::new(kind, failure.code, operation, failure.to_string()).with_source(failure)
}
