//! The tests of credentials that the engine brings along, where the embedder has none of its own.

#[cfg(feature = "git")]
mod remotes;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::secret::{CredentialTest, TargetKind};

#[cfg(feature = "git")]
pub(super) use remotes::of_remotes;

/// How credentials are tried, by what they are tried on.
pub(super) type Tests = BTreeMap<TargetKind, Arc<dyn CredentialTest>>;

/// Adds that of clusters.
#[cfg(feature = "kubernetes")]
pub(super) fn of_clusters(mut tests: Tests) -> Tests {
    tests.entry(TargetKind::Cluster).or_insert_with(|| Arc::new(crate::cluster::ClusterTest));
    tests
}
