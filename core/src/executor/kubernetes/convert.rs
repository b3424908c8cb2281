//! From what a run needs to the objects of the cluster. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    ConfigMap, Container, EnvVar, EphemeralContainer, ExecAction, HostAlias, Lifecycle, LifecycleHandler,
    LocalObjectReference, Pod, PodSpec, ResourceRequirements, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::names::{GENERATION, Kind, Names};
use super::pull::pulls;
use super::security;
use super::settings::{PodSettings, merge};
use super::shape::Shape;
use super::volumes::{empty, extra, extra_name, workspace};
use crate::executor::container::Place;
use crate::executor::policy::ContainerPolicy;
use crate::executor::{ExecutorError, StepService, StepSpec};
use crate::pipeline::{ContainerOptions, PullPolicy};
use crate::run::RunId;

/// Where things are in every container.
const BIN: &str = "/.windlass/bin";
const STATES: &str = "/.windlass/states";
const SECRETS: &str = "/.windlass/secrets";
const WORKSPACE: &str = "/workspace";

/// The container that serves files and states, and brings the helper's programs.
pub(super) const KEEPER: &str = "keeper";
/// At the pod of a step: the names of its services, in the order of their containers.
pub(super) const SERVICES: &str = "windlass.dev/services";
/// What the names of the containers of services begin with.
const SERVICE: &str = "service-";
/// The volume for secrets of containers that are added later.
const LATE_SECRETS: &str = "secrets-late";
/// How long a container lives that nobody wants and in which nothing runs: a day.
const LEASE_MINUTES: u32 = 24 * 60;
/// How long containers get to end when their pod is deleted: they have nothing to do.
pub(super) const GRACE_SECONDS: i64 = 1;

/// What is known of a run when something is made for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    pub(super) names: &'a Names,
    pub(super) policy: &'a ContainerPolicy,
    pub(super) settings: &'a PodSettings,
    pub(super) run: RunId,
    pub(super) generation: u32,
}

/// Where things are in a container of this name.
pub(super) fn place(run: RunId, name: String) -> Place {
    Place {
        busybox: format!("{BIN}/busybox"),
        states: format!("{STATES}/{run}"),
        secrets: SECRETS.to_owned(),
        workspace: WORKSPACE.to_owned(),
        name,
        run,
    }
}

/// The shell text that makes the folder of a run's states, which all users of the run share.
pub(super) fn make_states(run: RunId) -> Vec<String> {
    let busybox = format!("{BIN}/busybox");
    let text = states_text(&busybox, run);
    vec![busybox, "sh".to_owned(), "-c".to_owned(), text]
}

fn states_text(busybox: &str, run: RunId) -> String {
    format!("{{ [ -d {STATES}/{run} ] || {busybox} mkdir -m 1777 {STATES}/{run}; }}")
}

/// The object that owns everything of a run.
pub(super) fn owner(names: &Names, run: RunId) -> ConfigMap {
    let metadata = ObjectMeta {
        name: Some(names.owner(run)),
        labels: Some(names.labels(run, Kind::Owner)),
        ..ObjectMeta::default()
    };
    ConfigMap { metadata, ..ConfigMap::default() }
}

/// How a thing says that it belongs to a run's owner.
pub(super) fn owned_by(names: &Names, run: RunId, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        name: names.owner(run),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    }
}

/// The pod of a run: the keeper, and a container for each shape that is known.
pub(super) fn run_pod(
    site: &Site<'_>,
    owner: &str,
    shapes: &[Shape],
    secrets: &[String],
) -> Result<Pod, ExecutorError> {
    let mut containers = vec![keeper(site)];
    for shape in shapes {
        containers.push(step_container(site, shape)?);
    }
    let name = site.names.pod(site.run, site.generation);
    let options = shapes.iter().map(|shape| &shape.options);
    finished(site, owner, name, Kind::Run, spec(site, containers, options, secrets))
}

/// The pod of one step, with the containers beside it.
pub(super) fn step_pod(
    site: &Site<'_>,
    owner: &str,
    name: String,
    shape: &Shape,
    step: &StepSpec,
) -> Result<Pod, ExecutorError> {
    let services = &step.container.services;
    let mut containers = vec![keeper(site), step_container(site, shape)?];
    containers.extend(services.iter().enumerate().map(|(at, service)| service_container(site, at, service)));
    let secrets: BTreeSet<String> = pulls(&shape.image, &step.container).iter().map(|pull| pull.secret(site)).collect();
    let secrets: Vec<String> = secrets.into_iter().collect();
    let mut spec = spec(site, containers, std::iter::once(&shape.options), &secrets);
    let options = &shape.options;
    let own = shape.services.iter().map(|name| ("127.0.0.1", name.as_str()));
    let hosts = own.chain(options.hosts.iter().map(|(name, address)| (address.as_str(), name.as_str())));
    let alias =
        |(address, name): (&str, &str)| HostAlias { ip: address.to_owned(), hostnames: Some(vec![name.to_owned()]) };
    spec.host_aliases = Some(hosts.map(alias).collect());
    spec.host_network = (options.network.as_deref() == Some("host")).then_some(true);
    spec.node_selector = options.platform.as_deref().map(platform);
    let mut pod = finished(site, owner, name, Kind::Step, spec)?;
    if !shape.services.is_empty() {
        let names = json!(shape.services).to_string();
        pod.metadata.annotations.get_or_insert_default().insert(SERVICES.to_owned(), names);
    }
    Ok(pod)
}

