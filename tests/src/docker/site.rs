//! What `tests/docker/up` has set up.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;

/// What `tests/docker/up` has set up, from the file that it wrote.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// Where the engine listens, such as `unix:///var/run/docker.sock`.
    pub engine: String,
    /// Whether the set-up started it: then it is this machine's and has nothing but what tests make.
    pub own_engine: bool,
    /// The user that the two closed registries know.
    pub user: String,
    /// Their password.
    pub password: String,
    /// The registries.
    pub registries: Registries,
    /// The file with the certificate that signed that of the registry over TLS, in PEM. No system trusts it.
    pub authority: PathBuf,
    /// The images.
    pub images: Images,
    /// The file system of the busybox image, for `docker import` into another engine.
    pub busybox_tar: PathBuf,
}

/// The addresses (`host:port`) of three real registries.
#[derive(Clone, Debug, Deserialize)]
pub struct Registries {
    /// Plain HTTP, for everybody.
    pub open: String,
    /// Plain HTTP, with user and password.
    pub password: String,
    /// TLS by an authority of its own, with user and password. Not on the loopback interface where that can be had, since a
    /// Docker engine does not look at certificates there.
    pub tls: String,
}

/// Images that the engine has, by name.
#[derive(Clone, Debug, Deserialize)]
pub struct Images {
    /// Nothing but a static busybox, with the users root and builder (1000).
    pub busybox: String,
    /// A small Debian with bash and apt.
    pub debian: String,
}

impl Site {
    /// The set-up. Panics with the sentence that says what to run when there is none, or its engine does not answer.
    pub fn find() -> Self {
        let file = file();
        let text = std::fs::read(&file).unwrap_or_else(|error| missing(&format!("{}: {error}", file.display())));
        let site: Self =
            serde_json::from_slice(&text).unwrap_or_else(|error| missing(&format!("{}: {error}", file.display())));
        for registry in [&site.registries.open, &site.registries.password, &site.registries.tls] {
            if let Err(error) = std::net::TcpStream::connect(registry) {
                missing(&format!("the registry {registry} does not answer: {error}"));
            }
        }
        if let Some(socket) = site.engine.strip_prefix("unix://")
            && let Err(error) = std::os::unix::net::UnixStream::connect(socket)
        {
            missing(&format!("the Docker engine {} does not answer: {error}", site.engine));
        }
        site
    }

    /// Runs the `docker` program against the engine. What it printed, without the line end; panics when it fails.
    pub fn docker(&self, arguments: &[&str]) -> String {
        docker(&self.engine, arguments)
    }

    /// A name for a repository or container that no other test has.
    pub fn fresh(&self, name: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Registries outlive the process, and numbers of processes come again.
        static OF_PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
        let of_process = *OF_PROCESS;
        format!("{name}-{of_process:08x}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Runs the `docker` program against an engine.
pub(super) fn docker(engine: &str, arguments: &[&str]) -> String {
    let output = Command::new("docker")
        .args(["--host", engine])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("the program docker is needed for this test: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

fn file() -> PathBuf {
    if let Some(file) = std::env::var_os("WINDLASS_TEST_DOCKER") {
        return file.into();
    }
    let folder = std::env::var_os("WINDLASS_DOCKER_DIR").map(PathBuf::from);
    let cache = || std::env::var_os("XDG_CACHE_HOME").map(|cache| Path::new(&cache).join("windlass-docker"));
    let home = || std::env::home_dir().unwrap_or_default().join(".cache/windlass-docker");
    folder.or_else(cache).unwrap_or_else(home).join("site.json")
}

fn missing(why: &str) -> ! {
    panic!(
        "this test needs a Docker engine and registries: run `tests/docker/up`, or `scripts/test`, which does ({why})"
    )
}
