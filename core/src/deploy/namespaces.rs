//! The namespaces that a deployment needs.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;

use super::objects::Target;
use super::options::DeployOptions;
use super::progress::Progress;
use crate::cluster::{Cluster, NamespaceState};
use crate::explain::{ClusterFailure, code};

/// The namespaces that objects go to, without those that are among the objects.
fn needed(targets: &[Target]) -> BTreeSet<&str> {
    let own = |target: &&Target| target.manifest.kind() == "Namespace";
    let made: BTreeSet<&str> = targets.iter().filter(own).map(|target| target.manifest.name()).collect();
    let wanted = targets.iter().filter_map(|target| target.manifest.namespace());
    wanted.filter(|namespace| !made.contains(namespace)).collect()
}

/// Makes the namespaces that are missing where that was asked for, and says which are missing otherwise.
pub(super) async fn ensure(
    cluster: &Cluster,
    targets: &[Target],
    options: &DeployOptions,
    progress: &dyn Progress,
) -> Result<(), ClusterFailure> {
    for namespace in needed(targets) {
        if options.create_namespace {
            if cluster.make_namespace(namespace).await? == NamespaceState::Made {
                progress.line(&format!("Namespace {namespace}: made")).await;
            }
        } else if is_missing(cluster, namespace).await {
            return Err(missing(namespace));
        }
    }
    Ok(())
}

/// Only a cluster that knows for certain says so: who may not look at namespaces may still deploy into one.
pub(super) async fn is_missing(cluster: &Cluster, namespace: &str) -> bool {
    let api: Api<Namespace> = Api::all(cluster.client().clone());
    matches!(api.get_opt(namespace).await, Ok(None))
}

/// The namespaces of a deployment that are not there yet.
pub(super) async fn absent(cluster: &Cluster, targets: &[Target]) -> BTreeSet<String> {
    let mut absent = BTreeSet::new();
    for target in targets {
        let own = (target.manifest.kind() == "Namespace").then(|| target.manifest.name());
        for namespace in own.into_iter().chain(target.manifest.namespace()) {
            if !absent.contains(namespace) && is_missing(cluster, namespace).await {
                absent.insert(namespace.to_owned());
            }
        }
    }
    absent
}

pub(super) fn missing(namespace: &str) -> ClusterFailure {
    let advice = format!(
        "Create it (`kubectl create namespace {namespace}`), put a Namespace into the files, or let the task make it: \
         `createNamespace: true`."
    );
    ClusterFailure::failed(code::NO_NAMESPACE, format!("the cluster has no namespace {namespace:?}"), advice)
}
