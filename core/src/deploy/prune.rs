//! Which objects of earlier deployments are deleted.

use std::collections::BTreeSet;

use serde_json::Value;

/// Kinds that go when the files no longer have them. What holds data (claims, volumes, namespaces, definitions of kinds) never does.
pub(super) const PRUNED: [(&str, &str); 19] = [
    ("", "Service"),
    ("", "ConfigMap"),
    ("", "Secret"),
    ("", "ServiceAccount"),
    ("", "Pod"),
    ("", "ResourceQuota"),
    ("", "LimitRange"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("policy", "PodDisruptionBudget"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("apps", "ReplicaSet"),
];

/// What names an object: group, kind, namespace, name.
pub(super) type Identity = (String, String, String, String);

/// The identity of an object.
pub(super) fn identity(object: &Value, group: &str) -> Identity {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    (group.to_owned(), text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

/// Whether an object that carries the deployment's label is deleted: the files no longer have it, and no other object of the
/// cluster made it.
pub(super) fn is_pruned(object: &Value, identity: &Identity, wanted: &BTreeSet<Identity>) -> bool {
    let owned =
        object.pointer("/metadata/ownerReferences").and_then(Value::as_array).is_some_and(|owners| !owners.is_empty());
    let leaving = object.pointer("/metadata/deletionTimestamp").is_some();
    !owned && !leaving && !wanted.contains(identity)
}
