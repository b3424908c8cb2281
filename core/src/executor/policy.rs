//! What a definition may ask of containers: one object for all executors that have them.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::ExecutorError;

/// How many processes a container may have unless the policy says otherwise.
const DEFAULT_PIDS: i64 = 4096;
/// How much memory a container may take unless its task or the policy says otherwise: 8 GiB.
const DEFAULT_MEMORY: u64 = 8 << 30;

/// Decides what tasks may ask of their containers. What is not allowed here is refused before anything is started.
///
/// The default keeps what ordinary builds need, `apt-get install` for instance, and takes the rest: no new privileges, no raw
/// sockets, no device files, bounded processes and memory. [`ContainerPolicy::hardened`] takes more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPolicy {
    hardened: bool,
    privileged: bool,
    docker_in_docker: bool,
    host_network: bool,
    host_paths: Vec<PathBuf>,
    devices: BTreeSet<String>,
    capabilities: BTreeSet<String>,
    networks: BTreeSet<String>,
    volumes: BTreeSet<String>,
    pids: i64,
    memory: u64,
}

impl Default for ContainerPolicy {
    fn default() -> Self {
        Self {
            hardened: false,
            privileged: false,
            docker_in_docker: false,
            host_network: false,
            host_paths: Vec::new(),
            devices: BTreeSet::new(),
            capabilities: BTreeSet::new(),
            networks: BTreeSet::new(),
            volumes: BTreeSet::new(),
            pids: DEFAULT_PIDS,
            memory: DEFAULT_MEMORY,
        }
    }
}

/// What a container asks for beyond an image and its limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes<'a> {
    pub(super) privileged: Privileged,
    pub(super) capabilities: &'a [String],
    pub(super) devices: &'a [String],
    pub(super) network: Option<&'a str>,
    /// Volumes by name, and folders of the host, which begin with `/`.
    pub(super) volumes: Vec<&'a str>,
}

/// Whether a container asks for every right over its host, and as what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Privileged {
    /// It does not.
    #[default]
    No,
    /// A step does.
    Step,
    /// A service does: a Docker engine inside of a container needs it.
    Service,
}

/// What every container gets, whatever it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) dropped: Vec<&'static str>,
    pub(super) no_new_privileges: bool,
    pub(super) pids: i64,
    pub(super) memory: u64,
}

impl ContainerPolicy {
    /// No capabilities at all, and a user that is not root.
    pub fn hardened() -> Self {
        Self { hardened: true, ..Self::default() }
    }

    /// Lets tasks and services be privileged. They are then as good as root on the host.
    #[must_use]
    pub fn allow_privileged(mut self) -> Self {
        self.privileged = true;
        self
    }

    /// Lets `services` be privileged, which a Docker engine in a container needs, while steps stay as they are. Whoever can
    /// write a definition can then become root on the host by way of such a service.
    #[must_use]
    pub fn allow_docker_in_docker(mut self) -> Self {
        self.docker_in_docker = true;
        self
    }

    /// Lets containers use the host's network as it is.
    #[must_use]
    pub fn allow_host_network(mut self) -> Self {
        self.host_network = true;
        self
    }

