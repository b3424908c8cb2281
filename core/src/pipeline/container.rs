//! What a task may say of its container and of those beside it. Executors without containers refuse it before the start.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::HumanDuration;
use super::model::{is_default, is_false};
use super::name::CredentialName;
use super::template::Template;

/// What a step's container has beside its image. Rights over the host are refused unless the policy of whoever runs the engine
/// allows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerOptions {
    /// Who runs the step: a name or number, with a group behind a colon. Unset: whom the image names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The platform of the image, such as `linux/arm64`. Unset: that of the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// When the image is fetched. `missing` unless set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pull: PullPolicy,
    /// The credential with which the image is fetched, for a private one. Unset: whom the embedder or `docker login` names for its
    /// registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// The folder in which the step begins: absolute, or below the workspace. The workspace unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_folder: Option<String>,
    /// A program with arguments that gets the step as further arguments. An image's own entrypoint is not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Names of hosts with their addresses.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub hosts: IndexMap<String, String>,
    /// The network of the engine that the container joins instead of the usual one. `none` is no network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Further networks of the engine that the container joins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Further volumes, and folders of the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumeMount>,
    /// Devices of the host, such as `/dev/kvm`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Capabilities beside the usual ones, such as `SYS_PTRACE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Every right over the host.
    #[serde(default, skip_serializing_if = "is_false")]
    pub privileged: bool,
}

impl ContainerOptions {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is set in it, by the keys of the document.
    pub fn keys(&self) -> Vec<String> {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(fields)) => fields.into_iter().map(|(key, _)| key).collect(),
            // A record is always an object.
            _ => Vec::new(),
        }
    }
}

/// When an image is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PullPolicy {
    /// When the engine does not have it.
    #[default]
    Missing,
    /// Each time that a container is made of it.
    Always,
    /// Not at all: the engine must have it.
    Never,
}

/// A volume, or a folder of the host, in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeMount {
    /// The volume's name, or a path of the host, which begins with `/`.
    pub source: String,
    /// Where it is in the container.
    pub target: String,
    /// Whether nothing can be written there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub read_only: bool,
}

/// A container beside a step, in the same network as in a pod: the step reaches its ports at its name and at `localhost`. It is
/// ready before the step starts, and goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// The host name by which the step reaches it.
    pub name: String,
    /// Its image.
    pub image: Template,
    /// The credential with which the image is fetched, for a private one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// What it runs instead of the image's own command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Its environment.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, Template>,
    /// How one sees that it is ready. Unset: as the image says, else at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthCheck>,
    /// Every right over the host, which a Docker engine in a container needs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub privileged: bool,
}

/// How one sees that a service is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// A shell command that succeeds, in the service's container, once it is ready.
    pub command: String,
    /// The pause between two looks. One second unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<HumanDuration>,
    /// How long it is waited for. Two minutes unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
}
