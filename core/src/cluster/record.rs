//! Clusters as an engine keeps them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::access::ClusterAccess;
use super::connect::Cluster;
use crate::explain::ClusterFailure;
use crate::run::Now;

/// A cluster that is to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCluster {
    /// Its name: lower-case ASCII letters, digits and `-`, at most 40, beginning with a letter and not ending with `-`.
    pub name: String,
    /// How its API server is reached.
    pub access: ClusterAccess,
    /// Where Windlass makes its pods, and where objects go that name no namespace. `windlass-NAME` unless set. It is made in
    /// the cluster when it is missing.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// A cluster that the engine keeps. It holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredCluster {
    /// Its name.
    pub name: String,
    /// How its API server is reached.
    pub access: ClusterAccess,
    /// Where Windlass makes its pods, and where objects go that name no namespace.
    pub namespace: String,
    /// When it was added.
    pub added: Now,
    /// Who added it; may be empty.
    pub added_by: String,
}

/// Where connections to clusters come from.
#[async_trait]
pub(crate) trait ClusterSource: std::fmt::Debug + Send + Sync + 'static {
    /// A connection to the cluster of this name; without a name to the only one that there is.
    async fn cluster(&self, name: Option<&str>) -> Result<Cluster, ClusterFailure>;
}

/// The namespace of Windlass' own in a cluster of this name.
pub(crate) fn own_namespace(cluster: &str) -> String {
    format!("windlass-{cluster}")
}

/// What is wrong with the name of a cluster.
pub(crate) fn name_problem(name: &str) -> Option<&'static str> {
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.len() <= 40
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    (!fits).then_some(
        "write lower-case letters, digits and `-`, at most 40, beginning with a letter and not ending with `-`",
    )
}