    /// Lets containers mount this path of the host and what is below it. The engine's socket is such a path: with it a
    /// definition can do everything that the engine can.
    #[must_use]
    pub fn allow_host_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.host_paths.push(path.into());
        self
    }

    /// Lets containers use this device of the host, such as `/dev/kvm`.
    #[must_use]
    pub fn allow_device(mut self, device: impl Into<String>) -> Self {
        self.devices.insert(device.into());
        self
    }

    /// Lets containers have this capability, such as `SYS_PTRACE`.
    #[must_use]
    pub fn allow_capability(mut self, capability: impl AsRef<str>) -> Self {
        self.capabilities.insert(plain_capability(capability.as_ref()));
        self
    }

    /// Lets containers join this network of the engine.
    #[must_use]
    pub fn allow_network(mut self, name: impl Into<String>) -> Self {
        self.networks.insert(name.into());
        self
    }

    /// Lets containers mount this volume of the engine.
    #[must_use]
    pub fn allow_volume(mut self, name: impl Into<String>) -> Self {
        self.volumes.insert(name.into());
        self
    }

    /// How many processes a container may have; 4096 unless set.
    #[must_use]
    pub fn pids(mut self, pids: u32) -> Self {
        self.pids = i64::from(pids.max(1));
        self
    }

    /// How many bytes of memory a container may take whose task sets no limit; 8 GiB unless set.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Refuses what is not allowed.
    pub(super) fn check(&self, wishes: &Wishes<'_>) -> Result<(), ExecutorError> {
        let privileged = match wishes.privileged {
            Privileged::No => true,
            Privileged::Step => self.privileged,
            Privileged::Service => self.privileged || self.docker_in_docker,
        };
        if !privileged {
            return Err(refused("a privileged container", "allow_privileged, or allow_docker_in_docker for services"));
        }
        for capability in wishes.capabilities {
            if !self.capabilities.contains(&plain_capability(capability)) {
                return Err(refused(&format!("the capability {capability}"), "allow_capability"));
            }
        }
        for device in wishes.devices {
            if !self.devices.contains(device) {
                return Err(refused(&format!("the device {device}"), "allow_device"));
            }
        }
        wishes.network.map_or(Ok(()), |network| self.check_network(network))?;
        for volume in &wishes.volumes {
            self.check_volume(volume)?;
        }
        Ok(())
    }

    /// Refuses root where the policy does. The user is the task's, or that of its image.
    pub(super) fn check_user(&self, user: &str) -> Result<(), ExecutorError> {
        let name = user.split(':').next().unwrap_or_default();
        if !self.hardened || !matches!(name, "" | "0" | "root") && name.parse::<u32>() != Ok(0) {
            return Ok(());
        }
        Err(ExecutorError::BadStep {
            code: "policyRefused",
            message: "the hardened policy wants a user that is not root, and the step would be root".to_owned(),
            advice: "name a user in the task (container: {user: \"1000:1000\"}), or use an image that has one"
                .to_owned(),
        })
    }

    /// Whether nobody in a container may be root.
    #[cfg(feature = "kubernetes")]
    pub(super) fn wants_no_root(&self) -> bool {
        self.hardened
    }

    fn check_network(&self, network: &str) -> Result<(), ExecutorError> {
        match network {
            "bridge" | "default" | "none" => Ok(()),
            "host" if self.host_network => Ok(()),
            "host" => Err(refused("the host's network", "allow_host_network")),
            name if name.starts_with("container:") => {
                Err(refused("another container's network", "nothing: it is never allowed"))
            }
            name if self.networks.contains(name) => Ok(()),
            name => Err(refused(&format!("the network {name}"), "allow_network")),
        }
    }

    fn check_volume(&self, source: &str) -> Result<(), ExecutorError> {
        if !source.starts_with('/') {
            return if self.volumes.contains(source) {
                Ok(())
            } else {
                Err(refused(&format!("the volume {source}"), "allow_volume"))
            };
        }
        let path = Path::new(source);
        let climbs = path.components().any(|part| matches!(part, Component::ParentDir));
        if !climbs && self.host_paths.iter().any(|allowed| path.starts_with(allowed)) {
            return Ok(());
        }
        Err(refused(&format!("the host's path {source}"), "allow_host_path"))
    }

    /// What every container gets.
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            dropped: if self.hardened { vec!["ALL"] } else { vec!["NET_RAW", "MKNOD"] },
            no_new_privileges: true,
            pids: self.pids,
            memory: self.memory,
        }
    }
}

/// As the kernel's documentation has it, without its prefix.
fn plain_capability(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    name.strip_prefix("CAP_").unwrap_or(&name).to_owned()
}

fn refused(what: &str, switch: &str) -> ExecutorError {
    ExecutorError::BadStep {
        code: "policyRefused",
        message: format!("the policy for containers does not allow {what}"),
        advice: format!("do without it, or let whoever runs the engine allow it (ContainerPolicy: {switch})"),
    }
}
