//! Why a pod does not run, by what its own status says.

use serde_json::Value;

use super::code;
use crate::run::Cause;

/// What keeps a pod from running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTrouble {
    /// The container that it is about; `None` for the whole pod.
    pub container: Option<String>,
    /// For people.
    pub cause: Cause,
    /// Whether it can end well by itself.
    pub hopeless: bool,
}

/// The first thing in a pod's status that keeps it from running. `pod` is its JSON.
pub fn pod_trouble(pod: &Value) -> Option<PodTrouble> {
    let status = pod.get("status")?;
    let of_pod = |cause, hopeless| Some(PodTrouble { container: None, cause, hopeless });
    if let Some(reason) = text(status, "reason") {
        let message = format!("the pod failed: {reason}{}", after(text(status, "message")));
        return of_pod(Cause::new(code::ROLLOUT_STUCK, message, eviction(reason)), true);
    }
    if let Some(sentence) = unschedulable(status) {
        let advice =
            "Ask for less (`resources.requests`), free or add nodes, or correct nodeSelector, tolerations and claims.";
        return of_pod(Cause::new(code::ROLLOUT_STUCK, format!("no node takes the pod: {sentence}"), advice), false);
    }
    ["initContainerStatuses", "containerStatuses"]
        .iter()
        .filter_map(|list| status.get(*list)?.as_array())
        .flatten()
        .find_map(container_trouble)
}

fn unschedulable(status: &Value) -> Option<&str> {
    let conditions = status.get("conditions")?.as_array()?;
    let scheduled = conditions.iter().find(|condition| text(condition, "type") == Some("PodScheduled"))?;
    (text(scheduled, "status") == Some("False")).then(|| text(scheduled, "message")).flatten()
}

fn eviction(reason: &str) -> &'static str {
    match reason {
        "Evicted" => {
            "The node ran out of something: give the pod requests that are true, and `ephemeral-storage` where it writes much."
        }
        "DeadlineExceeded" => "Its `activeDeadlineSeconds` are over: raise them, or find out what takes so long.",
        _ => "",
    }
}

fn container_trouble(status: &Value) -> Option<PodTrouble> {
    let name = text(status, "name").unwrap_or("?");
    let image = text(status, "image").unwrap_or("its image");
    let waiting = status.pointer("/state/waiting");
    let ended = status.pointer("/state/terminated").or_else(|| status.pointer("/lastState/terminated"));
    let (cause, hopeless) = match waiting.and_then(|waiting| text(waiting, "reason")) {
        Some(reason @ ("ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull")) => {
            let message = waiting.and_then(|waiting| text(waiting, "message")).unwrap_or_default();
            (image_trouble(name, image, message), reason == "InvalidImageName")
        }
        Some("CrashLoopBackOff") => (crash(name, ended), false),
        Some(reason @ ("CreateContainerConfigError" | "CreateContainerError" | "RunContainerError")) => {
            let message = waiting.and_then(|waiting| text(waiting, "message")).unwrap_or(reason);
            (cannot_start(name, message), false)
        }
        _ => match status.pointer("/state/terminated") {
            Some(ended) if ended.get("exitCode").and_then(Value::as_i64) != Some(0) => {
                (crash(name, Some(ended)), false)
            }
            _ => return None,
        },
    };
    Some(PodTrouble { container: Some(name.to_owned()), cause, hopeless })
}

fn image_trouble(container: &str, image: &str, why: &str) -> Cause {
    let message = format!("container {container:?}: the image {image} cannot be pulled{}", after(Some(why)));
    let says = |words: &[&str]| words.iter().any(|word| why.contains(word));
    let advice = if says(&["401", "403", "authorization failed", "unauthorized", "denied", "no basic auth"]) {
        "The registry wants a password: give the task a `pullCredential`, or the pod an `imagePullSecrets` with the right one."
    } else if says(&["not found", "manifest unknown", "404"]) {
        "Look at the image's name and tag: the registry does not have it. Was it pushed?"
    } else if says(&["HTTP response to HTTPS client", "x509", "certificate"]) {
        "The nodes do not trust the registry: give them its certificate, or allow plain HTTP in their container runtime."
    } else if says(&["no such host", "connection refused", "i/o timeout", "no route"]) {
        "The nodes do not reach the registry: look at its address from a node."
    } else {
        "Look at the image's name, at the registry, and at the pull secret."
    };
    Cause::new(code::IMAGE_PULL, message, advice)
}

fn crash(container: &str, ended: Option<&Value>) -> Cause {
    let reason = ended.and_then(|ended| text(ended, "reason"));
    if reason == Some("OOMKilled") {
        let message = format!("container {container:?} needs more memory than its limit allows");
        return Cause::new(
            code::OUT_OF_MEMORY,
            message,
            "Raise `resources.limits.memory`, or let the program use less.",
        );
    }
    let exit = ended.and_then(|ended| ended.get("exitCode")?.as_i64());
    let how = exit.map_or_else(|| "again and again".to_owned(), |exit| format!("with exit code {exit}"));
    let message = format!("container {container:?} ends {how}");
    Cause::new(code::ROLLOUT_STUCK, message, "Look at its last lines: they say why it does not stay up.")
}

fn cannot_start(container: &str, why: &str) -> Cause {
    let advice = if why.contains("not found") && (why.contains("secret") || why.contains("configmap")) {
        "Put what is missing into the same deployment, or create it in the namespace."
    } else if why.contains("non-root") || why.contains("runAsNonRoot") {
        "Give the image a user that is not root, or set `runAsUser`."
    } else {
        "Correct the container's command, mounts or environment."
    };
    Cause::new(code::ROLLOUT_STUCK, format!("container {container:?} cannot be started: {why}"), advice)
}

fn after(why: Option<&str>) -> String {
    why.filter(|why| !why.is_empty()).map(|why| format!(": {why}")).unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}
