//! Which kinds a cluster serves, and how.

use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Api, Client};

use super::manifest::Manifest;
use super::workload::WorkloadKind;
use crate::cluster::{Cluster, refused};
use crate::explain::{ClusterFailure, api_not_served};

/// Which kinds a cluster serves, as it said when it was asked.
pub(super) struct Served {
    client: Client,
    discovery: Discovery,
}

/// A kind that the cluster serves.
#[derive(Clone, Debug)]
pub(super) struct ServedKind {
    pub(super) resource: ApiResource,
    pub(super) scope: Scope,
}

impl ServedKind {
    /// Every cluster serves these.
    pub(super) fn of_workload(kind: WorkloadKind) -> Self {
        Self { resource: kind.resource(), scope: Scope::Namespaced }
    }
}

impl Served {
    pub(super) async fn ask(cluster: &Cluster) -> Result<Self, ClusterFailure> {
        let client = cluster.client().clone();
        let discovery = match Discovery::new(client.clone()).run_aggregated().await {
            Ok(discovery) => discovery,
            // Clusters before 1.26 are asked group by group.
            Err(_) => {
                let asked = Discovery::new(client.clone()).run().await;
                asked.map_err(|error| refused(&format!("the cluster {:?}", cluster.name()), &error))?
            }
        };
        Ok(Self { client, discovery })
    }

    /// The kind of a manifest.
    ///
    /// # Errors
    /// `apiNotServed`, with the version to write instead.
    pub(super) fn kind(&self, manifest: &Manifest) -> Result<ServedKind, ClusterFailure> {
        self.find(manifest.api_version(), manifest.kind()).ok_or_else(|| {
            let versions = self.versions_of(manifest.kind());
            let object = format!("{} ({})", manifest.title(), manifest.place());
            api_not_served(&object, manifest.api_version(), manifest.kind(), &versions)
        })
    }

    pub(super) fn find(&self, api_version: &str, kind: &str) -> Option<ServedKind> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let wanted = GroupVersionKind::gvk(group, version, kind);
        let (resource, capabilities) = self.discovery.resolve_gvk(&wanted)?;
        Some(ServedKind { resource, scope: capabilities.scope })
    }

    /// The kind in the version that the cluster prefers, when its objects can be listed and deleted.
    pub(super) fn removable(&self, group: &str, kind: &str) -> Option<ServedKind> {
        let (resource, capabilities) = self.discovery.get(group)?.recommended_kind(kind)?;
        let can = |verb| capabilities.supports_operation(verb);
        (can(verbs::LIST) && can(verbs::DELETE)).then_some(ServedKind { resource, scope: capabilities.scope })
    }

    /// The API versions in which the cluster serves a kind.
    fn versions_of(&self, kind: &str) -> Vec<String> {
        let mut versions = Vec::new();
        for group in self.discovery.groups_alphabetical() {
            for version in group.versions() {
                let resources = group.versioned_resources(version);
                let found = resources.into_iter().find(|(resource, _)| resource.kind == kind);
                versions.extend(found.map(|(resource, _)| resource.api_version));
            }
        }
        versions
    }

    /// The objects of a kind in a namespace, or in the whole cluster for kinds that have none.
    pub(super) fn api(&self, kind: &ServedKind, namespace: Option<&str>) -> Api<DynamicObject> {
        match (&kind.scope, namespace) {
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(self.client.clone(), namespace, &kind.resource)
            }
            _ => Api::all_with(self.client.clone(), &kind.resource),
        }
    }
}
