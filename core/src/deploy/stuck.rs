//! Why a rollout is stuck: what the pods say themselves, and their last lines.

use k8s_openapi::api::core::v1::{Event, Pod, Secret};
use kube::Api;
use kube::api::{ListParams, LogParams};
use serde_json::Value;

use super::manifest::title;
use crate::cluster::{Cluster, refused};
use crate::explain::{ApiRefusal, ClusterFailure, PodTrouble, api_refusal, code, pod_trouble};

/// How many lines of a container's log are shown.
const LINES: i64 = 10;
/// The longest piece of a log that is shown, in bytes.
const BYTES: i64 = 8 * 1024;

/// Why an object does not get where it shall.
pub(super) struct Explanation {
    /// The failure, with the words of the first pod that says something.
    pub(super) failure: ClusterFailure,
    /// The last lines of what fails, each with the pod before it.
    pub(super) lines: Vec<String>,
    /// Whether waiting longer cannot help.
    pub(super) hopeless: bool,
}

/// Looks why an object does not get where it shall. `how` says how far it is.
pub(super) async fn explain(cluster: &Cluster, object: &Value, how: &str) -> Explanation {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let namespace = text("/metadata/namespace");
    let name = title(text("/kind"), Some(namespace).filter(|namespace| !namespace.is_empty()), text("/metadata/name"));
    let message = format!("{name}: {how}");
    if let Some((pod, trouble)) = first_trouble(cluster, object, namespace).await {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let lines = last_lines(cluster, namespace, name, trouble.container.as_deref()).await;
        let message = format!("{message}; pod {name}: {}", trouble.cause.message);
        let mut failure = ClusterFailure::failed(known(&trouble.cause.code), message, trouble.cause.advice);
        if failure.code == code::IMAGE_PULL {
            failure = without_secret(failure, &missing_pull_secrets(cluster, &pod, namespace).await, namespace);
        }
        return Explanation { failure, lines, hopeless: trouble.hopeless };
    }
    let said = if is_refusal(how) { None } else { last_warning(cluster, object, namespace).await };
    let failure = match said {
        _ if is_refusal(how) => of_event(&name, how),
        Some(said) => of_event(&message, &said),
        None => {
            ClusterFailure::failed(code::ROLLOUT_STUCK, message, "Give it more time (`wait`), or look at its pods.")
        }
    };
    Explanation { failure, lines: Vec::new(), hopeless: false }
}

/// What keeps an object's pods from being made is an API refusal of its own, told in an event or a condition.
fn of_event(message: &str, said: &str) -> ClusterFailure {
    let refusal =
        ApiRefusal { status: 403, reason: "Forbidden".to_owned(), message: said.to_owned(), ..ApiRefusal::default() };
    if is_refusal(said) {
        return api_refusal(message, &refusal);
    }
    ClusterFailure::failed(code::ROLLOUT_STUCK, format!("{message}; the cluster says: {said}"), "")
}

fn is_refusal(said: &str) -> bool {
    said.contains("is forbidden") || said.contains("denied the request")
}

/// The codes that a pod's trouble can have.
fn known(code: &str) -> &'static str {
    [code::IMAGE_PULL, code::OUT_OF_MEMORY].into_iter().find(|known| *known == code).unwrap_or(code::ROLLOUT_STUCK)
}

/// The pods that an object's selector takes, newest first.
pub(super) async fn pods_of(cluster: &Cluster, object: &Value, namespace: &str) -> Result<Vec<Pod>, ClusterFailure> {
    let Some(selector) = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object) else {
        return Ok(Vec::new());
    };
    let labels: Vec<String> =
        selector.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    let api: Api<Pod> = Api::namespaced(cluster.client().clone(), namespace);
    let listed = api.list(&ListParams::default().labels(&labels.join(","))).await;
    let mut pods = listed.map_err(|error| refused(&format!("the pods in {namespace:?}"), &error))?.items;
    pods.sort_by(|one, other| other.metadata.creation_timestamp.cmp(&one.metadata.creation_timestamp));
    Ok(pods)
}

/// The pull secrets that a pod names and its namespace does not have. Who may not look knows of none.
async fn missing_pull_secrets(cluster: &Cluster, pod: &Pod, namespace: &str) -> Vec<String> {
    let api: Api<Secret> = Api::namespaced(cluster.client().clone(), namespace);
    let mut missing = Vec::new();
    for named in pod.spec.iter().flat_map(|spec| spec.image_pull_secrets.iter().flatten()) {
        if matches!(api.get_metadata_opt(&named.name).await, Ok(None)) {
            missing.push(named.name.clone());
        }
    }
    missing
}

fn without_secret(failure: ClusterFailure, missing: &[String], namespace: &str) -> ClusterFailure {
    let [first, ..] = missing else { return failure };
    let message = format!(
        "{}; the namespace {namespace:?} does not have the pull secret {first:?} that the pod names",
        failure.message
    );
    let advice = format!(
        "Create it (`kubectl create secret docker-registry {first} --namespace {namespace} …`), or give the task a \
         `pullCredential`: it makes one and attaches it."
    );
    ClusterFailure { message, advice, ..failure }
}

async fn first_trouble(cluster: &Cluster, object: &Value, namespace: &str) -> Option<(Pod, PodTrouble)> {
    let pods = pods_of(cluster, object, namespace).await.ok()?;
    pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).find_map(|pod| {
        let trouble = pod_trouble(&serde_json::to_value(&pod).ok()?)?;
        Some((pod, trouble))
    })
}

/// The last lines of a container, of its life before when this one has said nothing yet.
async fn last_lines(cluster: &Cluster, namespace: &str, pod: &str, container: Option<&str>) -> Vec<String> {
    let Some(container) = container else { return Vec::new() };
    let api: Api<Pod> = Api::namespaced(cluster.client().clone(), namespace);
    for previous in [false, true] {
        let parameters = LogParams {
            container: Some(container.to_owned()),
            previous,
            tail_lines: Some(LINES),
            limit_bytes: Some(BYTES),
            ..LogParams::default()
        };
        let Ok(text) = api.logs(pod, &parameters).await else { continue };
        if !text.trim().is_empty() {
            return text.lines().map(|line| format!("{pod}/{container} | {line}")).collect();
        }
    }
    Vec::new()
}

/// The newest warning about an object, or about what it made to make its pods.
async fn last_warning(cluster: &Cluster, object: &Value, namespace: &str) -> Option<String> {
    let name = object.pointer("/metadata/name")?.as_str()?;
    let api: Api<Event> = Api::namespaced(cluster.client().clone(), namespace);
    let events = api.list(&ListParams::default().fields("type=Warning")).await.ok()?.items;
    let about = |event: &&Event| {
        let of = event.involved_object.name.as_deref().unwrap_or_default();
        of == name || of.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
    };
    // Other warnings are about the node, and keep nothing from running.
    let tells = |event: &&Event| {
        let reason = event.reason.as_deref().unwrap_or_default();
        ["Failed", "BackOff", "Unhealthy", "Evicted"].iter().any(|word| reason.contains(word))
    };
    let newest =
        events.iter().filter(about).filter(tells).max_by_key(|event| event.last_timestamp.clone().map(|at| at.0))?;
    newest.message.clone()
}
