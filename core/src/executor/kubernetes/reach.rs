//! The way to the cluster, and what it says in the words of executors.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Secret};
use kube::Api;
use tokio::sync::Mutex;

use crate::cluster::{Cluster, ClusterSource, refused};
use crate::executor::ExecutorError;
use crate::explain::{ClusterFailure, FailureClass, code};

/// Where the connection comes from.
#[derive(Debug)]
pub(super) enum Way {
    /// It is there.
    Open(Cluster),
    /// From the clusters that the engine keeps, by name; without a name the only one.
    Kept { source: Arc<dyn ClusterSource>, name: Option<String>, open: Mutex<Option<Cluster>> },
}

impl Way {
    pub(super) async fn cluster(&self) -> Result<Cluster, ExecutorError> {
        match self {
            Self::Open(cluster) => Ok(cluster.clone()),
            Self::Kept { source, name, open } => {
                let mut open = open.lock().await;
                if let Some(cluster) = open.as_ref() {
                    return Ok(cluster.clone());
                }
                let cluster = source.cluster(name.as_deref()).await.map_err(failed)?;
                *open = Some(cluster.clone());
                Ok(cluster)
            }
        }
    }

    /// The next one who asks connects anew: the credential may be another one by now.
    pub(super) async fn give_up(&self) {
        if let Self::Kept { open, .. } = self {
            *open.lock().await = None;
        }
    }

    pub(super) async fn pods(&self) -> Result<Api<Pod>, ExecutorError> {
        let cluster = self.cluster().await?;
        Ok(Api::namespaced(cluster.client().clone(), cluster.namespace()))
    }

    pub(super) async fn owners(&self) -> Result<Api<ConfigMap>, ExecutorError> {
        let cluster = self.cluster().await?;
        Ok(Api::namespaced(cluster.client().clone(), cluster.namespace()))
    }

    pub(super) async fn secrets(&self) -> Result<Api<Secret>, ExecutorError> {
        let cluster = self.cluster().await?;
        Ok(Api::namespaced(cluster.client().clone(), cluster.namespace()))
    }

    pub(super) async fn events(&self) -> Result<Api<Event>, ExecutorError> {
        let cluster = self.cluster().await?;
        Ok(Api::namespaced(cluster.client().clone(), cluster.namespace()))
    }

    /// What the cluster said, with what was being done.
    pub(super) async fn error(&self, doing: &str, error: &kube::Error) -> ExecutorError {
        let failure = refused(doing, error);
        if failure.code == code::UNAUTHORIZED {
            self.give_up().await;
        }
        failed(failure)
    }
}

/// A failure with a cluster as an executor tells it.
pub(super) fn failed(failure: ClusterFailure) -> ExecutorError {
    let ClusterFailure { code, message, advice, class } = failure;
    match class {
        FailureClass::Infrastructure => ExecutorError::Infrastructure { code, message, advice },
        _ => ExecutorError::BadStep { code, message, advice },
    }
}

/// Whether the cluster has no such thing.
pub(super) fn is_missing(error: &kube::Error) -> bool {
    status(error) == Some(404)
}

/// Whether the cluster has a thing of that name, or it was changed meanwhile.
pub(super) fn is_conflict(error: &kube::Error) -> bool {
    status(error) == Some(409)
}

/// What the API server answered; `None` when it did not.
pub(super) fn status(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}
