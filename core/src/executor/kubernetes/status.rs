//! What the status of a pod says of a container in it. Pure.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodStatus};

use crate::executor::ExecutorError;
use crate::explain::{code, pod_trouble};
use crate::run::{Cause, WaitReason};

/// What to do when a registry wants to know who asks.
const PASSWORD: &str = "Name a credential that may read the image: in the task `container: {credential: NAME}`, or with its \
                        service; or give the executor a pull secret of the namespace.";

/// How it is with a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It runs.
    Running,
    /// It ran, or will never run. The text says what was found.
    Over(String),
    /// It never ran and cannot: its program could not be started.
    NotStarted(String),
    /// It does not run yet.
    Waiting(Hindrance),
}

/// What a container waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// Nothing in particular: it is being started.
    Starting,
    /// No node has room for its pod: the scheduler's own sentence.
    NoRoom(String),
    /// Something that may pass, or may not.
    Trouble(Cause),
    /// Something that does not pass.
    Hopeless(Cause),
}

/// Of a container by its name.
pub(super) fn standing(pod: &Pod, container: &str) -> Standing {
    let Some(status) = &pod.status else { return Standing::Waiting(Hindrance::Starting) };
    let own = statuses(status).find(|status| status.name == container);
    if let Some(reason) = ended_pod(status) {
        return Standing::Over(reason);
    }
    let state = own.and_then(|own| own.state.as_ref());
    match state {
        Some(ContainerState { running: Some(_), .. }) => Standing::Running,
        Some(ContainerState { terminated: Some(ended), .. }) if never_ran(ended) => {
            Standing::NotStarted(ended.message.clone().unwrap_or_default())
        }
        Some(ContainerState { terminated: Some(ended), .. }) => Standing::Over(told(ended)),
        _ => Standing::Waiting(hindrance(pod, container)),
    }
}

/// The names of its containers, whatever they are.
pub(super) fn has_container(pod: &Pod, container: &str) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let late = spec.ephemeral_containers.iter().flatten().any(|late| late.name == container);
    late || spec.containers.iter().any(|early| early.name == container)
}

/// The containers of a pod that run, the keeper first.
pub(super) fn running(pod: &Pod) -> Vec<String> {
    let status = pod.status.iter().flat_map(statuses);
    let runs = |status: &&ContainerStatus| status.state.as_ref().is_some_and(|state| state.running.is_some());
    let mut names: Vec<String> = status.filter(runs).map(|status| status.name.clone()).collect();
    names.sort_by_key(|name| name != super::convert::KEEPER);
    names
}

/// The containers of a pod in which something may run, and whether the cluster knows that they do: nodes tell up to a second late.
pub(super) fn may_run(pod: &Pod) -> Vec<(String, bool)> {
    let told = running(pod);
    let ended = |name: &str| matches!(standing(pod, name), Standing::Over(_) | Standing::NotStarted(_));
    let spec = pod.spec.iter();
    let early = spec.clone().flat_map(|spec| &spec.containers).map(|container| &container.name);
    let late = spec.flat_map(|spec| spec.ephemeral_containers.iter().flatten()).map(|container| &container.name);
    let all = early.chain(late).filter(|name| !ended(name));
    all.map(|name| (name.clone(), told.contains(name))).collect()
}

pub(super) fn statuses(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.container_statuses.iter().flatten().chain(status.ephemeral_container_statuses.iter().flatten())
}

/// Why a pod is over as a whole.
pub(super) fn ended_pod(status: &PodStatus) -> Option<String> {
    let after = |message: &Option<String>| message.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
    match (status.phase.as_deref(), status.reason.as_deref()) {
        (Some("Failed"), Some(reason)) => Some(format!("its pod failed ({reason}){}", after(&status.message))),
        (Some("Failed"), None) => Some(format!("its pod failed{}{}", after(&status.message), memory(status))),
        (Some("Succeeded"), _) => Some("its pod ended".to_owned()),
        _ => None,
    }
}

fn memory(status: &PodStatus) -> &'static str {
    let oom = |status: &ContainerStatus| {
        let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
        ended.is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled"))
    };
    if statuses(status).any(oom) { ", out of memory" } else { "" }
}

pub(super) fn told(ended: &ContainerStateTerminated) -> String {
    match ended.reason.as_deref() {
        Some("OOMKilled") => "its container was killed, out of memory".to_owned(),
        Some(reason) => format!("its container ended ({reason}, exit code {})", ended.exit_code),
        None => format!("its container ended with exit code {}", ended.exit_code),
    }
}

fn never_ran(ended: &ContainerStateTerminated) -> bool {
    matches!(ended.reason.as_deref(), Some("StartError" | "ContainerCannotRun"))
}

