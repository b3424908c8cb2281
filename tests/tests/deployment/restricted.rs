//! Accounts with few rights: what they lack is said, and what is printed for them is enough.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use windlass_tests::cluster::eventually;

use crate::desk::{Desk, PROGRAM};
use crate::support::page;

/// It may look whether its namespace is there, and nothing else.
const ALMOST_NOTHING: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: almost-nothing, namespace: SPACE}
rules: [{apiGroups: [''], resources: [namespaces, pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: almost-nothing, namespace: SPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: almost-nothing}
subjects: [{kind: ServiceAccount, name: poor, namespace: SPACE}]
";

const PIPELINE: &str = "
name: shop
executor: prod
stages:
  - name: Test
    tasks: [{name: unit, image: 'IMAGES/busybox:2', script: 'cat /www/index.html; cp -r given deploy; ls deploy'}]
  - name: Deploy
    tasks:
      - {name: rollout, deployManifests: {paths: ['deploy/*.yaml'], cluster: prod, prune: true, pullCredential: puller}}
      - name: migrate
        runJob:
          cluster: prod
          manifest:
            apiVersion: batch/v1
            kind: Job
            metadata: {name: migrate}
            spec:
              template:
                spec: {restartPolicy: Never, containers: [{name: m, image: 'IMAGES/busybox:1', command: [echo, 'migrated ${BUILD_NUMBER}']}]}
";

#[test]
fn doctor_prints_the_rules_that_are_missing_and_with_them_it_is_content() {
    let desk = Desk::new("poor");
    desk.space.kubectl(&["create", "serviceaccount", "poor"]);
    desk.cluster.apply(desk.folder.path(), &ALMOST_NOTHING.replace("SPACE", &desk.space.name));
    desk.add("prod", &["--kubeconfig", &desk.account("poor")]);
    let said = desk.refused(3, &["doctor", "--cluster", "prod"]);
    assert!(said.contains("list, watch, create, patch, delete on pods in"), "{said}");
    let (_, yaml) = said.split_at(said.find("apiVersion:").unwrap());
    assert!(!yaml.contains("resources: [namespaces]"), "what it may do is not missing: {yaml}");
    assert!(yaml.contains(&format!("{{kind: ServiceAccount, name: poor, namespace: {}}}", desk.space.name)), "{yaml}");
    let said: Value = serde_json::from_str(&desk.refused(3, &["doctor", "--cluster", "prod", "--json"])).unwrap();
    let documents = said["checks"].as_array().unwrap().iter().filter_map(|check| check["document"].as_str());
    assert_eq!(documents.collect::<Vec<_>>(), [yaml]);
    desk.cluster.apply(desk.folder.path(), yaml);
    let said = desk.fine(&["doctor", "--cluster", "prod"]);
    assert!(said.contains("all 22 kinds of rights"), "{said}");
    assert!(!said.contains("apiVersion:"), "{said}");
}

#[test]
fn an_account_with_the_ready_role_runs_pipelines_in_pods_deploys_and_goes_back() {
    let desk = Desk::new("ready");
    let role = desk.fine(&["cluster", "role", "--namespace", &desk.space.name]);
    desk.cluster.apply(desk.folder.path(), &role);
    desk.add("prod", &["--kubeconfig", &desk.account("windlass")]);
    desk.file("password", "secret");
    desk.fine(&[
        "secret",
        "set",
        "puller",
        "--kind",
        "userPassword",
        "--user",
        "puller",
        "--from",
        &desk.path("password"),
    ]);
    let (document, project) = (desk.file("shop.yaml", PIPELINE), desk.path("project"));
    let run = |tag: &str| {
        desk.file("project/given/web.yaml", &page("web", tag).replace("sleep, '4'", "sleep, '0'"));
        desk.fine(&["run", &document, "--source", &project])
    };
    let said = run("1");
    assert!(said.contains("hello v2") && said.contains("web.yaml"), "{said}");
    assert!(said.contains(&format!("Deployment {}/web: ready", desk.space.name)), "{said}");
    assert!(said.contains("migrated 1"), "{said}");
    assert!(run("2").contains("migrated 2"));
    let rollout = |arguments: &[&str]| desk.fine(&[&["rollout"], arguments, &["--cluster", "prod"]].concat());
    assert_eq!(rollout(&["history", "deployment/web"]).lines().count(), 2);
    rollout(&["undo", "deployment/web"]);
    rollout(&["status", "deployment/web"]);
    let image = desk.space.field("deployment/web", "/spec/template/spec/containers/0/image");
    assert!(image.as_str().unwrap().ends_with(":1"), "{image}");
    // Nothing of the runs is left; their pods and what belongs to them are gone.
    eventually(Duration::from_secs(60), || {
        let left = desk.space.kubectl(&[
            "get",
            "pods,configmaps",
            "-l",
            "app.kubernetes.io/managed-by=windlass",
            "-o",
            "name",
        ]);
        left.is_empty()
    });
}

/// In a pod of the cluster itself, with the programs of this machine, which is its node.
const INSIDE: &str = "
apiVersion: v1
kind: Pod
metadata: {name: portal, namespace: SPACE}
spec:
  serviceAccountName: windlass
  restartPolicy: Never
  containers:
    - name: portal
      image: IMAGES/busybox:1
      command: [sh, -ec]
      args:
        - |
          windlass() { /windlass/PROGRAM \"$@\" --data-dir /tmp/data; }
          windlass cluster add here --in-cluster --namespace SPACE
          windlass doctor --cluster here
          windlass cluster list
      volumeMounts:
        - {name: program, mountPath: /windlass, readOnly: true}
        - {name: lib, mountPath: /lib, readOnly: true}
        - {name: lib64, mountPath: /lib64, readOnly: true}
        - {name: usr-lib, mountPath: /usr/lib, readOnly: true}
  volumes:
    - {name: program, hostPath: {path: FOLDER}}
    - {name: lib, hostPath: {path: /lib}}
    - {name: lib64, hostPath: {path: /lib64}}
    - {name: usr-lib, hostPath: {path: /usr/lib}}
";

#[test]
fn from_a_pod_of_the_cluster_its_service_account_is_the_way() {
    let desk = Desk::new("inside");
    if !desk.cluster.is_own() {
        println!("only on a cluster whose node is this machine can its programs be mounted into a pod");
        return;
    }
    desk.cluster.apply(desk.folder.path(), &desk.fine(&["cluster", "role", "--namespace", &desk.space.name]));
    let program = Path::new(PROGRAM);
    let pod = INSIDE
        .replace("SPACE", &desk.space.name)
        .replace("IMAGES", &desk.cluster.images)
        .replace("PROGRAM", &program.file_name().unwrap().to_string_lossy())
        .replace("FOLDER", &program.parent().unwrap().to_string_lossy());
    desk.cluster.apply(desk.folder.path(), &pod);
    let phase = || desk.space.field("pod/portal", "/status/phase");
    eventually(Duration::from_secs(120), || ["Succeeded", "Failed"].contains(&phase().as_str().unwrap_or_default()));
    let log = desk.space.kubectl(&["logs", "portal"]);
    assert_eq!(phase(), "Succeeded", "{log}");
    assert!(log.lines().last().unwrap().starts_with("here  https://10.96.0.1  v1."), "{log}");
    assert!(log.contains("all 22 kinds of rights"), "{log}");
}
