//! Where clusters are kept.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::super::core::Core;
use super::{ClusterAnswer, ClusterStatus};
use crate::audit::Change;
use crate::cluster::{Cluster, ClusterSource, StoredCluster};
use crate::error::{Error, ErrorKind, Result};
use crate::explain::{ClusterFailure, code};
use crate::pipeline::nearest;
use crate::secret::SecretProviders;
use crate::store::{Batch, Store};

/// The setting of the installation that holds all clusters, as JSON.
const SETTING: &str = "clusters";

/// All clusters of an installation, and the way to them.
#[derive(Debug)]
pub(crate) struct ClusterBook {
    store: Arc<dyn Store>,
    secrets: SecretProviders,
    /// Held from reading until writing, so that of two changes none is lost.
    changing: Mutex<()>,
}

/// The clusters in a store.
pub(super) async fn read(store: &dyn Store) -> Result<Vec<StoredCluster>> {
    let Some(text) = store.setting(SETTING).await? else { return Ok(Vec::new()) };
    serde_json::from_str(&text).map_err(|error| {
        let message = format!("the list of clusters in the store is damaged: {error}");
        Error::new(ErrorKind::Damaged, "damaged", "readClusters", message)
    })
}

impl ClusterBook {
    pub(crate) fn new(store: Arc<dyn Store>, secrets: SecretProviders) -> Self {
        Self { store, secrets, changing: Mutex::default() }
    }

    pub(in crate::engine) async fn all(&self) -> Result<Vec<StoredCluster>> {
        read(&*self.store).await
    }

    pub(super) async fn find(&self, name: &str) -> Result<StoredCluster> {
        let all = self.all().await?;
        let nearest = nearest(name, all.iter().map(|cluster| cluster.name.as_str()));
        let found = all.into_iter().find(|cluster| cluster.name == name);
        found.ok_or_else(|| {
            let meant = nearest.map(|meant| format!(", did you mean {meant:?}?")).unwrap_or_default();
            let message = format!("there is no cluster {name:?} here{meant}");
            Error::new(ErrorKind::NotFound, "noSuchCluster", "find", message)
        })
    }

    pub(super) async fn refuse_taken(&self, name: &str) -> Result<()> {
        refuse_taken(&self.all().await?, name)
    }

    /// A connection with the credential that the cluster names.
    pub(super) async fn connect(&self, stored: &StoredCluster) -> Result<Cluster, ClusterFailure> {
        let credential = match stored.access.credential() {
            None => None,
            Some(name) => {
                let found = self.secrets.credential(name.as_str()).await;
                Some(found.map_err(|error| ClusterFailure::failed(code::BAD_CREDENTIAL, error.to_string(), ""))?)
            }
        };
        Cluster::connect(&stored.name, &stored.access, credential.as_ref(), Some(&stored.namespace)).await
    }

    /// All clusters, in the order of their names, each asked how it is.
    pub(super) async fn statuses(&self) -> Result<Vec<ClusterStatus>> {
        let stored = self.all().await?;
        Ok(futures::future::join_all(stored.into_iter().map(|cluster| self.status(cluster))).await)
    }

    /// A cluster with how it is now.
    pub(super) async fn status(&self, cluster: StoredCluster) -> ClusterStatus {
        let (server, asked) = match self.connect(&cluster).await {
            Ok(connection) => (Some(connection.server().to_owned()), connection.health().await),
            Err(failure) => (None, Err(failure)),
        };
        let answer = asked.map_or_else(|failure| ClusterAnswer::Cause(failure.cause()), ClusterAnswer::Health);
        ClusterStatus { cluster, server, answer }
    }

    pub(super) async fn add(&self, core: &Core, new: StoredCluster, server: &str, by: &str) -> Result<StoredCluster> {
        let _alone = self.changing.lock().await;
        let mut all = self.all().await?;
        refuse_taken(&all, &new.name)?;
        let change = Change::ClusterAdded { cluster: new.name.clone(), server: server.to_owned() };
        all.push(new.clone());
        all.sort_by(|one, other| one.name.cmp(&other.name));
        write(core, &all, change, by).await?;
        Ok(new)
    }

    pub(super) async fn remove(&self, core: &Core, name: &str, used_by: Vec<String>, by: &str) -> Result<()> {
        let _alone = self.changing.lock().await;
        let mut all = self.all().await?;
        all.retain(|cluster| cluster.name != name);
        write(core, &all, Change::ClusterRemoved { cluster: name.to_owned(), used_by }, by).await
    }

    /// The cluster of this name, or the only one.
    pub(super) async fn choose(&self, name: Option<&str>) -> Result<StoredCluster> {
        if let Some(name) = name {
            return self.find(name).await;
        }
        let mut all = self.all().await?;
        let names: Vec<&str> = all.iter().map(|cluster| cluster.name.as_str()).collect();
        let message = match names.as_slice() {
            [_] => return Ok(all.remove(0)),
            [] => "there is no cluster here".to_owned(),
            names => format!("no `cluster` is named, and there are several: {}", names.join(", ")),
        };
        Err(Error::new(ErrorKind::NotFound, "noSuchCluster", "find", message))
    }
}

#[async_trait]
impl ClusterSource for ClusterBook {
    async fn cluster(&self, name: Option<&str>) -> Result<Cluster, ClusterFailure> {
        let stored = self.choose(name).await.map_err(|error| {
            let advice = "Add it to the engine (`windlass cluster add`), or correct its name.";
            ClusterFailure::failed(code::NO_CLUSTER, error.to_string(), advice)
        })?;
        self.connect(&stored).await
    }
}

fn refuse_taken(all: &[StoredCluster], name: &str) -> Result<()> {
    if all.iter().all(|cluster| cluster.name != name) {
        return Ok(());
    }
    let message = format!("there is a cluster {name:?} already; remove it first, or choose another name");
    Err(Error::new(ErrorKind::Conflict, "clusterExists", "addCluster", message))
}

async fn write(core: &Core, all: &[StoredCluster], change: Change, by: &str) -> Result<()> {
    let text = serde_json::to_string(all)
        .map_err(|error| Error::new(ErrorKind::Internal, "clustersUnwritable", "changeClusters", error.to_string()))?;
    let audit = vec![core.audited(by, change)];
    core.commit(Batch { settings: vec![(SETTING.to_owned(), text)], audit, ..Batch::default() }).await?;
    Ok(())
}