fn platform(platform: &str) -> BTreeMap<String, String> {
    let mut parts = platform.split('/');
    let labels = ["kubernetes.io/os", "kubernetes.io/arch"].map(str::to_owned);
    labels.into_iter().zip(parts.by_ref().map(str::to_owned)).collect()
}

fn finished(site: &Site<'_>, owner: &str, name: String, kind: Kind, spec: PodSpec) -> Result<Pod, ExecutorError> {
    let mut labels = site.names.labels(site.run, kind);
    labels.insert(GENERATION.to_owned(), site.generation.to_string());
    let metadata = ObjectMeta {
        name: Some(name),
        labels: Some(labels),
        owner_references: Some(vec![owned_by(site.names, site.run, owner)]),
        ..ObjectMeta::default()
    };
    laid_over(Pod { metadata, spec: Some(spec), ..Pod::default() }, &site.settings.template)
}

/// What whoever runs the engine wants of all pods or containers, over what they are otherwise.
fn laid_over<T: Serialize + DeserializeOwned>(under: T, template: &Value) -> Result<T, ExecutorError> {
    if template.is_null() {
        return Ok(under);
    }
    let merged = || {
        let mut value = serde_json::to_value(&under)?;
        merge(&mut value, template.clone());
        serde_json::from_value(value)
    };
    merged().map_err(|error: serde_json::Error| ExecutorError::BadStep {
        code: "badPodTemplate",
        message: format!("the template of pods does not give a pod: {error}"),
        advice: "correct it where the executor is made".to_owned(),
    })
}

fn spec<'a>(
    site: &Site<'_>,
    containers: Vec<Container>,
    options: impl Iterator<Item = &'a ContainerOptions>,
    pull_secrets: &[String],
) -> PodSpec {
    let own = containers.iter().flat_map(|container| container.volume_mounts.iter().flatten());
    let secrets = own.map(|mount| mount.name.as_str()).filter(|name| name.starts_with("secrets-"));
    let mut memory: Vec<&str> = secrets.chain([LATE_SECRETS]).collect();
    memory.dedup();
    let mut volumes = vec![empty("bin", None), empty("states", None), workspace(site.settings)];
    volumes.extend(memory.into_iter().map(|name| empty(name, Some("Memory"))));
    let mut more: Vec<Volume> =
        options.flat_map(|options| &options.volumes).map(|volume| extra(&volume.source)).collect();
    more.sort_by(|one, other| one.name.cmp(&other.name));
    more.dedup_by(|one, other| one.name == other.name);
    volumes.extend(more);
    let secret = |name: &String| LocalObjectReference { name: name.clone() };
    PodSpec {
        containers,
        volumes: Some(volumes),
        restart_policy: Some("Never".to_owned()),
        automount_service_account_token: Some(false),
        // Variables of services would get into every step.
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        image_pull_secrets: Some(site.settings.pull_secrets.iter().chain(pull_secrets).map(secret).collect()),
        security_context: Some(security::of_pod(site.policy)),
        ..PodSpec::default()
    }
}

