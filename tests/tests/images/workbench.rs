//! An engine that builds images, and what the tests do with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use windlass::action::ImageBuilder;
use windlass::executor::DockerEndpoint;
use windlass::registry::Certificates;
use windlass::secret::{Credential, SecretError, SecretProvider};
use windlass::{Engine, Pipeline, Run, RunRequest, RunSummary};
use windlass_tests::docker::Site;

/// The secret of the credential `token`.
pub(crate) const TOKEN: &str = "s3cr3t-wombat-of-the-build-7781";

/// Credentials by name.
#[derive(Debug, Default)]
struct Drawer(BTreeMap<String, Credential>);

#[async_trait]
impl SecretProvider for Drawer {
    fn name(&self) -> &str {
        "the drawer"
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError> {
        Ok(self.0.get(name).cloned())
    }
}

/// An engine on a folder of its own, with the credentials `closed` (the registry with a password), `secure` (the one over TLS),
/// `wrong` and `token`, and a folder `source` from which runs get their files.
pub(crate) struct Workbench {
    pub(crate) engine: Engine,
    folder: tempfile::TempDir,
}

pub(crate) struct Outcome {
    pub(crate) summary: RunSummary,
    pub(crate) log: String,
}

impl Workbench {
    pub(crate) async fn new(site: &Site) -> Self {
        Self::with(site, Self::builder(&site.engine)).await
    }

    /// How the tests build: with an engine at this address, and no authority but the system's.
    pub(crate) fn builder(engine: &str) -> ImageBuilder {
        let socket = engine.strip_prefix("unix://");
        let endpoint = match socket {
            Some(path) => DockerEndpoint::Socket(path.into()),
            None => DockerEndpoint::Tcp(engine.trim_start_matches("tcp://").to_owned()),
        };
        Self::builder_at(endpoint)
    }

    /// The same over any way to an engine.
    pub(crate) fn builder_at(endpoint: DockerEndpoint) -> ImageBuilder {
        let nowhere: [&str; 0] = [];
        ImageBuilder::at(endpoint).certificates(Certificates::in_folders(nowhere)).patience(Duration::from_secs(60))
    }

    pub(crate) async fn with(site: &Site, images: ImageBuilder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let login = |server: &str, password: &str| Credential::Registry {
            server: server.to_owned(),
            user: site.user.clone(),
            password: password.into(),
        };
        let drawer = Drawer(BTreeMap::from([
            ("closed".to_owned(), login(&site.registries.password, &site.password)),
            ("secure".to_owned(), login(&site.registries.tls, &site.password)),
            ("wrong".to_owned(), login(&site.registries.password, "wrong")),
            ("token".to_owned(), Credential::Token { token: TOKEN.into() }),
        ]));
        let builder = Engine::builder().data_dir(folder.path().join("data")).secrets(drawer).images(images);
        std::fs::create_dir(folder.path().join("source")).unwrap();
        Self { engine: builder.open().await.unwrap(), folder }
    }

    /// Writes a file of the source folder.
    pub(crate) fn file(&self, path: &str, content: &str) {
        let path = self.folder.path().join("source").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A file of the source folder that a test writes by itself.
    pub(crate) fn place(&self, path: &str) -> PathBuf {
        self.folder.path().join("source").join(path)
    }

    /// Starts a run of one task `image`, with these settings of `buildImage` in YAML.
    pub(crate) async fn start(&self, settings: &str) -> Run {
        let text = format!(
            "name: images\nstages:\n  - name: Build\n    tasks:\n      - name: image\n        buildImage: {settings}\n"
        );
        self.start_pipeline(&text).await
    }

    pub(crate) async fn start_pipeline(&self, text: &str) -> Run {
        let pipeline: Pipeline = windlass::pipeline::read(text.as_bytes(), "images.yaml").unwrap();
        let request = RunRequest::manual().source(self.folder.path().join("source"));
        self.engine.start(&pipeline, request).await.unwrap()
    }

    pub(crate) async fn run(&self, settings: &str) -> Outcome {
        let run = self.start(settings).await;
        self.outcome(&run).await
    }

    pub(crate) async fn outcome(&self, run: &Run) -> Outcome {
        let summary = run.wait().await.unwrap();
        Outcome { summary, log: String::from_utf8(run.logs("image").await.unwrap().to_vec()).unwrap() }
    }
}

impl Outcome {
    /// The digest of a task that succeeded.
    pub(crate) fn digest(&self) -> String {
        assert!(self.summary.succeeded(), "{:?}\n{}", self.summary, self.log);
        self.task().outputs["DIGEST"].clone()
    }

    /// Whether the instruction with these words was not carried out, since its layer was there.
    pub(crate) fn cached(&self, words: &str) -> bool {
        let Some(line) = self.log.lines().find(|line| line.starts_with('#') && line.contains(words)) else {
            panic!("there is no {words:?}: {}", self.log)
        };
        let number = line.split(' ').next().unwrap_or_default();
        self.log.lines().any(|line| line == format!("{number} CACHED"))
    }

    /// Code, message and advice of a task that failed.
    pub(crate) fn cause(&self) -> (String, String, String) {
        let Some(cause) = &self.task().cause else { panic!("it did not fail: {}", self.log) };
        (cause.code.clone(), cause.message.clone(), cause.advice.clone())
    }

    fn task(&self) -> &windlass::TaskSummary {
        self.summary.task("image").unwrap()
    }
}
