//! From what a run needs to the requests of the Docker engine's API. Pure.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, DeviceMapping, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType,
    MountVolumeOptions, VolumeCreateRequest,
};

use super::names::{CLAIMED, Kind, Names, SERVICE, STEP};
use super::shape::Shape;
use crate::executor::container::Place;
use crate::executor::policy::{ContainerPolicy, Privileged, Wishes};
use crate::executor::{ExecutorError, StepContainer, StepService};
use crate::pipeline::{ContainerOptions, HumanDuration, VolumeMount};
use crate::run::RunId;

/// Where things are in every container.
pub(super) const BIN: &str = "/.windlass/bin";
pub(super) const STATES: &str = "/.windlass/states";
pub(super) const SECRETS: &str = "/.windlass/secrets";
pub(super) const WORKSPACE: &str = "/workspace";

/// How long a container lives that nobody wants and in which nothing runs: a day.
const LEASE_MINUTES: u32 = 24 * 60;

/// What is known of a run when a container for it is made.
#[derive(Clone, Debug)]
pub(super) struct Site<'a> {
    pub(super) names: &'a Names,
    pub(super) policy: &'a ContainerPolicy,
    pub(super) run: RunId,
    /// The volume with the helper's programs.
    pub(super) helper: &'a str,
    /// The volume with the workspace.
    pub(super) workspace: &'a str,
    /// The volume with the states; `None` for a run of which only the workspace is left.
    pub(super) states: Option<&'a str>,
}

/// Where things are in the container of this name. Its id tells it from others that had the same name.
pub(super) fn place(run: RunId, id: &str) -> Place {
    Place {
        busybox: format!("{BIN}/busybox"),
        states: STATES.to_owned(),
        secrets: SECRETS.to_owned(),
        workspace: WORKSPACE.to_owned(),
        name: id.chars().take(16).collect(),
        run,
    }
}

/// The container in which the steps of a shape run.
pub(super) fn steps(site: &Site<'_>, shape: &Shape) -> ContainerCreateBody {
    let mut labels = site.names.labels(site.run, Kind::Steps, shape.generation);
    labels.extend(shape.own.iter().map(|own| (STEP.to_owned(), own.clone())));
    let mut host = host_config(site);
    host.nano_cpus = shape.cpus;
    if let Some(memory) = shape.memory {
        set_memory(&mut host, memory);
    }
    let options = &shape.options;
    grant(&mut host, options);
    host.extra_hosts = Some(hosts(shape));
    let mut body = body(site, &shape.image, labels, host);
    body.user.clone_from(&options.user);
    // The first launcher comes with the container: an exec costs as much as some steps.
    body.entrypoint = Some(place(site.run, "").idle_attended(LEASE_MINUTES));
    body.open_stdin = Some(true);
    body.stdin_once = Some(true);
    body
}

/// Refuses what the policy does not allow, all that a step and its services ask for.
pub(super) fn allowed(policy: &ContainerPolicy, container: &StepContainer) -> Result<(), ExecutorError> {
    let options = &container.options;
    policy.check(&Wishes {
        privileged: if options.privileged { Privileged::Step } else { Privileged::No },
        capabilities: &options.capabilities,
        devices: &options.devices,
        network: options.network.as_deref(),
        volumes: options.volumes.iter().map(|volume| volume.source.as_str()).collect(),
    })?;
    for network in &options.networks {
        policy.check(&Wishes { network: Some(network), ..Wishes::default() })?;
    }
    for service in container.services.iter().filter(|service| service.privileged) {
        let wishes = Wishes { privileged: Privileged::Service, ..Wishes::default() };
        tracing::debug!(service = %service.name, "a service asks for every right over the host");
        policy.check(&wishes)?;
    }
    match options
        .volumes
        .iter()
        .find(|volume| !volume.target.starts_with('/') || volume.target.starts_with("/.windlass"))
    {
        None => Ok(()),
        Some(volume) => Err(ExecutorError::BadStep {
            code: "badVolume",
            message: format!("the volume {} cannot be at {:?}", volume.source, volume.target),
            advice: "name an absolute path that is not below /.windlass".to_owned(),
        }),
    }
}

/// Gives a container what its task asks for. The policy has allowed it.
fn grant(host: &mut HostConfig, options: &ContainerOptions) {
    if options.privileged {
        privilege(host);
    }
    host.network_mode.clone_from(&options.network);
    host.cap_add = Some(options.capabilities.clone()).filter(|names| !names.is_empty());
    let device = |path: &String| DeviceMapping {
        path_on_host: Some(path.clone()),
        path_in_container: Some(path.clone()),
        cgroup_permissions: Some("rwm".to_owned()),
    };
    host.devices = Some(options.devices.iter().map(device).collect()).filter(|all: &Vec<_>| !all.is_empty());
    host.mounts.get_or_insert_default().extend(options.volumes.iter().map(extra));
}

fn privilege(host: &mut HostConfig) {
    host.privileged = Some(true);
    host.cap_drop = None;
    host.security_opt = None;
}

fn extra(mount: &VolumeMount) -> Mount {
    let access = if mount.read_only { Access::Read } else { Access::Write };
    let mut made = volume(&mount.source, &mount.target, access);
    if mount.source.starts_with('/') {
        made.typ = Some(MountType::BIND);
        made.volume_options = None;
    }
    made
}

