//! The same pipelines over local processes and in pods tell the same story, from the command line.

use std::path::Path;
use std::process::Command;

use windlass_tests::story::{PIPELINES, told};

use crate::support::{NAMESPACE, Site};

const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass-under-test");

fn add_cluster(site: &Site, data_dir: &Path) {
    let mut command = Command::new(PROGRAM);
    command.args(["cluster", "add", "test", "--namespace", NAMESPACE, "--kubeconfig"]).arg(&site.test.kubeconfig);
    let output = command.arg("--data-dir").arg(data_dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn local_and_kubernetes_tell_the_same_story() {
    let site = Site::new().await;
    let helper = site.image("1");
    for document in PIPELINES {
        let document = document.replace("IMAGE", &site.image("2"));
        let folder = tempfile::tempdir().unwrap();
        let tell = |executor: &str| {
            let data_dir = folder.path().join(executor);
            if executor != "local" {
                add_cluster(&site, &data_dir);
            }
            told(PROGRAM, executor, &document, &data_dir, &[("WINDLASS_HELPER", &helper)])
        };
        let local = tell("local");
        assert_eq!(tell("kubernetes"), local, "{document}");
        // A cluster is an executor by its own name as well.
        assert_eq!(tell("test"), local, "{document}");
    }
}
