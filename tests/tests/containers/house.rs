//! An engine over a Docker engine, and what the tests do with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use windlass::clock::{Clock, SystemClock};
use windlass::executor::{ContainerPolicy, DockerEndpoint, DockerExecutor, HelperImage};
use windlass::registry::{Registry, RegistryAccess, Transport};
use windlass::run::RunId;
use windlass::secret::Credential;
use windlass::{Engine, Pipeline, Run, RunRequest};
use windlass_tests::docker::Site;
use windlass_tests::outcome::Outcome;

/// An engine on a folder of its own, with an installation of its own.
pub(crate) struct House {
    pub(crate) site: Site,
    pub(crate) engine: Engine,
    host: String,
    _folder: tempfile::TempDir,
}

impl House {
    /// Over the engine of the site.
    pub(crate) async fn new() -> Self {
        Self::with(ContainerPolicy::default()).await
    }

    pub(crate) async fn with(policy: ContainerPolicy) -> Self {
        let site = Site::find();
        let host = site.engine.clone();
        Self::at(site, &host, endpoint(&host), policy).await
    }

    /// Over the engine that listens at the host, reached by an endpoint.
    pub(crate) async fn at(site: Site, host: &str, endpoint: DockerEndpoint, policy: ContainerPolicy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock::resume(None));
        let installation = clock.new_id().to_string();
        let helper = HelperImage::Busybox("/usr/bin/busybox".into());
        let docker = DockerExecutor::new(endpoint, installation, clock).policy(policy).helper(helper);
        let builder = Engine::builder().data_dir(folder.path().join("data")).executor("docker", docker);
        Self { site, engine: builder.open().await.unwrap(), host: host.to_owned(), _folder: folder }
    }

    /// Starts a run of these tasks, in YAML, one a line.
    pub(crate) async fn start(&self, tasks: &[&str]) -> Run {
        self.engine.start(&self.pipeline(tasks), self.request()).await.unwrap()
    }

    pub(crate) fn pipeline(&self, tasks: &[&str]) -> Pipeline {
        let tasks: String = tasks.iter().map(|task| format!("      - {task}\n")).collect();
        let tasks = tasks.replace("BUSYBOX", &self.site.images.busybox);
        let text = format!("name: c\nexecutor: docker\nstages:\n  - name: S\n    tasks:\n{tasks}");
        windlass::pipeline::read(text.as_bytes(), "c.yaml").unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// With the credentials `right` and `wrong` for the registry with a password.
    pub(crate) fn request(&self) -> RunRequest {
        let login = |password: &str| Credential::Registry {
            server: self.site.registries.password.clone(),
            user: self.site.user.clone(),
            password: password.into(),
        };
        RunRequest::manual().secret("right", login(&self.site.password)).secret("wrong", login("not the password"))
    }

    pub(crate) async fn run(&self, tasks: &[&str]) -> Outcome {
        let run = self.start(tasks).await;
        Outcome::of(run).await
    }

    /// Puts the busybox image into the registry with a password, and takes it from the engine. Its name there.
    pub(crate) async fn private(&self) -> String {
        let repository = self.site.fresh("private");
        let open = format!("{}/{repository}:1", self.site.registries.open);
        self.site.docker(&["tag", &self.site.images.busybox, &open]);
        self.site.docker(&["push", "--quiet", &open]);
        self.site.docker(&["rmi", &open]);
        let plain = |access: RegistryAccess| access.transport(Transport::PlainHttp);
        let from = Registry::new(&self.site.registries.open, plain(RegistryAccess::anonymous())).unwrap();
        let login = RegistryAccess::user(&self.site.user, self.site.password.as_str());
        let to = Registry::new(&self.site.registries.password, plain(login)).unwrap();
        from.copy(&repository, "1", &to, &repository, "1").await.unwrap();
        format!("{}/{repository}:1", self.site.registries.password)
    }

    /// How many containers and volumes a run has.
    pub(crate) fn left(&self, run: RunId) -> (usize, usize) {
        let filter = format!("label=dev.windlass.run={run}");
        let count = |what: &[&str]| self.docker(what).lines().count();
        (
            count(&["ps", "--all", "--quiet", "--filter", &filter]),
            count(&["volume", "ls", "--quiet", "--filter", &filter]),
        )
    }

    /// Runs the `docker` program against the engine.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        let mut command = std::process::Command::new("docker");
        let output = command.args(["--host", &self.host]).args(arguments).output().unwrap();
        assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

/// The endpoint of a host as `docker --host` has it.
pub(crate) fn endpoint(host: &str) -> DockerEndpoint {
    match host.strip_prefix("unix://") {
        Some(path) => DockerEndpoint::Socket(path.into()),
        None => DockerEndpoint::Tcp(host.trim_start_matches("tcp://").to_owned()),
    }
}

/// Waits for a condition, for at most a minute.
#[expect(clippy::disallowed_methods, reason = "the Docker engine lives in real time")]
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(Instant::now() < end, "it did not come true: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
