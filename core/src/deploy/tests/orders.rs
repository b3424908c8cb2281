//! What comes first, what is deleted, what is named how.

use std::collections::BTreeSet;

use serde_json::json;

use crate::deploy::options::deployment_label;
use crate::deploy::{Manifest, Workload, WorkloadKind, order, prune, pull_secret};

fn manifest(api_version: &str, kind: &str) -> Manifest {
    Manifest::new(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}), "f").unwrap()
}

#[test]
fn what_others_need_comes_first() {
    let mut manifests = vec![
        manifest("example.com/v1", "Service"),
        manifest("networking.k8s.io/v1", "Ingress"),
        manifest("apps/v1", "Deployment"),
        manifest("v1", "Service"),
        manifest("v1", "ConfigMap"),
        manifest("rbac.authorization.k8s.io/v1", "Role"),
        manifest("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        manifest("v1", "Namespace"),
    ];
    order::sort(&mut manifests);
    let kinds: Vec<&str> = manifests.iter().map(Manifest::kind).collect();
    let expected =
        ["Namespace", "CustomResourceDefinition", "Role", "ConfigMap", "Service", "Deployment", "Ingress", "Service"];
    assert_eq!(kinds, expected);
    assert_eq!(manifests[7].api_version(), "example.com/v1", "a kind of somebody else comes last, whatever its name");
}

#[test]
fn only_what_nobody_else_made_and_the_files_no_longer_have_is_pruned() {
    let object = |name: &str| json!({"kind": "ConfigMap", "metadata": {"name": name, "namespace": "web"}});
    let wanted = BTreeSet::from([prune::identity(&object("kept"), "")]);
    let pruned = |object: &serde_json::Value| prune::is_pruned(object, &prune::identity(object, ""), &wanted);
    assert!(!pruned(&object("kept")));
    assert!(pruned(&object("old")));
    let mut owned = object("old");
    owned["metadata"]["ownerReferences"] = json!([{"uid": "1"}]);
    assert!(!pruned(&owned));
    let mut leaving = object("old");
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert!(!pruned(&leaving));
}

#[test]
fn data_is_never_pruned() {
    for kind in ["PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition"] {
        assert!(prune::PRUNED.iter().all(|(_, pruned)| *pruned != kind), "{kind}");
    }
}

#[test]
fn labels_are_valid_and_tell_texts_apart() {
    assert_eq!(deployment_label("web.rollout"), "web.rollout");
    let odd = ["wéb", "web/", "web.", "-", "", &"x".repeat(64), &"x".repeat(65)];
    let labels: BTreeSet<String> = odd.iter().map(|text| deployment_label(text)).collect();
    assert_eq!(labels.len(), odd.len(), "{labels:?}");
    for label in labels {
        assert!(label.len() <= 63 && label.starts_with(|c: char| c.is_ascii_alphanumeric()), "{label:?}");
        assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{label:?}");
    }
}

#[test]
fn workloads_are_named_as_kubectl_names_them() {
    let read = |text: &str| text.parse::<Workload>();
    assert_eq!(read("deploy/web").unwrap(), Workload { kind: WorkloadKind::Deployment, name: "web".to_owned() });
    assert_eq!(read("sts/db").unwrap().to_string(), "statefulset/db");
    assert!(read("pod/web").unwrap_err().contains("daemonset/NAME"));
    assert!(read("deployment/../x").is_err());
}

#[test]
fn a_pull_secret_joins_those_of_the_account() {
    let mut pod = json!({"containers": []});
    pull_secret::add(&mut pod, "ours", &["theirs".to_owned()]);
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "theirs"}, {"name": "ours"}]));
    pull_secret::add(&mut pod, "ours", &["others".to_owned()]);
    assert_eq!(
        pod["imagePullSecrets"],
        json!([{"name": "theirs"}, {"name": "ours"}]),
        "added once, and no more than was chosen"
    );
}

#[test]
fn registries_are_read_from_images() {
    let images = ["r:5000/a/b:1", "nginx", "team/app:2", "localhost/x", "ghcr.io/a/b@sha256:0"];
    let containers: Vec<_> = images.iter().map(|image| json!({"image": image})).collect();
    let object = json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": containers}}}}}});
    let found: Vec<String> = pull_secret::registries(&object).into_iter().collect();
    assert_eq!(found, ["ghcr.io", "https://index.docker.io/v1/", "localhost", "r:5000"]);
}
