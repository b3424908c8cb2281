//! A desk at which the command line is used on the cluster of the tests.

use std::path::PathBuf;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use windlass_tests::cluster::{Space, TestCluster};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass-under-test");

/// A data directory, and beside it the parts of the kubeconfig of the tests as files.
pub(crate) struct Desk {
    pub(crate) cluster: TestCluster,
    pub(crate) folder: TempDir,
    pub(crate) server: String,
    pub(crate) space: Space,
}

impl Desk {
    pub(crate) fn new(name: &str) -> Self {
        let cluster = TestCluster::find();
        let folder = tempfile::tempdir().unwrap();
        let json = cluster.kubectl(&["config", "view", "--flatten", "--minify", "--raw", "-o", "json"]);
        let config: Value = serde_json::from_str(&json).unwrap();
        let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        for (name, pointer) in [
            ("ca.crt", "/clusters/0/cluster/certificate-authority-data"),
            ("client.crt", "/users/0/user/client-certificate-data"),
            ("client.key", "/users/0/user/client-key-data"),
        ] {
            std::fs::write(folder.path().join(name), STANDARD.decode(text(pointer)).unwrap()).unwrap();
        }
        std::fs::write(folder.path().join("password"), "sesame").unwrap();
        std::fs::write(folder.path().join("kubeconfig"), json).unwrap();
        let space = cluster.space(name);
        Self { server: text("/clusters/0/cluster/server"), cluster, folder, space }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).arg("--data-dir").arg(self.data());
        let Output { status, stdout, stderr } = command.env("WINDLASS_HELPER", self.image("1")).output().unwrap();
        (status.code(), [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
    }

    pub(crate) fn fine(&self, arguments: &[&str]) -> String {
        let (code, text) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {text}");
        text
    }

    /// What is said when it is refused with this exit code.
    pub(crate) fn refused(&self, exit: i32, arguments: &[&str]) -> String {
        let (code, text) = self.run(arguments);
        assert_eq!(code, Some(exit), "{arguments:?}: {text}");
        text
    }

    /// Adds a cluster that is reached in this way.
    pub(crate) fn add(&self, name: &str, way: &[&str]) -> String {
        self.fine(&[&["cluster", "add", name, "--namespace", &self.space.name], way].concat())
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) {
        let made = Command::new("openssl").args(arguments).current_dir(self.folder.path()).status().unwrap();
        assert!(made.success());
    }

    pub(crate) fn image(&self, tag: &str) -> String {
        format!("{}/busybox:{tag}", self.cluster.images)
    }

    /// Puts a file there; `IMAGES` stands for where the images are.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text.replace("IMAGES", &self.cluster.images)).unwrap();
        path.display().to_string()
    }

    /// A kubeconfig of a service account in the desk's namespace, as a file.
    pub(crate) fn account(&self, account: &str) -> String {
        let token = self.space.kubectl(&["create", "token", account]);
        let mut config: Value =
            serde_json::from_str(&std::fs::read_to_string(self.path("kubeconfig")).unwrap()).unwrap();
        config["users"][0]["user"] = json!({ "token": token });
        self.file(&format!("{account}.kubeconfig"), &config.to_string())
    }
}