fn hindrance(pod: &Pod, container: &str) -> Hindrance {
    let Ok(json) = serde_json::to_value(only(pod, container)) else { return Hindrance::Starting };
    if let Some(sentence) = unschedulable(pod) {
        return Hindrance::NoRoom(sentence);
    }
    let Some(trouble) = pod_trouble(&json) else { return Hindrance::Starting };
    let mut cause = trouble.cause;
    if cause.code == code::ROLLOUT_STUCK {
        cause.code = code::POD_STUCK.to_owned();
    }
    if wants_password(&cause) {
        cause.advice = PASSWORD.to_owned();
    }
    if trouble.hopeless || is_hopeless(&cause) { Hindrance::Hopeless(cause) } else { Hindrance::Trouble(cause) }
}

fn says(cause: &Cause, words: &[&str]) -> bool {
    words.iter().any(|word| cause.message.contains(word))
}

/// Whether the registry does not know who asks, or does not let him.
fn wants_password(cause: &Cause) -> bool {
    let words = ["401", "403", "authorization failed", "unauthorized", "denied", "no basic auth"];
    cause.code == code::IMAGE_PULL && says(cause, &words)
}

/// The registry and the cluster say the same tomorrow.
fn is_hopeless(cause: &Cause) -> bool {
    let says = |words: &[&str]| says(cause, words);
    match cause.code.as_str() {
        code::IMAGE_PULL => {
            let gone = ["not found", "manifest unknown", "repository does not exist"];
            wants_password(cause) || says(&gone) || says(&["not present with pull policy of Never"])
        }
        code::POD_STUCK => says(&["non-root", "runAsNonRoot"]),
        _ => false,
    }
}

/// The pod with the status of one container only.
fn only(pod: &Pod, container: &str) -> Pod {
    let mut pod = Pod { status: pod.status.clone(), ..Pod::default() };
    if let Some(status) = &mut pod.status {
        let mut own: Vec<ContainerStatus> = statuses(status).filter(|of| of.name == container).cloned().collect();
        own.iter_mut().for_each(|own| own.last_state = None);
        status.container_statuses = Some(own);
    }
    pod
}

fn unschedulable(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions.iter().find(|condition| condition.type_ == "PodScheduled")?;
    (scheduled.status == "False").then(|| scheduled.message.clone().unwrap_or_default())
}

impl Hindrance {
    /// For the person who waits.
    pub(super) fn reason(&self, image: &str) -> WaitReason {
        match self {
            Self::Starting => WaitReason::new("startingPod", format!("a container of the image {image} is started")),
            Self::NoRoom(sentence) => WaitReason::new("unschedulable", format!("no node takes the pod: {sentence}")),
            Self::Trouble(cause) | Self::Hopeless(cause) => {
                WaitReason::new(cause.code.clone(), format!("{}. {}", cause.message, cause.advice))
            }
        }
    }
}

/// What stays in the way as the error of a step.
pub(super) fn stuck(cause: &Cause) -> ExecutorError {
    let code = match cause.code.as_str() {
        code::IMAGE_PULL => code::IMAGE_PULL,
        code::OUT_OF_MEMORY => code::OUT_OF_MEMORY,
        _ => code::POD_STUCK,
    };
    ExecutorError::BadStep { code, message: cause.message.clone(), advice: cause.advice.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(status: serde_json::Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap()
    }

    fn container(state: serde_json::Value) -> serde_json::Value {
        json!({"name": "s-1", "image": "app:1", "imageID": "", "ready": false, "restartCount": 0, "state": state})
    }

    #[test]
    fn a_container_runs_whatever_its_siblings_wait_for() {
        let bad = json!({"name": "bad", "image": "none:1", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "none:1: not found"}}});
        let pod = pod(json!({"phase": "Pending", "containerStatuses": [bad, container(json!({"running": {}}))]}));
        assert_eq!(standing(&pod, "s-1"), Standing::Running);
        let Standing::Waiting(Hindrance::Hopeless(cause)) = standing(&pod, "bad") else { panic!("it is not stuck") };
        assert_eq!(cause.code, code::IMAGE_PULL);
        assert_eq!(standing(&pod, "unknown"), Standing::Waiting(Hindrance::Starting));
    }

    #[test]
    fn what_no_node_takes_waits_with_the_schedulers_sentence() {
        let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu."});
        let pod = pod(json!({"phase": "Pending", "conditions": [condition]}));
        let sentence = "0/1 nodes are available: 1 Insufficient cpu.".to_owned();
        assert_eq!(standing(&pod, "s-1"), Standing::Waiting(Hindrance::NoRoom(sentence)));
    }

    #[test]
    fn an_end_says_why() {
        let evicted = pod(json!({"phase": "Failed", "reason": "Evicted", "message": "the node was low on disk"}));
        let Standing::Over(why) = standing(&evicted, "s-1") else { panic!("it is not over") };
        assert_eq!(why, "its pod failed (Evicted): the node was low on disk");
        let killed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let killed = pod(json!({"phase": "Running", "containerStatuses": [container(killed)]}));
        assert_eq!(standing(&killed, "s-1"), Standing::Over("its container was killed, out of memory".to_owned()));
        let never = json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": "no such file"}});
        let never = pod(json!({"phase": "Running", "containerStatuses": [container(never)]}));
        assert_eq!(standing(&never, "s-1"), Standing::NotStarted("no such file".to_owned()));
    }
}
