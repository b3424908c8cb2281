//! What an object's status says about its rollout.

use serde_json::Value;

/// How far an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolloutState {
    /// As it shall be.
    Done,
    /// On the way: the sentence says how far.
    Going(String),
    /// It will not get there by itself: the sentence says why.
    Failed(String),
}

impl RolloutState {
    /// Reads it from the JSON of an object, as the cluster has it. Kinds that need not be waited for are done.
    pub fn of(object: &Value) -> Self {
        match object.get("kind").and_then(Value::as_str).unwrap_or_default() {
            "Deployment" => unseen(object).unwrap_or_else(|| deployment(object)),
            "StatefulSet" => unseen(object).unwrap_or_else(|| stateful_set(object)),
            "DaemonSet" => unseen(object).unwrap_or_else(|| daemon_set(object)),
            "Job" => job(object),
            "CustomResourceDefinition" => match condition(object, "Established") {
                Some(("True", ..)) => Self::Done,
                _ => Self::Going("the cluster does not serve it yet".to_owned()),
            },
            "Namespace" => match object.pointer("/status/phase").and_then(Value::as_str) {
                Some("Terminating") => Self::Failed("it is being deleted".to_owned()),
                _ => Self::Done,
            },
            _ => Self::Done,
        }
    }
}

/// Kinds that have something to wait for.
pub(super) fn is_waited_for(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CustomResourceDefinition" | "Namespace")
}

/// The status is that of an older specification.
fn unseen(object: &Value) -> Option<RolloutState> {
    let wanted = number(object, "/metadata/generation");
    let seen = number(object, "/status/observedGeneration");
    (seen < wanted).then(|| RolloutState::Going("the cluster has not looked at it yet".to_owned()))
}

fn deployment(object: &Value) -> RolloutState {
    if let Some((_, "ProgressDeadlineExceeded", message)) = condition(object, "Progressing") {
        return RolloutState::Failed(format!("it made no progress in the time that it has ({message})"));
    }
    if object.pointer("/spec/paused").and_then(Value::as_bool) == Some(true) {
        return RolloutState::Going("it is paused; resume it".to_owned());
    }
    let wanted = wanted(object);
    let updated = number(object, "/status/updatedReplicas");
    let all = number(object, "/status/replicas");
    let available = number(object, "/status/availableReplicas");
    if updated < wanted {
        return RolloutState::Going(format!("{updated} of {wanted} are new{}", refusal(object)));
    }
    if all > updated {
        return RolloutState::Going(format!("{} of the old ones are still there", all - updated));
    }
    if all > wanted {
        return RolloutState::Going(format!("{} more than wanted are still there", all - wanted));
    }
    available_of(available, updated)
}

fn stateful_set(object: &Value) -> RolloutState {
    if object.pointer("/spec/updateStrategy/type").and_then(Value::as_str) == Some("OnDelete") {
        return RolloutState::Done;
    }
    let wanted = wanted(object);
    let ready = number(object, "/status/readyReplicas");
    let updated = number(object, "/status/updatedReplicas");
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition");
    if partition > 0 {
        let moved = (wanted - partition).max(0);
        return if updated < moved {
            RolloutState::Going(format!("{updated} of {moved} are new"))
        } else {
            available_of(ready, wanted)
        };
    }
    let revision = |pointer| object.pointer(pointer).and_then(Value::as_str);
    if revision("/status/updateRevision") != revision("/status/currentRevision") && updated < wanted {
        return RolloutState::Going(format!("{updated} of {wanted} are new"));
    }
    available_of(ready, wanted)
}

fn daemon_set(object: &Value) -> RolloutState {
    if object.pointer("/spec/updateStrategy/type").and_then(Value::as_str) == Some("OnDelete") {
        return RolloutState::Done;
    }
    let wanted = number(object, "/status/desiredNumberScheduled");
    let updated = number(object, "/status/updatedNumberScheduled");
    if updated < wanted {
        return RolloutState::Going(format!("{updated} of {wanted} are new"));
    }
    available_of(number(object, "/status/numberAvailable"), wanted)
}

fn job(object: &Value) -> RolloutState {
    if let Some(("True", reason, message)) = condition(object, "Failed") {
        return RolloutState::Failed(format!("it failed: {reason}, {message}"));
    }
    if let Some(("True", ..)) = condition(object, "Complete") {
        return RolloutState::Done;
    }
    if object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return RolloutState::Going("it is suspended".to_owned());
    }
    let wanted = object.pointer("/spec/completions").and_then(Value::as_i64).unwrap_or(1);
    let (active, done) = (number(object, "/status/active"), number(object, "/status/succeeded"));
    RolloutState::Going(format!("{done} of {wanted} have succeeded, {active} running"))
}

fn available_of(available: i64, wanted: i64) -> RolloutState {
    if available < wanted {
        return RolloutState::Going(format!("{available} of {wanted} are ready"));
    }
    RolloutState::Done
}

/// Why no pods can be made, in the words of whoever refused.
fn refusal(object: &Value) -> String {
    match condition(object, "ReplicaFailure") {
        Some(("True", _, message)) => format!(": {message}"),
        _ => String::new(),
    }
}

/// Status, reason and message of a condition.
fn condition<'a>(object: &'a Value, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))?;
    let text = |key| found.get(key).and_then(Value::as_str).unwrap_or_default();
    Some((text("status"), text("reason"), text("message")))
}

/// How many pods are wanted: one unless something else is said.
fn wanted(object: &Value) -> i64 {
    object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1)
}

fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}
