use std::path::PathBuf;
use std::sync::Arc;

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListVolumesOptionsBuilder};
use futures::StreamExt;

use crate::clock::{SharedClock, SystemClock};
use crate::executor::docker::names::RUN;
use crate::executor::{
    Command, DockerEndpoint, DockerExecutor, Executor, HelperImage, RunScope, StepContainer, StepExit, StepSpec,
};
use crate::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use crate::run::{RunId, StepKey};
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

/// A run that is prepared on a real engine.
pub(in crate::executor::docker) struct Bench {
    pub(in crate::executor::docker) site: Site,
    pub(in crate::executor::docker) executor: DockerExecutor,
    pub(in crate::executor::docker) run: RunId,
}

impl Bench {
    pub(in crate::executor::docker) async fn new() -> Self {
        let site = Site::new();
        let executor = site.docker();
        let run = RunId::new(site.clock().new_id());
        executor
            .prepare(&RunScope { run, generation: 1, existing: false, source: None, adopt: None, outlines: Vec::new() })
            .await
            .unwrap();
        Self { site, executor, run }
    }

    pub(in crate::executor::docker) fn step(&self, task: &str, script: &str) -> StepSpec {
        StepSpec {
            key: StepKey { run: self.run, task: TaskId::new(task), attempt: 1 },
            generation: 1,
            resumed: false,
            command: Command::Script { text: script.to_owned(), shell: None },
            env: Default::default(),
            secrets: Default::default(),
            image: Some(DEBIAN.to_owned()),
            container: StepContainer::default(),
            resources: Resources::default(),
            isolation: Isolation::Run,
            workspace: WorkspaceUse::Shared,
        }
    }

    pub(in crate::executor::docker) async fn finish(&self, step: &StepSpec) -> (StepExit, String) {
        self.executor.start(step).await.unwrap();
        let log = self.log(&step.key).await;
        (self.executor.wait(&step.key).await.unwrap(), log)
    }

    pub(in crate::executor::docker) async fn log(&self, key: &StepKey) -> String {
        let pieces: Vec<_> = self.executor.logs(key, 0).collect().await;
        let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap().bytes.to_vec()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the log says a word.
    pub(in crate::executor::docker) async fn says(&self, key: &StepKey, word: &str) {
        let mut logs = self.executor.logs(key, 0);
        let mut seen = String::new();
        while !seen.contains(word) {
            seen += &String::from_utf8_lossy(&logs.next().await.unwrap().unwrap().bytes);
        }
    }

    /// The containers of the run.
    pub(in crate::executor::docker) async fn containers(&self) -> Vec<String> {
        let filters = [("label", vec![format!("{RUN}={}", self.run)])].into();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let found = daemon().list_containers(Some(options)).await.unwrap();
        found.into_iter().filter_map(|container| container.id).collect()
    }

    pub(in crate::executor::docker) async fn volumes(&self) -> usize {
        let filters = [("label", vec![format!("{RUN}={}", self.run)])].into();
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        daemon().list_volumes(Some(options)).await.unwrap().volumes.map_or(0, |volumes| volumes.len())
    }

    pub(in crate::executor::docker) async fn release(self) {
        self.executor.release(self.run).await.unwrap();
        assert_eq!((self.containers().await.len(), self.volumes().await), (0, 0), "something is left of the run");
    }
}

/// The engine itself.
pub(in crate::executor::docker) fn daemon() -> Docker {
    Docker::connect_with_unix(&socket().to_string_lossy(), 60, bollard::API_DEFAULT_VERSION).unwrap()
}
