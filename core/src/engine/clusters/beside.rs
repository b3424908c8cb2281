//! The clusters of a data directory, looked at beside an engine that may work on it.

use super::book::ClusterBook;
use super::{ClusterStatus, EngineBuilder};
use crate::cluster::{Cluster, ClusterSource};
use crate::error::Result;
use crate::explain::ClusterFailure;

/// What an engine would know of clusters. Changes nothing.
pub(crate) struct ClustersBeside {
    book: ClusterBook,
}

impl ClustersBeside {
    pub(crate) fn open(builder: EngineBuilder) -> Result<Self> {
        Ok(Self { book: builder.clusters_beside()? })
    }

    pub(crate) async fn list(&self) -> Result<Vec<ClusterStatus>> {
        self.book.statuses().await
    }

    pub(crate) async fn test(&self, name: &str) -> Result<ClusterStatus> {
        Ok(self.book.status(self.book.find(name).await?).await)
    }

    /// A connection to the cluster of this name; without a name to the only one.
    pub(crate) async fn connect(&self, name: Option<&str>) -> Result<Cluster, ClusterFailure> {
        self.book.cluster(name).await
    }
}
