//! What is rolled out: Deployments, StatefulSets, DaemonSets.

use std::fmt;
use std::str::FromStr;

use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use serde::Serialize;

/// A kind whose pods are rolled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum WorkloadKind {
    /// Pods that are all alike.
    Deployment,
    /// Pods that have names and volumes of their own.
    StatefulSet,
    /// A pod on each node.
    DaemonSet,
}

/// Something that is rolled out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: String,
}

impl WorkloadKind {
    /// The kind as manifests have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }

    pub(super) fn resource(self) -> ApiResource {
        let kind = GroupVersionKind::gvk("apps", "v1", self.as_str());
        ApiResource::from_gvk_with_plural(&kind, &format!("{}s", self.as_str().to_lowercase()))
    }

    pub(super) fn api(self, client: Client, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(client, namespace, &self.resource())
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str().to_lowercase(), self.name)
    }
}

impl FromStr for Workload {
    type Err = String;

    /// Reads `deployment/web`, also with the short names of Kubernetes: `deploy`, `sts`, `ds`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} names no workload; write deployment/NAME, statefulset/NAME or daemonset/NAME");
        let (kind, name) = text.split_once('/').ok_or_else(wrong)?;
        let kind = match kind.to_lowercase().as_str() {
            "deployment" | "deployments" | "deploy" => WorkloadKind::Deployment,
            "statefulset" | "statefulsets" | "sts" => WorkloadKind::StatefulSet,
            "daemonset" | "daemonsets" | "ds" => WorkloadKind::DaemonSet,
            _ => return Err(wrong()),
        };
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        if plain { Ok(Self { kind, name: name.to_owned() }) } else { Err(wrong()) }
    }
}
