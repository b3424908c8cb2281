//! In which order objects are applied: what others need comes first.

use super::manifest::Manifest;

/// Puts objects in the order in which they are applied. Those of one rank stay as they stand in the files.
pub(super) fn sort(manifests: &mut [Manifest]) {
    manifests.sort_by_key(|manifest| rank(manifest.kind(), manifest.api_version()));
}

/// Kinds in their order; those of Kubernetes that are not named come after the last one, and kinds of others at the end.
const ORDER: [&[&str]; 9] = [
    &["Namespace"],
    &["CustomResourceDefinition"],
    &["PriorityClass", "StorageClass", "RuntimeClass", "IngressClass", "PersistentVolume"],
    &["ResourceQuota", "LimitRange", "NetworkPolicy", "PodDisruptionBudget"],
    &["ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"],
    &["Secret", "ConfigMap", "PersistentVolumeClaim"],
    &["Service"],
    &["Pod", "ReplicationController", "ReplicaSet", "DaemonSet", "Deployment", "StatefulSet", "Job", "CronJob"],
    &[
        "HorizontalPodAutoscaler",
        "Ingress",
        "APIService",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ],
];

pub(super) fn rank(kind: &str, api_version: &str) -> usize {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let is_own = !group.contains('.') || group.ends_with(".k8s.io");
    match ORDER.iter().position(|kinds| kinds.contains(&kind)) {
        Some(rank) if is_own => rank,
        _ if is_own => ORDER.len(),
        _ => ORDER.len() + 1,
    }
}
