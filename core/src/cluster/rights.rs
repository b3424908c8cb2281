//! What Windlass needs to be allowed in a cluster, asked and written down.

use futures::future::try_join_all;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;
use serde::Serialize;

use super::connect::Cluster;
use super::failure::refused;
use crate::explain::ClusterFailure;

/// Something that Windlass does with objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Right {
    /// The API group; empty for the first one.
    pub group: &'static str,
    /// The objects, such as `pods` or `pods/log`.
    pub resource: &'static str,
    /// What is done with them.
    pub verbs: &'static [&'static str],
    /// What for.
    pub purpose: &'static str,
}

/// A right with what is missing of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RightCheck {
    /// The right.
    pub right: Right,
    /// The verbs that are not allowed.
    pub missing: Vec<&'static str>,
}

const MANAGE: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
const LOOK: &[&str] = &["get", "list", "watch"];

const fn right(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    purpose: &'static str,
) -> Right {
    Right { group, resource, verbs, purpose }
}

impl Right {
    /// All that Windlass does in a namespace: runs as pods, deployment, Jobs.
    pub const ALL: &[Self] = &[
        right("", "namespaces", &["get"], "whether the namespace is there"),
        right("", "pods", MANAGE, "steps as pods; why a rollout is stuck"),
        right("", "pods/log", &["get"], "logs of Jobs, and the last lines of what fails"),
        right("", "pods/exec", &["get", "create"], "steps in pods that are warm"),
        right("", "pods/ephemeralcontainers", &["patch"], "steps in images that are known late"),
        right("", "events", LOOK, "what the scheduler and the nodes say"),
        right("", "configmaps", MANAGE, "deployment; what belongs to a run"),
        right("", "secrets", MANAGE, "deployment; pull secrets"),
        right("", "services", MANAGE, "deployment"),
        right("", "serviceaccounts", &["get", "list", "create", "patch"], "deployment; pull secrets of accounts"),
        right("", "persistentvolumeclaims", MANAGE, "deployment; caches as volumes"),
        right("apps", "deployments", MANAGE, "deployment"),
        right("apps", "statefulsets", MANAGE, "deployment"),
        right("apps", "daemonsets", MANAGE, "deployment"),
        right("apps", "replicasets", LOOK, "the history of Deployments"),
        right("apps", "controllerrevisions", LOOK, "the history of StatefulSets and DaemonSets"),
        right("batch", "jobs", MANAGE, "Jobs"),
        right("batch", "cronjobs", MANAGE, "deployment"),
        right("networking.k8s.io", "ingresses", MANAGE, "deployment"),
        right("networking.k8s.io", "networkpolicies", MANAGE, "deployment"),
        right("autoscaling", "horizontalpodautoscalers", MANAGE, "deployment"),
        right("policy", "poddisruptionbudgets", MANAGE, "deployment"),
    ];
}

impl Cluster {
    /// Asks the cluster about each right in a namespace.
    ///
    /// # Errors
    /// When it does not answer, or does not know who asks.
    pub async fn check_rights(&self, namespace: &str) -> Result<Vec<RightCheck>, ClusterFailure> {
        try_join_all(Right::ALL.iter().map(|right| self.check_right(namespace, right))).await
    }

    async fn check_right(&self, namespace: &str, right: &Right) -> Result<RightCheck, ClusterFailure> {
        let allowed = try_join_all(right.verbs.iter().map(|verb| self.may(namespace, right, verb))).await?;
        let missing = right.verbs.iter().zip(allowed).filter(|(_, allowed)| !allowed).map(|(verb, _)| *verb).collect();
        Ok(RightCheck { right: *right, missing })
    }

    /// Who asks, as the API server knows him, such as `system:serviceaccount:ci:windlass`. `None` when it does not tell, as those
    /// before Kubernetes 1.28.
    ///
    /// # Errors
    /// When it does not answer, or does not know who asks.
    pub async fn user(&self) -> Result<Option<String>, ClusterFailure> {
        let api: Api<SelfSubjectReview> = Api::all(self.client().clone());
        match api.create(&PostParams::default(), &SelfSubjectReview::default()).await {
            Ok(review) => Ok(review.status.and_then(|status| status.user_info?.username)),
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(None),
            Err(error) => Err(refused(&format!("the cluster {:?}", self.name()), &error)),
        }
    }

    async fn may(&self, namespace: &str, right: &Right, verb: &str) -> Result<bool, ClusterFailure> {
        let (resource, subresource) = match right.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (right.resource, None),
        };
        let attributes = ResourceAttributes {
            namespace: Some(namespace.to_owned()),
            verb: Some(verb.to_owned()),
            group: Some(right.group.to_owned()),
            resource: Some(resource.to_owned()),
            subresource,
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
        let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client().clone());
        let answer = api.create(&PostParams::default(), &review).await;
        let answer = answer.map_err(|error| refused(&format!("the rights in {namespace:?}"), &error))?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}