/// It comes first: the cluster starts the containers of a pod one after another, and the next one only when what this one runs
/// after its start has ended. So the helper's programs are there when the others want them, without the second that an init
/// container costs.
fn keeper(site: &Site<'_>) -> Container {
    let program = format!("{BIN}/busybox");
    // The program comes last: where it is, all is ready.
    let bring = format!(
        "{} && /bin/busybox cp /bin/busybox {program}.new && /bin/busybox mv {program}.new {program}",
        states_text("/bin/busybox", site.run)
    );
    let bring = ExecAction { command: Some(["/bin/busybox", "sh", "-c", &bring].map(str::to_owned).into()) };
    // Its own busybox: the copy is not there yet.
    let own = Place { busybox: "/bin/busybox".to_owned(), ..place(site.run, KEEPER.to_owned()) };
    let small = BTreeMap::from([
        ("cpu".to_owned(), Quantity("10m".to_owned())),
        ("memory".to_owned(), Quantity("32Mi".to_owned())),
    ]);
    let large = BTreeMap::from([("memory".to_owned(), Quantity("512Mi".to_owned()))]);
    Container {
        name: KEEPER.to_owned(),
        image: Some(site.settings.helper_image().to_owned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(idle(own)),
        working_dir: Some("/".to_owned()),
        lifecycle: Some(Lifecycle {
            post_start: Some(LifecycleHandler { exec: Some(bring), ..LifecycleHandler::default() }),
            ..Lifecycle::default()
        }),
        resources: Some(ResourceRequirements { requests: Some(small), limits: Some(large), claims: None }),
        security_context: Some(security::of_helper(site.policy)),
        volume_mounts: Some(mounts("secrets-keeper", Bin::Written)),
        ..Container::default()
    }
}

/// What a container runs to stay there. A pod may be another run's later, so that the lease is looked for in all states.
fn idle(place: Place) -> Vec<String> {
    let place = Place { states: STATES.to_owned(), ..place };
    place.idle(LEASE_MINUTES).iter().map(|word| literal(word)).collect()
}

/// Dollar signs are the cluster's own way to name variables.
fn literal(word: &str) -> String {
    word.replace('$', "$$")
}

/// The container in which the steps of a shape run.
fn step_container(site: &Site<'_>, shape: &Shape) -> Result<Container, ExecutorError> {
    let name = shape.container();
    let mut mounts = mounts(&format!("secrets-{}", &name[2..]), Bin::Read);
    mounts.extend(shape.options.volumes.iter().map(|volume| VolumeMount {
        name: extra_name(&volume.source),
        mount_path: volume.target.clone(),
        read_only: volume.read_only.then_some(true),
        ..VolumeMount::default()
    }));
    let container = Container {
        image: Some(shape.image.clone()),
        image_pull_policy: Some(pull_policy(shape.options.pull).to_owned()),
        command: Some(idle(place(site.run, name.clone()))),
        working_dir: Some("/".to_owned()),
        resources: Some(resources(site.policy, shape)),
        security_context: Some(security::of_step(site.policy, &shape.options)),
        volume_mounts: Some(mounts),
        name,
        ..Container::default()
    };
    laid_over(container, &site.settings.steps)
}

/// The same for a pod that is there already.
pub(super) fn late_container(site: &Site<'_>, shape: &Shape) -> Result<EphemeralContainer, ExecutorError> {
    let container = step_container(site, shape)?;
    let own_secrets = |mount: &VolumeMount| mount.mount_path == SECRETS;
    let mut mounts = container.volume_mounts.unwrap_or_default();
    mounts.iter_mut().filter(|mount| own_secrets(mount)).for_each(|mount| LATE_SECRETS.clone_into(&mut mount.name));
    Ok(EphemeralContainer {
        name: container.name,
        image: container.image,
        image_pull_policy: container.image_pull_policy,
        command: container.command,
        working_dir: container.working_dir,
        security_context: container.security_context,
        env: container.env,
        volume_mounts: Some(mounts),
        ..EphemeralContainer::default()
    })
}

fn service_container(site: &Site<'_>, at: usize, service: &StepService) -> Container {
    let env = service.env.iter().map(|(name, value)| EnvVar {
        name: name.clone(),
        value: Some(literal(value)),
        value_from: None,
    });
    Container {
        name: service_name(at),
        image: Some(service.image.clone()),
        args: Some(service.command.iter().map(|word| literal(word)).collect::<Vec<_>>())
            .filter(|words| !words.is_empty()),
        env: Some(env.collect()),
        readiness_probe: service.health.as_ref().map(super::service::probe),
        security_context: Some(security::of_service(site.policy, service)),
        // For the end; see `terminate`.
        volume_mounts: Some(vec![programs(Bin::Read)]),
        ..Container::default()
    }
}

/// The container of a service in its step's pod.
pub(super) fn service_name(at: usize) -> String {
    format!("{SERVICE}{at}")
}

/// Whether that is the container of a service.
pub(super) fn is_service(container: &str) -> bool {
    container.starts_with(SERVICE)
}

/// What sends the first process of a container the signal to end.
pub(super) fn terminate() -> Vec<String> {
    [&format!("{BIN}/busybox"), "kill", "-TERM", "1"].map(str::to_owned).to_vec()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bin {
    Read,
    Written,
}

fn programs(bin: Bin) -> VolumeMount {
    VolumeMount {
        name: "bin".to_owned(),
        mount_path: BIN.to_owned(),
        read_only: (bin == Bin::Read).then_some(true),
        ..VolumeMount::default()
    }
}

fn mounts(secrets: &str, bin: Bin) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    };
    vec![programs(bin), mount("states", STATES), mount("workspace", WORKSPACE), mount(secrets, SECRETS)]
}

fn pull_policy(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Missing => "IfNotPresent",
        PullPolicy::Always => "Always",
        PullPolicy::Never => "Never",
    }
}

/// Without a limit of its own a container gets that of the policy, and asks for nothing: else it would ask for its whole limit.
fn resources(policy: &ContainerPolicy, shape: &Shape) -> ResourceRequirements {
    let mut limits = quantities(&shape.resources.limits);
    let mut requests = quantities(&shape.resources.requests);
    if !limits.contains_key("memory") {
        limits.insert("memory".to_owned(), Quantity(policy.bounds().memory.to_string()));
        requests.entry("memory".to_owned()).or_insert_with(|| Quantity("0".to_owned()));
    }
    ResourceRequirements { limits: Some(limits), requests: Some(requests), claims: None }
}

fn quantities(of: &crate::pipeline::Quantities) -> BTreeMap<String, Quantity> {
    let named = [("cpu", &of.cpu), ("memory", &of.memory)];
    named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Quantity(value.clone()?)))).collect()
}
