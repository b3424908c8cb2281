//! What is done with workloads that are there.

use std::time::Duration;

use windlass::deploy::{RolloutState, Workload};

use crate::support::{Lines, Site, clock, page};

const SET: &str = "
apiVersion: apps/v1
kind: KIND
metadata: {name: work}
spec:
  selector: {matchLabels: {app: work}}
  template:
    metadata: {labels: {app: work}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: work, image: 'IMAGES/busybox:TAG', command: [httpd, -f, -p, '8080']}]
";

#[tokio::test(flavor = "multi_thread")]
async fn stateful_sets_and_daemon_sets_are_rolled_forward_and_back() {
    let site = Site::open().await;
    let space = site.cluster.space("sets");
    let cluster = site.connect().await;
    let (clock, lines) = (clock(), Lines::default());
    for kind in ["StatefulSet", "DaemonSet"] {
        let set = |tag: &str| SET.replace("KIND", kind).replace("TAG", tag);
        for tag in ["1", "2"] {
            site.file("deploy/set.yaml", &set(tag));
            site.deploy(&space.name, "").await.succeeded();
        }
        let workload: Workload = format!("{kind}/work").parse().unwrap();
        let rollout = cluster.workload(workload.clone(), Some(&space.name));
        let images: Vec<_> = rollout.history().await.unwrap().iter().map(|revision| revision.images.concat()).collect();
        assert!(images.len() == 2 && images[0].ends_with(":1") && images[1].ends_with(":2"), "{images:?}");
        rollout.undo(Some(1)).await.unwrap();
        rollout.wait(Duration::from_secs(120), &clock, &lines).await.unwrap();
        let image = space.field(&workload.to_string(), "/spec/template/spec/containers/0/image");
        assert!(image.as_str().unwrap().ends_with(":1"), "{image}");
        rollout.restart(&clock).await.unwrap();
        rollout.wait(Duration::from_secs(120), &clock, &lines).await.unwrap();
        assert_eq!(rollout.pause().await.unwrap_err().code, "unsupported");
        assert_eq!(rollout.undo(Some(99)).await.unwrap_err().code, "noSuchRevision");
        let uid = space.field(&workload.to_string(), "/metadata/uid");
        rollout.recreate(&clock).await.unwrap();
        rollout.wait(Duration::from_secs(120), &clock, &lines).await.unwrap();
        assert_ne!(space.field(&workload.to_string(), "/metadata/uid"), uid);
        // After all of this the next deployment is no conflict.
        site.deploy(&space.name, "").await.succeeded();
        rollout.delete().await.unwrap();
        assert_eq!(rollout.status().await.unwrap_err().code, "notInCluster");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_paused_resumed_and_scaled() {
    let site = Site::open().await;
    let space = site.cluster.space("paused");
    site.file("deploy/web.yaml", &page("web", "1").replace("sleep, '4'", "sleep, '0'"));
    site.deploy(&space.name, "").await.succeeded();
    let cluster = site.connect().await;
    let (clock, lines) = (clock(), Lines::default());
    let web = cluster.workload("deployment/web".parse().unwrap(), Some(&space.name));
    web.scale(1).await.unwrap();
    web.wait(Duration::from_secs(120), &clock, &lines).await.unwrap();
    assert_eq!(space.field("deployment/web", "/status/readyReplicas"), 1);
    web.pause().await.unwrap();
    space.kubectl(&["set", "image", "deployment/web", &format!("web={}/busybox:2", site.cluster.images)]);
    let paused = web.wait(Duration::from_secs(2), &clock, &lines).await.unwrap_err();
    assert!(paused.message.contains("it is paused; resume it"), "{paused}");
    assert_eq!(web.undo(None).await.unwrap_err().code, "rolloutPaused");
    assert_eq!(web.history().await.unwrap().len(), 1, "a paused one makes no revision");
    web.resume().await.unwrap();
    web.wait(Duration::from_secs(120), &clock, &lines).await.unwrap();
    assert_eq!(web.status().await.unwrap(), RolloutState::Done);
    assert_eq!(web.history().await.unwrap().len(), 2);
}
