//! The Kubernetes cluster of the tests, and what they look at in it from outside.
#![expect(clippy::panic, reason = "a set-up that is not there ends the test that wants it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The cluster of the tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCluster {
    /// How it is reached with all rights.
    pub kubeconfig: PathBuf,
    /// Where the images are: `busybox:1` and `busybox:2` below it.
    pub images: String,
    /// A registry with the same images that wants `puller` / `secret`; only our own cluster has one.
    pub private_images: Option<String>,
}

impl TestCluster {
    /// The cluster that `KUBECONFIG` names, or our own.
    ///
    /// # Panics
    /// When there is none, with the sentence that says what to run.
    pub fn find() -> Self {
        if let Some(kubeconfig) = std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) {
            let images = std::env::var("WINDLASS_TEST_IMAGES").unwrap_or_else(|_| {
                panic!(
                    "KUBECONFIG names a cluster: let WINDLASS_TEST_IMAGES name the images, see tests/cluster/README.md"
                )
            });
            return Self { kubeconfig: kubeconfig.into(), images, private_images: None };
        }
        let kubeconfig = own_root().join("run/admin.kubeconfig");
        assert!(
            kubeconfig.exists(),
            "this test needs a Kubernetes cluster: run tests/cluster/up (Linux, as root), or let KUBECONFIG name another one"
        );
        Self {
            kubeconfig,
            images: "127.0.0.1:15000/library".to_owned(),
            private_images: Some("127.0.0.1:15001/library".to_owned()),
        }
    }

    /// Whether it is the one that `tests/cluster/up` made, whose node is this machine.
    pub fn is_own(&self) -> bool {
        self.private_images.is_some()
    }

    /// Runs kubectl with all rights; what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.try_kubectl(arguments).unwrap_or_else(|error| panic!("kubectl {}: {error}", arguments.join(" ")))
    }

    /// The same; what it complains about is the error.
    pub fn try_kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(kubectl_program());
        let output = command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments).output();
        let output = output.map_err(|error| format!("kubectl cannot be started: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Applies YAML with all rights.
    pub fn apply(&self, folder: &Path, yaml: &str) {
        let file = folder.join("applied-by-the-test.yaml");
        std::fs::write(&file, yaml).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.kubectl(&["apply", "-f", &file.to_string_lossy()]);
    }

    /// An object as JSON; `None` when it is not there.
    pub fn object(&self, namespace: &str, object: &str) -> Option<Value> {
        let text = self.try_kubectl(&["--namespace", namespace, "get", object, "-o", "json"]).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// A namespace of a test's own, which goes at its end.
    pub fn space(&self, name: &str) -> Space {
        let name = format!("{name}-{:08x}", number());
        self.kubectl(&["create", "namespace", &name]);
        self.wait_for_account(&name);
        Space { cluster: self.clone(), name }
    }

    /// A name for a namespace that the test lets others make; what has that name goes at its end.
    pub fn space_to_be(&self, name: &str) -> Space {
        Space { cluster: self.clone(), name: format!("{name}-{:08x}", number()) }
    }

    /// Makes a namespace that stays, unless it is there.
    pub fn make_namespace(&self, name: &str) {
        // Another test may have made it.
        drop(self.try_kubectl(&["create", "namespace", name]));
        self.wait_for_account(name);
    }

    /// Pods cannot be made before their service account is.
    fn wait_for_account(&self, namespace: &str) {
        eventually(Duration::from_secs(60), || {
            self.try_kubectl(&["--namespace", namespace, "get", "serviceaccount", "default"]).is_ok()
        });
    }
}

/// A namespace that goes with the test.
#[derive(Debug)]
pub struct Space {
    cluster: TestCluster,
    /// Its name.
    pub name: String,
}

impl Space {
    /// A field of an object in it.
    ///
    /// # Panics
    /// When the object is not there.
    pub fn field(&self, object: &str, pointer: &str) -> Value {
        let found = self.cluster.object(&self.name, object);
        let found = found.unwrap_or_else(|| panic!("there is no {object} in {}", self.name));
        found.pointer(pointer).cloned().unwrap_or_default()
    }

    /// Runs kubectl in it.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.cluster.kubectl(&[&["--namespace", &self.name], arguments].concat())
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let arguments = ["delete", "namespace", &self.name, "--ignore-not-found", "--wait=false"];
        drop(self.cluster.try_kubectl(&arguments));
    }
}

/// Looks until something is so.
///
/// # Panics
/// When it is not so in that time.
#[expect(clippy::disallowed_methods, reason = "the cluster is another process, with no clock of ours")]
pub fn eventually(limit: Duration, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < limit, "it is not so after {limit:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A number that no other test has.
fn number() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id()) as u32
}

pub(crate) fn own_root() -> PathBuf {
    if let Some(root) = std::env::var_os("WINDLASS_TEST_CLUSTER") {
        return root.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    cache.unwrap_or_default().join("windlass-test-cluster")
}

/// The kubectl of our own cluster, or the one on the PATH.
pub(crate) fn kubectl_program() -> PathBuf {
    let programs = std::fs::read_dir(own_root().join("programs")).into_iter().flatten().flatten();
    let mut own = programs.map(|folder| folder.path().join("kubectl")).filter(|program| program.exists());
    own.next().unwrap_or_else(|| PathBuf::from("kubectl"))
}
