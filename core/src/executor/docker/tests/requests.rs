//! What the Docker engine is finally asked for, and what the policy lets through. Without an engine.

use bollard::models::ContainerCreateBody;

use super::super::convert::{self, Site};
use super::super::names::Names;
use super::super::shape::Shape;
use crate::clock::{Clock, SystemClock};
use crate::executor::policy::ContainerPolicy;
use crate::executor::{ExecutorError, StepContainer, StepService};
use crate::pipeline::{ContainerOptions, VolumeMount};
use crate::run::RunId;

fn shape(options: &ContainerOptions) -> Shape {
    Shape {
        image: "debian:12".to_owned(),
        generation: 1,
        cpus: None,
        memory: None,
        options: options.clone(),
        services: Vec::new(),
        own: None,
    }
}

/// The request for a step with these wishes, or why it is refused.
fn request(policy: &ContainerPolicy, options: &ContainerOptions) -> Result<ContainerCreateBody, ExecutorError> {
    let container = StepContainer { options: options.clone(), services: Vec::new() };
    convert::allowed(policy, &container)?;
    let names = Names::new("test");
    let run = RunId::new(SystemClock::resume(None).new_id());
    let site = Site { names: &names, policy, run, helper: "helper", workspace: "workspace", states: Some("states") };
    Ok(convert::steps(&site, &shape(options)))
}

fn volume(source: &str) -> VolumeMount {
    VolumeMount { source: source.to_owned(), target: "/there".to_owned(), read_only: false }
}

/// Wishes that are refused unless allowed, with the policy that allows them.
fn wishes() -> Vec<(ContainerOptions, ContainerPolicy)> {
    let none = ContainerOptions::default;
    let policy = ContainerPolicy::default;
    vec![
        (ContainerOptions { privileged: true, ..none() }, policy().allow_privileged()),
        (ContainerOptions { network: Some("host".to_owned()), ..none() }, policy().allow_host_network()),
        (ContainerOptions { network: Some("team".to_owned()), ..none() }, policy().allow_network("team")),
        (
            ContainerOptions { capabilities: vec!["CAP_SYS_ADMIN".to_owned()], ..none() },
            policy().allow_capability("sys_admin"),
        ),
        (ContainerOptions { devices: vec!["/dev/kvm".to_owned()], ..none() }, policy().allow_device("/dev/kvm")),
        (ContainerOptions { volumes: vec![volume("cache")], ..none() }, policy().allow_volume("cache")),
        (ContainerOptions { volumes: vec![volume("/srv/data/x")], ..none() }, policy().allow_host_path("/srv/data")),
        (
            ContainerOptions { volumes: vec![volume("/var/run/docker.sock")], ..none() },
            policy().allow_host_path("/var/run/docker.sock"),
        ),
    ]
}

#[test]
fn rights_over_the_host_are_refused_unless_each_is_allowed() {
    for (options, allowing) in wishes() {
        let refused = request(&ContainerPolicy::default(), &options);
        assert!(
            matches!(refused, Err(ExecutorError::BadStep { code: "policyRefused", .. })),
            "{options:?}: {refused:?}"
        );
        assert!(request(&ContainerPolicy::hardened(), &options).is_err(), "{options:?}");
        request(&allowing, &options).unwrap();
        let others = wishes().into_iter().filter(|(other, _)| *other != options);
        for (other, _) in others {
            assert!(request(&allowing, &other).is_err(), "{allowing:?} lets {other:?} through");
        }
    }
    let always = [
        ContainerOptions { network: Some("container:other".to_owned()), ..ContainerOptions::default() },
        ContainerOptions { volumes: vec![volume("/srv/data/../../etc")], ..ContainerOptions::default() },
    ];
    for options in always {
        let policy = ContainerPolicy::default().allow_host_network().allow_host_path("/srv/data");
        assert!(request(&policy, &options).is_err(), "{options:?}");
    }
}

#[test]
fn every_container_is_bounded() {
    let host = request(&ContainerPolicy::default(), &ContainerOptions::default()).unwrap().host_config.unwrap();
    assert_eq!(host.cap_drop, Some(vec!["NET_RAW".to_owned(), "MKNOD".to_owned()]));
    assert_eq!(host.security_opt, Some(vec!["no-new-privileges".to_owned()]));
    assert_eq!((host.pids_limit, host.memory, host.memory_swap), (Some(4096), Some(8 << 30), Some(8 << 30)));
    assert_eq!((host.privileged, host.network_mode, host.cap_add, host.devices), (None, None, None, None));
    let hardened = request(&ContainerPolicy::hardened(), &ContainerOptions::default()).unwrap().host_config.unwrap();
    assert_eq!(hardened.cap_drop, Some(vec!["ALL".to_owned()]));
    for user in ["", "root", "0", "0:1000", "00"] {
        assert!(ContainerPolicy::hardened().check_user(user).is_err(), "{user:?}");
        ContainerPolicy::default().check_user(user).unwrap();
    }
    for user in ["1000", "1000:0", "builder"] {
        ContainerPolicy::hardened().check_user(user).unwrap();
    }
}

#[test]
fn a_docker_engine_as_a_service_is_one_switch() {
    let service = StepService {
        name: "docker".to_owned(),
        image: "docker:dind".to_owned(),
        credential: None,
        command: Vec::new(),
        env: std::collections::BTreeMap::new(),
        health: None,
        privileged: true,
    };
    let step = ContainerOptions { privileged: true, ..ContainerOptions::default() };
    let beside = StepContainer { options: ContainerOptions::default(), services: vec![service] };
    assert!(convert::allowed(&ContainerPolicy::default(), &beside).is_err());
    let policy = ContainerPolicy::default().allow_docker_in_docker();
    convert::allowed(&policy, &beside).unwrap();
    assert!(request(&policy, &step).is_err(), "the switch for services let a step through");
}

#[test]
fn what_was_allowed_is_in_the_request() {
    let options = ContainerOptions {
        user: Some("1000:1000".to_owned()),
        network: Some("team".to_owned()),
        hosts: [("db".to_owned(), "10.0.0.1".to_owned())].into(),
        volumes: vec![volume("/srv/data"), volume("cache")],
        capabilities: vec!["SYS_PTRACE".to_owned()],
        ..ContainerOptions::default()
    };
    let policy = ContainerPolicy::default()
        .allow_network("team")
        .allow_host_path("/srv/data")
        .allow_volume("cache")
        .allow_capability("SYS_PTRACE");
    let body = request(&policy, &options).unwrap();
    assert_eq!(body.user.as_deref(), Some("1000:1000"));
    let host = body.host_config.unwrap();
    assert_eq!(host.network_mode.as_deref(), Some("team"));
    assert_eq!(host.extra_hosts, Some(vec!["db:10.0.0.1".to_owned()]));
    assert_eq!(host.cap_add, Some(vec!["SYS_PTRACE".to_owned()]));
    let sources: Vec<_> = host.mounts.unwrap().into_iter().filter_map(|mount| mount.source).collect();
    assert_eq!(sources, ["helper", "workspace", "states", "/srv/data", "cache"]);
}
