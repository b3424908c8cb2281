//! What containers in pods may do, by the policy and what their tasks ask for. Pure.

use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};

use crate::executor::policy::{ContainerPolicy, Privileged, Wishes};
use crate::executor::{ExecutorError, StepContainer, StepService};
use crate::pipeline::ContainerOptions;

/// The user of our own containers where nobody may be root.
const NOBODY: i64 = 65532;

/// Refuses what the policy does not allow, and what no pod has.
pub(super) fn check(policy: &ContainerPolicy, container: &StepContainer) -> Result<(), ExecutorError> {
    let options = &container.options;
    policy.check(&Wishes {
        privileged: if options.privileged { Privileged::Step } else { Privileged::No },
        capabilities: &options.capabilities,
        devices: &[],
        network: options.network.as_deref().filter(|network| *network == "host"),
        volumes: options.volumes.iter().map(|volume| volume.source.as_str()).collect(),
    })?;
    if container.services.iter().any(|service| service.privileged) {
        policy.check(&Wishes { privileged: Privileged::Service, ..Wishes::default() })?;
    }
    if let Some(user) = &options.user {
        policy.check_user(user)?;
        ids(user)?;
    }
    if !options.devices.is_empty() {
        let advice =
            "ask for it by a resource of a device plugin in the executor's pod template, or mount it from the host";
        return Err(unsupported("a device of the node", advice));
    }
    if let Some(network) = options.network.as_deref().filter(|network| *network != "host") {
        return Err(unsupported(&format!("the network {network:?}"), "pods have the cluster's network; leave it out"));
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

fn unsupported(what: &str, advice: &str) -> ExecutorError {
    ExecutorError::Unsupported { what: format!("{what} in a pod"), advice: advice.to_owned() }
}

/// User and group of a text such as `1000:1000`. A cluster knows no names.
fn ids(user: &str) -> Result<(i64, Option<i64>), ExecutorError> {
    let (user_id, group) = user.split_once(':').map_or((user, None), |(user, group)| (user, Some(group)));
    let number = |text: &str| if text == "root" { Some(0) } else { text.parse::<u32>().ok().map(i64::from) };
    let read = || Some((number(user_id)?, group.map(number).map_or(Some(None), |group| group.map(Some))?));
    read().ok_or_else(|| ExecutorError::BadStep {
        code: "userByName",
        message: format!("the user {user:?} is a name, and a pod takes numbers only"),
        advice: "write the number that the image's /etc/passwd has for it, such as 1000:1000".to_owned(),
    })
}

/// Of a pod as a whole.
pub(super) fn of_pod(policy: &ContainerPolicy) -> PodSecurityContext {
    PodSecurityContext {
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        run_as_non_root: policy.wants_no_root().then_some(true),
        ..PodSecurityContext::default()
    }
}

/// Of a container of ours.
pub(super) fn of_helper(policy: &ContainerPolicy) -> SecurityContext {
    // Whoever is root can give the workspace to all users; who is not finds it open already.
    let user = if policy.wants_no_root() { NOBODY } else { 0 };
    SecurityContext { run_as_user: Some(user), run_as_group: Some(user), ..bounded(policy) }
}

/// Of a container for steps. The policy has allowed what they ask for.
pub(super) fn of_step(policy: &ContainerPolicy, options: &ContainerOptions) -> SecurityContext {
    let user = options.user.as_deref().and_then(|user| ids(user).ok());
    let mut context = if options.privileged { privileged() } else { bounded(policy) };
    if !options.capabilities.is_empty() {
        context.capabilities.get_or_insert_default().add = Some(options.capabilities.clone());
    }
    context.run_as_user = user.map(|(user, _)| user);
    context.run_as_group = user.and_then(|(_, group)| group);
    context
}

/// Of a container beside a step.
pub(super) fn of_service(policy: &ContainerPolicy, service: &StepService) -> SecurityContext {
    if service.privileged { privileged() } else { bounded(policy) }
}

fn privileged() -> SecurityContext {
    SecurityContext { privileged: Some(true), ..SecurityContext::default() }
}

fn bounded(policy: &ContainerPolicy) -> SecurityContext {
    let bounds = policy.bounds();
    let drop = bounds.dropped.iter().map(|name| (*name).to_owned()).collect();
    SecurityContext {
        allow_privilege_escalation: Some(!bounds.no_new_privileges),
        capabilities: Some(Capabilities { add: None, drop: Some(drop) }),
        ..SecurityContext::default()
    }
}
