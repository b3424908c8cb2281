//! What definitions may ask of containers, as data.

use std::path::PathBuf;

use serde::Deserialize;

use crate::executor::ContainerPolicy;

/// What a [`ContainerPolicy`] allows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ContainerPolicyOptions {
    /// See [`ContainerPolicy::hardened`].
    pub hardened: bool,
    /// See [`ContainerPolicy::allow_privileged`].
    pub privileged: bool,
    /// See [`ContainerPolicy::allow_docker_in_docker`].
    pub docker_in_docker: bool,
    /// See [`ContainerPolicy::allow_host_network`].
    pub host_network: bool,
    /// See [`ContainerPolicy::allow_host_path`].
    pub host_paths: Vec<PathBuf>,
    /// See [`ContainerPolicy::allow_device`].
    pub devices: Vec<String>,
    /// See [`ContainerPolicy::allow_capability`].
    pub capabilities: Vec<String>,
    /// See [`ContainerPolicy::allow_network`].
    pub networks: Vec<String>,
    /// See [`ContainerPolicy::allow_volume`].
    pub volumes: Vec<String>,
    /// See [`ContainerPolicy::pids`].
    pub pids: Option<u32>,
    /// See [`ContainerPolicy::memory`].
    pub memory_bytes: Option<u64>,
}

impl From<ContainerPolicyOptions> for ContainerPolicy {
    fn from(options: ContainerPolicyOptions) -> Self {
        let allowed = |policy: Self, told: bool, allow: fn(Self) -> Self| if told { allow(policy) } else { policy };
        let policy = if options.hardened { Self::hardened() } else { Self::default() };
        let policy = allowed(policy, options.privileged, Self::allow_privileged);
        let policy = allowed(policy, options.docker_in_docker, Self::allow_docker_in_docker);
        let policy = allowed(policy, options.host_network, Self::allow_host_network);
        let policy = options.host_paths.into_iter().fold(policy, Self::allow_host_path);
        let policy = options.devices.into_iter().fold(policy, Self::allow_device);
        let policy = options.capabilities.into_iter().fold(policy, Self::allow_capability);
        let policy = options.networks.into_iter().fold(policy, Self::allow_network);
        let policy = options.volumes.into_iter().fold(policy, Self::allow_volume);
        let policy = options.pids.into_iter().fold(policy, Self::pids);
        options.memory_bytes.into_iter().fold(policy, Self::memory)
    }
}
