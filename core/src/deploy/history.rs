//! The revisions that a workload had.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ControllerRevision, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::ListParams;
use serde::Serialize;
use serde_json::Value;

use super::workload::WorkloadKind;
use crate::cluster::{Cluster, refused};
use crate::explain::ClusterFailure;

/// A revision that a workload had.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Its number. An undo gives an old revision a new number.
    pub number: i64,
    /// When it was made.
    pub made: Option<Timestamp>,
    /// Why, by the annotation `kubernetes.io/change-cause`.
    pub cause: Option<String>,
    /// The images of its containers.
    pub images: Vec<String>,
    /// Whether it is the one that is wanted now.
    pub current: bool,
    /// Its pods.
    #[serde(skip)]
    pub(super) template: Value,
}

/// The revisions of a workload, the oldest first.
pub(super) async fn of(
    cluster: &Cluster,
    kind: WorkloadKind,
    namespace: &str,
    owner: &Value,
) -> Result<Vec<Revision>, ClusterFailure> {
    let mut revisions = match kind {
        WorkloadKind::Deployment => of_deployment(cluster, namespace, owner).await?,
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => of_controller(cluster, namespace, owner).await?,
    };
    revisions.sort_by_key(|revision| revision.number);
    let newest = revisions.last().map(|revision| revision.number);
    for revision in &mut revisions {
        revision.current = Some(revision.number) == newest;
    }
    Ok(revisions)
}

const REVISION: &str = "deployment.kubernetes.io/revision";
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

async fn of_deployment(cluster: &Cluster, namespace: &str, owner: &Value) -> Result<Vec<Revision>, ClusterFailure> {
    let api: Api<ReplicaSet> = Api::namespaced(cluster.client().clone(), namespace);
    let listed = api.list(&ListParams::default()).await;
    let listed = listed.map_err(|error| refused(&format!("the replica sets in {namespace:?}"), &error))?;
    let own = listed.items.into_iter().filter(|set| is_owned(&set.metadata, owner));
    Ok(own.filter_map(|set| of_replica_set(&set)).collect())
}

fn of_replica_set(set: &ReplicaSet) -> Option<Revision> {
    let number = annotation(&set.metadata, REVISION)?.parse().ok()?;
    let mut template = serde_json::to_value(set.spec.as_ref()?.template.as_ref()?).ok()?;
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    Some(revision(number, &set.metadata, template))
}

async fn of_controller(cluster: &Cluster, namespace: &str, owner: &Value) -> Result<Vec<Revision>, ClusterFailure> {
    let api: Api<ControllerRevision> = Api::namespaced(cluster.client().clone(), namespace);
    let listed = api.list(&ListParams::default()).await;
    let listed = listed.map_err(|error| refused(&format!("the revisions in {namespace:?}"), &error))?;
    let own = listed.items.into_iter().filter(|found| is_owned(&found.metadata, owner));
    Ok(own
        .filter_map(|found| {
            let mut template = found.data.as_ref()?.0.pointer("/spec/template")?.clone();
            if let Some(template) = template.as_object_mut() {
                template.remove("$patch");
            }
            Some(revision(found.revision, &found.metadata, template))
        })
        .collect())
}

fn revision(number: i64, metadata: &ObjectMeta, template: Value) -> Revision {
    let containers = template.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    let images = containers.filter_map(|container| Some(container.get("image")?.as_str()?.to_owned())).collect();
    Revision {
        number,
        made: metadata.creation_timestamp.as_ref().map(|at| at.0),
        cause: annotation(metadata, CHANGE_CAUSE).map(str::to_owned),
        images,
        current: false,
        template,
    }
}

fn annotation<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

fn is_owned(metadata: &ObjectMeta, owner: &Value) -> bool {
    let uid = owner.pointer("/metadata/uid").and_then(Value::as_str);
    metadata.owner_references.iter().flatten().any(|reference| Some(reference.uid.as_str()) == uid)
}
