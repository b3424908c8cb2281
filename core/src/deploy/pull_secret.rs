//! The secret with which pods pull their images: made in each namespace, and attached to each pod.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::FIELD_MANAGER;
use super::objects::Target;
use super::options::PullSecret;
use super::progress::Progress;
use crate::cluster::{Cluster, MANAGED_BY, refused};
use crate::explain::ClusterFailure;

/// Makes the secret in each namespace that has pods of the deployment.
pub(super) async fn make_all(
    cluster: &Cluster,
    targets: &[Target],
    secret: &PullSecret,
    progress: &dyn Progress,
) -> Result<(), ClusterFailure> {
    let with_pods = targets.iter().filter(|target| pod_spec(target.manifest.kind()).is_some());
    let namespaces: BTreeSet<&str> = with_pods.filter_map(|target| target.manifest.namespace()).collect();
    for namespace in namespaces {
        make(cluster, namespace, targets, secret, progress).await?;
    }
    Ok(())
}

/// Attaches the secret to all pods of the deployment.
pub(super) async fn attach(cluster: &Cluster, targets: &mut [Target], secret: &PullSecret) {
    for at in 0..targets.len() {
        let target = &targets[at];
        let Some(pointer) = pod_spec(target.manifest.kind()) else { continue };
        let Some(namespace) = target.manifest.namespace().map(str::to_owned) else { continue };
        let account =
            targets[at].manifest.object().pointer(pointer).and_then(account_of).unwrap_or("default").to_owned();
        let others = secrets_of(cluster, targets, &namespace, &account).await;
        if let Some(pod) = targets[at].manifest.object_mut().pointer_mut(pointer) {
            add(pod, &secret.name, &others);
        }
    }
}

/// Where the specification of the pods stands in an object of a kind.
pub(super) fn pod_spec(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" => Some("/spec"),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => Some("/spec/template/spec"),
        "CronJob" => Some("/spec/jobTemplate/spec/template/spec"),
        _ => None,
    }
}

fn account_of(pod: &Value) -> Option<&str> {
    pod.get("serviceAccountName").or_else(|| pod.get("serviceAccount"))?.as_str()
}

/// The secrets of a service account, among the manifests or in the cluster. A pod that names a secret itself no longer gets them by
/// itself, so that they are named as well.
async fn secrets_of(cluster: &Cluster, targets: &[Target], namespace: &str, account: &str) -> Vec<String> {
    let own = targets.iter().map(|target| &target.manifest).find(|manifest| {
        manifest.kind() == "ServiceAccount" && manifest.name() == account && manifest.namespace() == Some(namespace)
    });
    if let Some(own) = own {
        let named = own.object().get("imagePullSecrets").and_then(Value::as_array).into_iter().flatten();
        return named.filter_map(|secret| secret.get("name")?.as_str().map(str::to_owned)).collect();
    }
    let api: Api<ServiceAccount> = Api::namespaced(cluster.client().clone(), namespace);
    let found = api.get_opt(account).await.ok().flatten();
    let named = found.and_then(|account| account.image_pull_secrets).unwrap_or_default();
    named.into_iter().map(|secret| secret.name).collect()
}

/// Adds secrets to the specification of a pod, each once.
pub(super) fn add(pod: &mut Value, secret: &str, others: &[String]) {
    let mut list = pod.get("imagePullSecrets").and_then(Value::as_array).cloned().unwrap_or_default();
    // What the pod names itself was chosen instead of the account's.
    let others = if list.is_empty() { others } else { &[] };
    for name in others.iter().map(String::as_str).chain([secret]) {
        if list.iter().all(|listed| listed.get("name").and_then(Value::as_str) != Some(name)) {
            list.push(json!({ "name": name }));
        }
    }
    pod["imagePullSecrets"] = Value::Array(list);
}

/// Makes the secret, or gives the one that Windlass made the password of now. One that somebody else made stays as it is.
async fn make(
    cluster: &Cluster,
    namespace: &str,
    targets: &[Target],
    secret: &PullSecret,
    progress: &dyn Progress,
) -> Result<(), ClusterFailure> {
    let title = format!("Secret {namespace}/{}", secret.name);
    let api: Api<Secret> = Api::namespaced(cluster.client().clone(), namespace);
    let found = api.get_opt(&secret.name).await.map_err(|error| refused(&title, &error))?;
    let (key, value) = MANAGED_BY;
    let of_others = found.as_ref().is_some_and(|found| {
        found.metadata.labels.as_ref().and_then(|labels| labels.get(key)).is_none_or(|by| by != value)
    });
    if of_others {
        return Ok(());
    }
    let servers = match &secret.server {
        Some(server) => BTreeSet::from([server.clone()]),
        None => targets.iter().flat_map(|target| registries(target.manifest.object())).collect(),
    };
    let mut wanted = Secret { type_: Some("kubernetes.io/dockerconfigjson".to_owned()), ..Secret::default() };
    wanted.metadata.name = Some(secret.name.clone());
    wanted.metadata.labels = Some([(key.to_owned(), value.to_owned())].into());
    let config = docker_config(&servers, secret);
    wanted.data = Some(BTreeMap::from([(".dockerconfigjson".to_owned(), ByteString(config.into_bytes()))]));
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&secret.name, &parameters, &Patch::Apply(&wanted)).await.map_err(|error| refused(&title, &error))?;
    if found.is_none() {
        progress.line(&format!("{title}: made, for {}", servers.into_iter().collect::<Vec<_>>().join(", "))).await;
    }
    Ok(())
}

/// What the container runtimes of nodes read.
fn docker_config(servers: &BTreeSet<String>, secret: &PullSecret) -> String {
    let auth = STANDARD.encode(format!("{}:{}", secret.user, secret.password.expose()));
    let entry = json!({ "username": secret.user, "password": secret.password.expose(), "auth": auth });
    let entries: serde_json::Map<String, Value> =
        servers.iter().map(|server| (server.clone(), entry.clone())).collect();
    json!({ "auths": entries }).to_string()
}

/// The registries of the images in an object.
pub(super) fn registries(object: &Value) -> BTreeSet<String> {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let Some(pod) = pod_spec(kind).and_then(|pointer| object.pointer(pointer)) else { return BTreeSet::new() };
    let containers = ["initContainers", "containers"].iter().filter_map(|list| pod.get(*list)?.as_array()).flatten();
    let images = containers.filter_map(|container| container.get("image")?.as_str());
    images.map(registry).collect()
}

/// The registry of an image: `registry:5000/team/web:1` has `registry:5000`, `nginx` that of Docker.
fn registry(image: &str) -> String {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first.to_owned(),
        _ => "https://index.docker.io/v1/".to_owned(),
    }
}