/// Services share the step's network, as in a pod.
fn hosts(shape: &Shape) -> Vec<String> {
    let services = shape.services.iter().map(|name| format!("{name}:127.0.0.1"));
    services.chain(shape.options.hosts.iter().map(|(name, address)| format!("{name}:{address}"))).collect()
}

/// A container beside a step, in the network of the step's container.
pub(super) fn service(site: &Site<'_>, shape: &Shape, service: &StepService, beside: &str) -> ContainerCreateBody {
    let mut labels = site.names.labels(site.run, Kind::Service, shape.generation);
    labels.extend(shape.own.iter().map(|own| (STEP.to_owned(), own.clone())));
    labels.insert(SERVICE.to_owned(), service.name.clone());
    let bounds = site.policy.bounds();
    let mut host = HostConfig {
        network_mode: Some(format!("container:{beside}")),
        cap_drop: Some(bounds.dropped.iter().map(|name| (*name).to_owned()).collect()),
        security_opt: bounds.no_new_privileges.then(|| vec!["no-new-privileges".to_owned()]),
        pids_limit: Some(bounds.pids),
        // Whatever the engine does with logs otherwise: this one is kept with the task's.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(
                [("max-size", "16m"), ("max-file", "2")].map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ),
        }),
        ..HostConfig::default()
    };
    set_memory(&mut host, bounds.memory);
    if service.privileged {
        privilege(&mut host);
    }
    let health = service.health.as_ref().map(|health| {
        let interval = health.interval.map_or(Duration::from_secs(1), HumanDuration::get);
        let nanos = |length: Duration| i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
        HealthConfig {
            test: Some(vec!["CMD-SHELL".to_owned(), health.command.clone()]),
            interval: Some(nanos(interval)),
            retries: Some(i64::from(i32::MAX)),
            ..HealthConfig::default()
        }
    });
    ContainerCreateBody {
        image: Some(service.image.clone()),
        labels: Some(labels),
        cmd: Some(service.command.clone()).filter(|words| !words.is_empty()),
        env: Some(service.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        healthcheck: health,
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

/// The container that serves files and states when no other one does.
pub(super) fn keeper(site: &Site<'_>, image: &str, generation: u32) -> ContainerCreateBody {
    let labels = site.names.labels(site.run, Kind::Keeper, generation);
    let mut body = body(site, image, labels, host_config(site));
    body.user = Some("0:0".to_owned());
    if let Some(host) = &mut body.host_config {
        host.network_mode = Some("none".to_owned());
    }
    body
}

fn body(site: &Site<'_>, image: &str, labels: HashMap<String, String>, host: HostConfig) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.to_owned()),
        labels: Some(labels),
        // An image's own command and its own health say nothing about a container that only waits for steps.
        entrypoint: Some(place(site.run, "").idle(LEASE_MINUTES)),
        cmd: Some(Vec::new()),
        working_dir: Some("/".to_owned()),
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        stop_signal: Some("SIGTERM".to_owned()),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

fn host_config(site: &Site<'_>) -> HostConfig {
    let bounds = site.policy.bounds();
    let mut mounts = vec![volume(site.helper, BIN, Access::Read), volume(site.workspace, WORKSPACE, Access::Write)];
    mounts.extend(site.states.map(|states| volume(states, STATES, Access::Write)));
    let mut host = HostConfig {
        mounts: Some(mounts),
        tmpfs: Some(HashMap::from([(SECRETS.to_owned(), "mode=1777,size=64m,nosuid,nodev,noexec".to_owned())])),
        // Logs are files of ours; what the first process says is nothing.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        cap_drop: Some(bounds.dropped.iter().map(|name| (*name).to_owned()).collect()),
        security_opt: bounds.no_new_privileges.then(|| vec!["no-new-privileges".to_owned()]),
        pids_limit: Some(bounds.pids),
        init: Some(false),
        ..HostConfig::default()
    };
    set_memory(&mut host, bounds.memory);
    host
}

/// Memory with as much swap as memory would only be slower to fail.
fn set_memory(host: &mut HostConfig, bytes: u64) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    host.memory = Some(bytes);
    host.memory_swap = Some(bytes);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

fn volume(name: &str, target: &str, access: Access) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(name.to_owned()),
        target: Some(target.to_owned()),
        read_only: Some(access == Access::Read),
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
        ..Mount::default()
    }
}

/// A container that is made only so that its image's programs are copied into a fresh volume.
pub(super) fn helper(image: &str, volume: &str) -> ContainerCreateBody {
    let mount = Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some("/bin".to_owned()),
        ..Mount::default()
    };
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(vec!["/bin/busybox".to_owned(), "true".to_owned()]),
        host_config: Some(HostConfig {
            mounts: Some(vec![mount]),
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// A volume of a run.
pub(super) fn run_volume(names: &Names, run: RunId, kind: Kind, generation: u32, name: String) -> VolumeCreateRequest {
    let labels = Some(names.labels(run, kind, generation));
    VolumeCreateRequest { name: Some(name), labels, ..VolumeCreateRequest::default() }
}

/// The volume that says that a run took over the workspace of this name.
pub(super) fn claim(names: &Names, run: RunId, workspace: &str) -> VolumeCreateRequest {
    let mut request = run_volume(names, run, Kind::Claim, 1, names.claim(run));
    request.labels.get_or_insert_default().insert(CLAIMED.to_owned(), workspace.to_owned());
    request
}
