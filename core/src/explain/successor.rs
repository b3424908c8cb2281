//! API versions that Kubernetes removed, and what to write instead.

/// What to write instead of a removed API version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Successor {
    /// The API version to write.
    pub api_version: &'static str,
    /// The version of Kubernetes that no longer has the old one.
    pub removed_in: &'static str,
    /// What else changed; may be empty.
    pub note: &'static str,
}

const fn next(api_version: &'static str, removed_in: &'static str, note: &'static str) -> Successor {
    Successor { api_version, removed_in, note }
}

/// What to write instead of an API version of a kind that was removed.
pub fn successor(api_version: &str, kind: &str) -> Option<Successor> {
    let found = match (api_version, kind) {
        (
            "extensions/v1beta1" | "apps/v1beta1" | "apps/v1beta2",
            "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet",
        ) => next("apps/v1", "1.16", "`spec.selector` has to be written out"),
        ("extensions/v1beta1", "NetworkPolicy") => next("networking.k8s.io/v1", "1.16", ""),
        ("extensions/v1beta1" | "networking.k8s.io/v1beta1", "Ingress") => next(
            "networking.k8s.io/v1",
            "1.22",
            "each backend is `service: {name, port: {number}}`, each path has a `pathType`",
        ),
        ("networking.k8s.io/v1beta1", "IngressClass") => next("networking.k8s.io/v1", "1.22", ""),
        (
            "rbac.authorization.k8s.io/v1alpha1" | "rbac.authorization.k8s.io/v1beta1",
            "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding",
        ) => next("rbac.authorization.k8s.io/v1", "1.22", ""),
        ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition") => {
            next("apiextensions.k8s.io/v1", "1.22", "each version has its schema")
        }
        ("apiregistration.k8s.io/v1beta1", "APIService") => next("apiregistration.k8s.io/v1", "1.22", ""),
        ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => {
            next("admissionregistration.k8s.io/v1", "1.22", "`sideEffects` and `admissionReviewVersions` are required")
        }
        ("scheduling.k8s.io/v1beta1", "PriorityClass") => next("scheduling.k8s.io/v1", "1.22", ""),
        ("storage.k8s.io/v1beta1", "StorageClass" | "VolumeAttachment" | "CSIDriver" | "CSINode") => {
            next("storage.k8s.io/v1", "1.22", "")
        }
        ("storage.k8s.io/v1beta1", "CSIStorageCapacity") => next("storage.k8s.io/v1", "1.27", ""),
        ("coordination.k8s.io/v1beta1", "Lease") => next("coordination.k8s.io/v1", "1.22", ""),
        ("certificates.k8s.io/v1beta1", "CertificateSigningRequest") => {
            next("certificates.k8s.io/v1", "1.22", "`signerName` and `usages` are required")
        }
        ("batch/v1beta1" | "batch/v2alpha1", "CronJob") => next("batch/v1", "1.25", ""),
        ("policy/v1beta1", "PodDisruptionBudget") => next("policy/v1", "1.25", "an empty selector means all pods"),
        ("discovery.k8s.io/v1beta1", "EndpointSlice") => next("discovery.k8s.io/v1", "1.25", ""),
        ("events.k8s.io/v1beta1", "Event") => next("events.k8s.io/v1", "1.25", ""),
        ("node.k8s.io/v1beta1", "RuntimeClass") => next("node.k8s.io/v1", "1.25", ""),
        ("autoscaling/v2beta1", "HorizontalPodAutoscaler") => {
            next("autoscaling/v2", "1.25", "targets are `target: {type, …}`")
        }
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler") => next("autoscaling/v2", "1.26", ""),
        (
            "flowcontrol.apiserver.k8s.io/v1beta1"
            | "flowcontrol.apiserver.k8s.io/v1beta2"
            | "flowcontrol.apiserver.k8s.io/v1beta3",
            "FlowSchema" | "PriorityLevelConfiguration",
        ) => next("flowcontrol.apiserver.k8s.io/v1", "1.32", ""),
        _ => return None,
    };
    Some(found)
}
