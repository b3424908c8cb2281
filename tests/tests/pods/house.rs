//! An engine over the cluster of the tests, and what the tests do with it.

use windlass::executor::{KubernetesExecutor, PodSettings};
use windlass::secret::Credential;
use windlass::{Engine, EventKind, Pipeline, Run, RunRequest};
use windlass_tests::outcome::Outcome;

use crate::support::{NAMESPACE, Site};

/// An engine on a folder of its own, with an installation of its own.
pub(crate) struct House {
    pub(crate) site: Site,
    pub(crate) engine: Engine,
    _folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(|pods| pods, PodSettings::default()).await
    }

    pub(crate) async fn with(
        set_up: impl FnOnce(KubernetesExecutor) -> KubernetesExecutor,
        settings: PodSettings,
    ) -> Self {
        Self::at(Site::new().await, set_up, settings).await
    }

    /// Over the cluster of a site.
    pub(crate) async fn at(
        site: Site,
        set_up: impl FnOnce(KubernetesExecutor) -> KubernetesExecutor,
        settings: PodSettings,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pods = set_up(site.kubernetes_with(settings));
        let builder = Engine::builder().data_dir(folder.path().join("data")).max_tasks(16).executor("pods", pods);
        Self { site, engine: builder.open().await.unwrap(), _folder: folder }
    }

    /// Starts a run of these tasks, in YAML, one a line; `head` is more of the pipeline. `IMAGE` is the image of the tests.
    pub(crate) async fn start(&self, head: &str, tasks: &[&str]) -> Run {
        self.engine.start(&self.pipeline(head, tasks), self.request()).await.unwrap()
    }

    pub(crate) fn pipeline(&self, head: &str, tasks: &[&str]) -> Pipeline {
        let tasks: String = tasks.iter().map(|task| format!("      - {task}\n")).collect();
        let text = format!("name: c\nexecutor: pods\n{head}stages:\n  - name: S\n    tasks:\n{tasks}");
        let text = text.replace("IMAGE", &self.site.image("2"));
        windlass::pipeline::read(text.as_bytes(), "c.yaml").unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// With the credentials `right` and `wrong` for the registry that wants a password.
    pub(crate) fn request(&self) -> RunRequest {
        let server = self.site.test.private_images.clone().unwrap_or_default();
        let server = server.split('/').next().unwrap_or_default().to_owned();
        let login = |password: &str| Credential::Registry {
            server: server.clone(),
            user: "puller".to_owned(),
            password: password.into(),
        };
        RunRequest::manual().secret("right", login("secret")).secret("wrong", login("not the password"))
    }

    pub(crate) async fn run(&self, tasks: &[&str]) -> Outcome {
        let run = self.start("", tasks).await;
        Outcome::of(run).await
    }

    /// Runs kubectl in the namespace of the tests.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.site.test.kubectl(&[&["--namespace", NAMESPACE], arguments].concat())
    }

    /// Everything of a run that is in the cluster, by kind and name.
    pub(crate) fn left(&self, run: &Run) -> String {
        let label = format!("windlass.dev/run={}", run.id());
        self.kubectl(&[
            "get",
            "pods,configmaps,secrets,persistentvolumeclaims",
            "--output",
            "name",
            "--selector",
            &label,
        ])
    }
}

/// Reads the log of a run as it grows, until it is as wanted.
pub(crate) async fn until_log(run: &Run, mut is_wanted: impl FnMut(&str) -> bool) -> String {
    let mut events = run.events().await.unwrap();
    let mut log = Vec::new();
    while let Some(event) = events.next().await.unwrap() {
        if let EventKind::Log { bytes, .. } = &event.kind {
            log.extend_from_slice(bytes);
            let text = String::from_utf8_lossy(&log).into_owned();
            if is_wanted(&text) {
                return text;
            }
        }
    }
    panic!("the run ended with this log:\n{}", String::from_utf8_lossy(&log))
}

/// The sentence with which a run first waits for this reason.
pub(crate) async fn until_waiting(run: &Run, code: &str) -> String {
    let mut events = run.events().await.unwrap();
    while let Some(event) = events.next().await.unwrap() {
        match event.kind {
            EventKind::TaskWaiting { reason, .. } if reason.code == code => return reason.message,
            _ => {}
        }
    }
    panic!("the run ended without waiting for {code}")
}

/// The name of a node.
pub(crate) fn node(site: &Site) -> String {
    site.test.kubectl(&["get", "nodes", "--output", "jsonpath={.items[0].metadata.name}"])
}

/// Nothing that another test has.
pub(crate) fn fresh(site: &Site, word: &str) -> String {
    let id: String = site.clock.new_id().to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{word}-{}", &id[id.len() - 12..])
}
