use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::{SharedClock, SystemClock};
use crate::executor::{DockerEndpoint, DockerExecutor, Executor, HelperImage};
use crate::testing::executor_conformance::Factory;

/// A small Debian.
pub(in crate::executor::docker) const DEBIAN: &str = "windlass-test/debian:1";

#[derive(Debug)]
pub(in crate::executor::docker) struct Site {
    installation: String,
    clock: SharedClock,
}

impl Site {
    pub(in crate::executor::docker) fn new() -> Self {
        let clock: SharedClock = Arc::new(SystemClock::resume(None));
        Self { installation: clock.new_id().to_string(), clock }
    }

    pub(in crate::executor::docker) fn docker(&self) -> DockerExecutor {
        DockerExecutor::new(DockerEndpoint::Socket(socket()), &self.installation, Arc::clone(&self.clock))
            .helper(helper())
    }
}

/// The socket of the engine that `tests/docker/up` has set up.
pub(in crate::executor::docker) fn socket() -> PathBuf {
    let cache = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(cache, PathBuf::from);
    let folder = std::env::var_os("WINDLASS_DOCKER_DIR").map_or_else(|| cache.join("windlass-docker"), PathBuf::from);
    let missing = "this test needs a Docker engine: run `tests/docker/up`, or `scripts/test`, which does";
    let text = std::fs::read(folder.join("site.json")).expect(missing);
    let site: serde_json::Value = serde_json::from_slice(&text).expect(missing);
    PathBuf::from(site["engine"].as_str().and_then(|engine| engine.strip_prefix("unix://")).expect(missing))
}

/// A static busybox of this machine, so that no registry is needed.
pub(in crate::executor::docker) fn helper() -> HelperImage {
    let found = ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from).into_iter().find(|path| path.is_file());
    HelperImage::Busybox(found.expect("a static busybox is needed; on Debian: apt-get install busybox-static"))
}

impl Factory for Site {
    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(self.docker())
    }

    fn clock(&self) -> SharedClock {
        Arc::clone(&self.clock)
    }

    fn image(&self) -> Option<String> {
        Some(DEBIAN.to_owned())
    }
}
