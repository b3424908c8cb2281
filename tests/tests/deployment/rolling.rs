//! A page deployed, rolled forward under load, and back.

use std::net::SocketAddr;
use std::time::Duration;

use windlass::deploy::{RolloutState, Workload};
use windlass_tests::cluster::{Space, eventually};
use windlass_tests::load::{Load, get};

use crate::support::{Lines, Site, clock, page};

/// The node port of a service, on this machine.
pub(crate) fn address(space: &Space, service: &str) -> SocketAddr {
    let port = space.field(&format!("service/{service}"), "/spec/ports/0/nodePort").as_u64().unwrap();
    format!("127.0.0.1:{port}").parse().unwrap()
}

fn shows(address: SocketAddr, text: &str) {
    eventually(Duration::from_secs(60), || get(address).is_ok_and(|page| page.contains(text)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_rolls_forward_without_a_failed_request_and_an_undo_brings_the_first_back() {
    let site = Site::open().await;
    let space = site.cluster.space("rolling");
    site.file("deploy/web.yaml", &page("web", "1"));
    let first = site.deploy(&space.name, "").await;
    first.succeeded();
    assert!(first.log.contains(&format!("Deployment {}/web: created", space.name)), "{}", first.log);
    assert!(first.log.contains(&format!("Deployment {}/web: ready", space.name)), "{}", first.log);
    let address = address(&space, "web");
    shows(address, "build 1 of hello v1");

    let load = Load::begin(address);
    site.file("deploy/web.yaml", &page("web", "2"));
    site.deploy(&space.name, "").await.succeeded();
    shows(address, "build 2 of hello v2");
    let cluster = site.connect().await;
    let web = cluster.workload("deployment/web".parse::<Workload>().unwrap(), Some(&space.name));
    let history = web.history().await.unwrap();
    assert_eq!(
        history.iter().map(|revision| (revision.number, revision.current)).collect::<Vec<_>>(),
        [(1, false), (2, true)]
    );
    assert_eq!(web.undo(None).await.unwrap(), 1);
    let (clock, lines) = (clock(), Lines::default());
    web.wait(Duration::from_secs(180), &clock, &lines).await.unwrap();
    assert_eq!(web.status().await.unwrap(), RolloutState::Done);
    shows(address, "build 1 of hello v1");
    let counted = load.end();
    assert!(counted.failed.is_empty(), "{} fine, failed: {:?}", counted.fine, counted.failed);
    assert!(counted.fine > 100, "{} requests are no load", counted.fine);
    println!("{} requests, none failed", counted.fine);

    // What was undone belongs to Windlass: the next deployment is no conflict.
    site.deploy(&space.name, "").await.succeeded();
    shows(address, "build 3 of hello v2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_fails_says_why_and_is_undone_where_that_is_asked_for() {
    let site = Site::open().await;
    let space = site.cluster.space("undone");
    site.file("deploy/web.yaml", &page("web", "1"));
    site.deploy(&space.name, "").await.succeeded();
    let address = address(&space, "web");
    shows(address, "hello v1");
    site.file("deploy/web.yaml", &page("web", "nowhere"));
    site.file("deploy/more.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: more}, data: {a: b}}");
    let failed = site.deploy(&space.name, ", wait: 8s, rollback: true").await;
    let cause = failed.failed("imagePull");
    assert!(cause.message.contains("busybox:nowhere"), "{}", cause.message);
    assert!(cause.advice.contains("tag"), "{}", cause.advice);
    assert!(failed.log.contains("is undone"), "{}", failed.log);
    assert_eq!(site.cluster.object(&space.name, "configmap/more"), None, "it was not there before");
    let image = space.field("deployment/web", "/spec/template/spec/containers/0/image");
    assert!(image.as_str().unwrap().ends_with("busybox:1"), "{image}");
    shows(address, "build 1 of hello v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_stay_up_is_explained_by_its_last_lines() {
    let site = Site::open().await;
    let space = site.cluster.space("crashing");
    let crashing = page("web", "1").replace("exec httpd", "echo no database at db:5432; exit 3; exec httpd");
    site.file("deploy/web.yaml", &crashing);
    let failed = site.deploy(&space.name, ", wait: 10s").await;
    let cause = failed.failed("rolloutStuck");
    assert!(cause.message.contains("exit code 3"), "{}", cause.message);
    assert!(failed.log.contains("| no database at db:5432"), "{}", failed.log);
}
