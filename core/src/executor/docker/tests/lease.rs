//! Containers that nobody wants any more end by themselves.

use std::time::Duration;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{RemoveContainerOptionsBuilder, WaitContainerOptions};
use futures::StreamExt;

use super::support::{DEBIAN, Site, daemon};
use crate::executor::container::Place;
use crate::executor::docker::convert;
use crate::run::RunId;
use crate::testing::executor_conformance::Factory;

/// A container whose first process is the idle one, on a lease of so many minutes, looked at every half second. Something is done
/// in it before.
struct Idle {
    docker: Docker,
    id: String,
}

impl Idle {
    async fn start(site: &Site, minutes: u32, before: &str) -> Self {
        let docker = daemon();
        let executor = site.docker();
        let helper = executor.shared.helper().await.unwrap().volume.clone();
        let run = RunId::new(site.clock().new_id());
        let place: Place = convert::place(run, "0123456789abcdef");
        let mount = Mount {
            typ: Some(MountType::VOLUME),
            source: Some(helper),
            target: Some(convert::BIN.to_owned()),
            read_only: Some(true),
            ..Mount::default()
        };
        let tmpfs =
            [(convert::STATES, "mode=1777"), (convert::WORKSPACE, "")].map(|(at, how)| (at.to_owned(), how.to_owned()));
        let mut idle = place.idle_with(minutes, "0.05");
        if let Some(text) = idle.last_mut() {
            *text = format!("{before}\n{text}");
        }
        let host = HostConfig { mounts: Some(vec![mount]), tmpfs: Some(tmpfs.into()), ..HostConfig::default() };
        let body = ContainerCreateBody {
            image: Some(DEBIAN.to_owned()),
            entrypoint: Some(idle),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        };
        let id = docker.create_container(None, body).await.unwrap().id;
        docker.start_container(&id, None).await.unwrap();
        Self { docker, id }
    }

    async fn exec(&self, command: &str) {
        let options = bollard::exec::CreateExecOptions {
            cmd: Some(["sh", "-c", command].map(str::to_owned).to_vec()),
            ..Default::default()
        };
        let exec = self.docker.create_exec(&self.id, options).await.unwrap();
        let detached = bollard::exec::StartExecOptions { detach: true, ..Default::default() };
        self.docker.start_exec(&exec.id, Some(detached)).await.unwrap();
    }

    async fn is_running(&self) -> bool {
        self.docker.inspect_container(&self.id, None).await.unwrap().state.unwrap().running.unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "the Docker engine lives in real time")]
    async fn ended(&self) {
        let mut ends = self.docker.wait_container(&self.id, None::<WaitContainerOptions>).boxed();
        let ended = tokio::time::timeout(Duration::from_secs(60), ends.next()).await;
        assert!(ended.is_ok(), "it goes on without a lease");
    }

    async fn remove(self) {
        let force = RemoveContainerOptionsBuilder::new().force(true).build();
        self.docker.remove_container(&self.id, Some(force)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_ends_without_a_lease_and_without_a_step_and_not_before() {
    let site = Site::new();
    // As a launcher renews it, and as a step looks: more processes than an idle container has.
    let renewed = "touch /.windlass/states/lease.$(cat /proc/sys/kernel/hostname)";
    let wanted = Idle::start(&site, 1, renewed).await;
    let busy = Idle::start(&site, 0, "sleep 1000 & sleep 1000 & sleep 1000 &").await;
    let unwanted = Idle::start(&site, 0, "").await;
    unwanted.ended().await;
    let another = Idle::start(&site, 0, "").await;
    another.ended().await;
    assert!(wanted.is_running().await, "its lease is a minute");
    assert!(busy.is_running().await, "a step runs");
    busy.exec("kill $(cat /proc/[0-9]*/stat | grep '(sleep)' | cut -d' ' -f1)").await;
    busy.ended().await;
    for idle in [wanted, busy, unwanted, another] {
        idle.remove().await;
    }
}
