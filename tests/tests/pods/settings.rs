//! What whoever runs the engine decides about all pods, as the cluster has it then.

use std::time::Duration;

use serde_json::json;
use windlass::executor::PodSettings;
use windlass_tests::cluster::eventually;

use crate::house::{House, fresh, until_log};
use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_laid_over_pods_and_their_containers() {
    let settings = PodSettings::default()
        .template(json!({"metadata": {"annotations": {"team": "a"}}, "spec": {"hostname": "of-the-template"}}))
        .step_template(json!({"env": [{"name": "FROM_TEMPLATE", "value": "yes"}]}))
        .run_as(1234, 1234)
        .fs_group(4321);
    let house = House::with(|pods| pods, settings).await;
    let script = "hostname; echo $FROM_TEMPLATE; id -u; id -G; touch file; sleep 1000";
    let late = house.site.image("1");
    let tasks = [
        "{name: first, image: IMAGE, script: echo $FROM_TEMPLATE}".to_owned(),
        format!("{{name: t, image: \"{late}\", script: \"{script}\"}}"),
    ];
    let run = house.start("", &[&tasks[0], &tasks[1]]).await;
    until_log(&run, |log| log.contains("of-the-template\nyes\n1234\n1234 4321\n")).await;
    let pods = format!("windlass.dev/run={}", run.id());
    let team = "jsonpath={.items[0].metadata.annotations.team}";
    assert_eq!(house.kubectl(&["get", "pods", "--selector", &pods, "--output", team]), "a");
    run.cancel("test", "it is enough").await.unwrap();
    run.wait().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&run.logs("first").await.unwrap()).lines().last(), Some("yes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_is_no_pod_is_told_before_anything_is_made() {
    let house = House::with(|pods| pods, PodSettings::default().template(json!({"spec": {"volumes": 3}}))).await;
    let outcome = house.run(&["{name: t, image: IMAGE, script: \"true\"}"]).await;
    let cause = outcome.summary.cause.clone().unwrap();
    assert_eq!(cause.code, "badPodTemplate", "{cause:?}");
    eventually(Duration::from_secs(60), || house.left(&outcome.run).is_empty());
}

/// Volumes of the only node, of a storage class that nobody else has; they go at the end.
struct Volumes {
    site: Site,
    class: String,
    folder: tempfile::TempDir,
}

impl Volumes {
    fn new(site: Site, names: &[&str]) -> Self {
        let (class, folder) = (fresh(&site, "class"), tempfile::tempdir().unwrap());
        let volumes = Self { site, class, folder };
        for name in names {
            let path = volumes.folder.path().join(name);
            let volume = json!({
                "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("{}-{name}", volumes.class)},
                "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain", "storageClassName": volumes.class,
                    "hostPath": {"path": path, "type": "DirectoryOrCreate"}},
            });
            volumes.site.test.apply(volumes.folder.path(), &volume.to_string());
        }
        volumes
    }
}

impl Drop for Volumes {
    fn drop(&mut self) {
        let found = self.site.test.try_kubectl(&["get", "persistentvolumes", "--output", "name"]).unwrap_or_default();
        for name in found.lines().filter(|name| name.contains(&self.class)) {
            drop(self.site.test.try_kubectl(&["delete", name, "--wait=false"]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_can_be_a_claim_of_a_storage_class_that_goes_with_the_run() {
    let volumes = Volumes::new(Site::new().await, &["workspace"]);
    let settings = PodSettings::default().workspace_claim(Some(&volumes.class), "100Mi");
    let house = House::with(|pods| pods, settings).await;
    let second =
        "{name: second, image: IMAGE, container: {user: \"1000\"}, script: cat file; echo two > other; sleep 1000}";
    let run = house.start("", &["{name: first, image: IMAGE, script: echo one > file}", second]).await;
    until_log(&run, |log| log.contains("one\n")).await;
    eventually(Duration::from_secs(30), || volumes.folder.path().join("workspace/other").exists());
    assert_eq!(std::fs::read_to_string(volumes.folder.path().join("workspace/file")).unwrap(), "one\n");
    run.cancel("test", "it is enough").await.unwrap();
    run.wait().await.unwrap();
    let claims =
        || house.kubectl(&["get", "persistentvolumeclaims", "--output", "jsonpath={.items[*].spec.storageClassName}"]);
    eventually(Duration::from_secs(60), || !claims().contains(&volumes.class));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_can_be_a_cache_of_all_runs() {
    let volumes = Volumes::new(Site::new().await, &["cache"]);
    let claim = fresh(&volumes.site, "cache");
    let object = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim, "namespace": crate::support::NAMESPACE},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": volumes.class,
            "resources": {"requests": {"storage": "100Mi"}}},
    });
    volumes.site.test.apply(volumes.folder.path(), &object.to_string());
    let house = House::with(|pods| pods, PodSettings::default().cache_claim(&claim, "/cache")).await;
    house.run(&["{name: t, image: IMAGE, script: echo kept > /cache/file}"]).await.success("t").await;
    let late = format!("{{name: t, image: \"{}\", script: cat /cache/file}}", house.site.image("1"));
    let log = house.run(&["{name: first, image: IMAGE, script: \"true\"}", &late]).await.success("t").await;
    assert!(log.contains("kept\n"), "{log}");
    house.kubectl(&["delete", "persistentvolumeclaim", &claim, "--wait=false"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_priority_class_is_that_of_the_pods() {
    let site = Site::new().await;
    let class = fresh(&site, "priority");
    site.test.kubectl(&["create", "priorityclass", &class, "--value", "7"]);
    let house = House::with(|pods| pods, PodSettings::default().priority_class(&class)).await;
    let run = house.start("", &["{name: t, image: IMAGE, script: \"echo in; sleep 1000\"}"]).await;
    until_log(&run, |log| log.contains("in\n")).await;
    let pods = format!("windlass.dev/run={}", run.id());
    let priority = "jsonpath={.items[0].spec.priority}";
    assert_eq!(house.kubectl(&["get", "pods", "--selector", &pods, "--output", priority]), "7");
    run.cancel("test", "it is enough").await.unwrap();
    run.wait().await.unwrap();
    site.test.kubectl(&["delete", "priorityclass", &class]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_class_that_the_cluster_does_not_have_is_told() {
    let house = House::with(|pods| pods, PodSettings::default().runtime_class("no-such-class")).await;
    let outcome = house.run(&["{name: t, image: IMAGE, script: \"true\"}"]).await;
    let cause = outcome.summary.cause.clone().unwrap();
    assert!(cause.message.contains("no-such-class"), "{cause:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pods_do_nothing_with_is_told_in_the_log() {
    let house = House::new().await;
    let task = "{name: t, image: IMAGE, script: echo in, container: {networks: [other]}}";
    let log = house.run(&[task]).await.success("t").await;
    assert!(log.contains("does nothing with what `container` says of: networks\n"), "{log}");
}
