//! The command line at a cluster.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Site, page};

fn windlass(data_dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass-under-test"));
    let Output { status, stdout, stderr } = command.args(arguments).arg("--data-dir").arg(data_dir).output().unwrap();
    (status.code(), [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_rollouts_previews_and_rights_from_the_command_line() {
    let site = Site::open().await;
    let space = site.cluster.space("commands");
    site.file("deploy/web.yaml", &page("web", "1").replace("sleep, '4'", "sleep, '0'"));
    site.deploy(&space.name, "").await.succeeded();
    site.engine.close().await.unwrap();
    let data_dir = site.path().join("cli");
    let kubeconfig = site.cluster.kubeconfig.to_string_lossy().into_owned();
    let run = |arguments: &[&str]| windlass(&data_dir, arguments);
    let fine = |arguments: &[&str]| {
        let (code, text) = run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {text}");
        text
    };
    let added =
        fine(&["cluster", "add", "prod", "--kubeconfig", &kubeconfig, "--namespace", &space.name, "--as", "ana"]);
    assert!(added.contains("healthy") && added.contains("https://"), "{added}");
    assert!(fine(&["cluster", "list", "--json"]).contains("\"version\":\"v1."));
    let doctor = fine(&["doctor", "--cluster", "prod"]);
    assert!(doctor.contains("all 22 kinds of rights"), "{doctor}");
    let history = fine(&["rollout", "history", "deployment/web", "--cluster", "prod"]);
    assert!(history.starts_with("* 1 ") && history.contains("busybox:1"), "{history}");
    fine(&["rollout", "scale", "deploy/web", "1", "--cluster", "prod"]);
    assert!(fine(&["rollout", "status", "deploy/web", "--cluster", "prod"]).contains("ready"));
    let (code, text) = run(&["rollout", "undo", "deploy/web", "--cluster", "prod"]);
    assert!(code == Some(2) && text.contains("nothing to go back to"), "{text}");
    let file = site.path().join("project/deploy/web.yaml");
    let preview = fine(&["preview", &file.to_string_lossy(), "--cluster", "prod", "--param", "BUILD_NUMBER=9"]);
    assert!(preview.contains("would be changed") && preview.contains("spec.replicas: 1 -> 2"), "{preview}");
    let (code, text) = run(&["rollout", "pause", "deploy/web", "--cluster", "prd"]);
    assert!(code == Some(2) && text.contains("prod"), "{text}");
    assert!(fine(&["cluster", "role", "--namespace", "ci"]).contains("kind: RoleBinding"));
    fine(&["cluster", "remove", "prod"]);
    assert_eq!(fine(&["cluster", "list"]), "");
}
