//! Everything that is done with workloads and Jobs, by the command line.

use crate::desk::Desk;
use crate::support::page;

const SETS: &str = "
apiVersion: apps/v1
kind: KIND
metadata: {name: work}
spec:
  selector: {matchLabels: {app: KIND}}
  template:
    metadata: {labels: {app: KIND}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: work, image: 'IMAGES/busybox:1', command: [httpd, -f, -p, '8080']}]
---
";

struct Rollouts {
    desk: Desk,
}

impl Rollouts {
    fn new(name: &str) -> Self {
        let desk = Desk::new(name);
        desk.add("prod", &["--kubeconfig", &desk.path("kubeconfig")]);
        Self { desk }
    }

    /// Deploys what stands in a file by a pipeline.
    fn deploy(&self, manifests: &str) {
        self.desk.file("project/all.yaml", manifests);
        let task = "{name: deploy, deployManifests: {paths: [all.yaml], cluster: prod}}";
        let document = self.desk.file("shop.yaml", &format!("name: shop\nstages: [{{name: D, tasks: [{task}]}}]"));
        self.desk.fine(&["run", &document, "--source", &self.desk.path("project")]);
    }

    fn fine(&self, arguments: &[&str]) -> String {
        self.desk.fine(&[&["rollout"], arguments, &["--cluster", "prod"]].concat())
    }

    fn refused(&self, exit: i32, arguments: &[&str]) -> String {
        self.desk.refused(exit, &[&["rollout"], arguments, &["--cluster", "prod"]].concat())
    }

    fn uid(&self, object: &str) -> String {
        self.desk.space.field(object, "/metadata/uid").to_string()
    }
}

#[test]
fn a_deployment_is_paused_resumed_restarted_made_again_and_deleted() {
    let web = Rollouts::new("web");
    let version = |tag: &str| page("web", tag).replace("sleep, '4'", "sleep, '0'");
    web.deploy(&version("1"));
    web.deploy(&version("2"));
    web.fine(&["undo", "deployment/web", "--to", "1"]);
    web.fine(&["status", "deployment/web"]);
    let history = web.fine(&["history", "deployment/web", "--json"]);
    let history: serde_json::Value = serde_json::from_str(&history).unwrap();
    assert_eq!((history[0]["number"].as_i64(), history[1]["number"].as_i64()), (Some(2), Some(3)), "{history}");
    assert!(history[1]["current"] == true && history[1]["images"][0].as_str().unwrap().ends_with(":1"), "{history}");
    assert!(web.refused(2, &["undo", "deployment/web", "--to", "9"]).contains("It has 2, 3"), "the old ones are named");

    web.fine(&["pause", "deployment/web"]);
    assert!(web.refused(2, &["undo", "deployment/web"]).contains("Resume it first"));
    let paused = web.refused(1, &["status", "deployment/web", "--wait", "1"]);
    assert!(paused.contains("it is paused; resume it"), "{paused}");
    web.fine(&["resume", "deployment/web"]);
    web.fine(&["restart", "deployment/web"]);
    web.fine(&["status", "deployment/web"]);
    let uid = web.uid("deployment/web");
    web.fine(&["recreate", "deployment/web"]);
    web.fine(&["status", "deployment/web"]);
    assert_ne!(web.uid("deployment/web"), uid);
    web.fine(&["delete", "deployment/web"]);
    assert!(web.refused(2, &["status", "deployment/web"]).contains("not found"));
}

#[test]
fn stateful_sets_and_daemon_sets_have_the_same_verbs() {
    let sets = Rollouts::new("sets");
    let of = |tag: &str| {
        let set = SETS.replace(":1'", &format!(":{tag}'"));
        ["StatefulSet", "DaemonSet"].map(|kind| set.replace("KIND", kind)).concat()
    };
    sets.deploy(&of("1"));
    sets.deploy(&of("2"));
    for set in ["statefulset/work", "daemonset/work"] {
        assert_eq!(sets.fine(&["history", set]).lines().count(), 2);
        sets.fine(&["undo", set]);
        sets.fine(&["status", set]);
        let image = sets.desk.space.field(set, "/spec/template/spec/containers/0/image");
        assert!(image.as_str().unwrap().ends_with(":1"), "{image}");
        sets.fine(&["restart", set]);
        sets.fine(&["status", set]);
        assert!(sets.refused(2, &["pause", set]).contains("Only a Deployment can be paused"));
        let uid = sets.uid(set);
        sets.fine(&["recreate", set]);
        sets.fine(&["status", set]);
        assert_ne!(sets.uid(set), uid);
    }
    sets.fine(&["scale", "statefulset/work", "2"]);
    sets.fine(&["status", "statefulset/work"]);
    assert_eq!(sets.desk.space.field("statefulset/work", "/status/readyReplicas"), 2);
    assert!(sets.refused(2, &["scale", "daemonset/work", "2"]).contains("one pod on each node"));
    for set in ["statefulset/work", "daemonset/work"] {
        sets.fine(&["delete", set]);
        assert!(sets.refused(2, &["history", set]).contains("not found"));
    }
}
