//! An engine with the cluster of the tests, and runs on it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tempfile::TempDir;
use windlass::clock::{SharedClock, SystemClock};
use windlass::cluster::{Cluster, ClusterAccess, NewCluster};
use windlass::deploy::Progress;
use windlass::run::Cause;
use windlass::secret::{Credential, SecretError, SecretProvider};
use windlass::{Engine, Run, RunRequest};
use windlass_tests::cluster::TestCluster;

/// An engine on a folder of its own that knows the cluster as `test`.
pub(crate) struct Site {
    pub(crate) cluster: TestCluster,
    pub(crate) engine: Engine,
    pub(crate) folder: TempDir,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) succeeded: bool,
    pub(crate) log: String,
    /// Of the task that failed.
    pub(crate) cause: Option<Cause>,
}

/// Credentials that the portal keeps.
#[derive(Debug, Default)]
pub(crate) struct Vault(pub(crate) BTreeMap<String, Credential>);

#[async_trait]
impl SecretProvider for Vault {
    fn name(&self) -> &str {
        "the vault of the test"
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError> {
        Ok(self.0.get(name).cloned())
    }
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::with(Vault::default()).await
    }

    /// An engine that finds these credentials. Its own namespace in the cluster is `windlass-test`.
    pub(crate) async fn with(vault: Vault) -> Self {
        let cluster = TestCluster::find();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("project")).unwrap();
        let engine = Engine::builder().data_dir(folder.path().join("data")).secrets(vault).open().await.unwrap();
        let access = ClusterAccess::KubeconfigFile { path: cluster.kubeconfig.clone(), context: None };
        let new = NewCluster { name: "test".to_owned(), access, namespace: None };
        engine.clusters().add(new, "ana").await.unwrap();
        Self { cluster, engine, folder }
    }

    /// Puts a file into what the workspaces begin with. `IMAGES` stands for where the images are.
    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.folder.path().join("project").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.replace("IMAGES", &self.cluster.images)).unwrap();
    }

    /// Starts a run of the only task `deploy` with this action.
    pub(crate) async fn start(&self, action: &str) -> Run {
        let definition = format!("name: shop\nstages: [{{name: Deploy, tasks: [{{name: deploy, {action}}}]}}]");
        let pipeline = windlass::pipeline::read(definition.as_bytes(), "shop.yaml").unwrap();
        let request = RunRequest::manual().source(self.folder.path().join("project"));
        self.engine.start(&pipeline, request).await.unwrap()
    }

    /// Runs the only task `deploy` with this action to its end.
    pub(crate) async fn run(&self, action: &str) -> Ended {
        ended(self.start(action).await).await
    }

    /// Deploys `deploy/*.yaml` into a namespace, with these settings as well.
    pub(crate) async fn deploy(&self, namespace: &str, more: &str) -> Ended {
        self.run(&format!("deployManifests: {{paths: ['deploy/*.yaml'], cluster: test, namespace: {namespace}{more}}}"))
            .await
    }

    /// The connection of the engine.
    pub(crate) async fn connect(&self) -> Cluster {
        self.engine.clusters().connect("test").await.unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

pub(crate) async fn ended(run: Run) -> Ended {
    let outcome = run.wait().await.unwrap();
    let summary = run.summary().await.unwrap();
    let cause = summary.tasks.iter().find_map(|task| task.cause.clone());
    let log = run.logs("deploy").await.map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default();
    Ended { succeeded: outcome.succeeded(), log, cause }
}

impl Ended {
    /// The cause, which must have this code.
    pub(crate) fn failed(&self, code: &str) -> &Cause {
        let cause = self.cause.as_ref().unwrap_or_else(|| panic!("it did not fail:\n{}", self.log));
        assert_eq!(cause.code, code, "{cause:?}\n{}", self.log);
        cause
    }

    pub(crate) fn succeeded(&self) -> &Self {
        assert!(self.succeeded, "{:?}\n{}", self.cause, self.log);
        self
    }
}

/// Keeps the lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(pub(crate) Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Progress for Lines {
    async fn line(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

pub(crate) fn clock() -> SharedClock {
    Arc::new(SystemClock::resume(None))
}

/// A Deployment of two pods that serve the page of an image, and its Service on a node port.
pub(crate) fn page(name: &str, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {name}}}}}
  strategy: {{rollingUpdate: {{maxUnavailable: 0, maxSurge: 1}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: web
          image: IMAGES/busybox:{tag}
          command: [sh, -c, 'mkdir /pages; echo \"build ${{BUILD_NUMBER}} of $(cat /www/index.html)\" > /pages/index.html; exec httpd -f -p 8080 -h /pages']
          lifecycle: {{preStop: {{exec: {{command: [sleep, '4']}}}}}}
          readinessProbe: {{httpGet: {{path: /, port: 8080}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{type: NodePort, selector: {{app: {name}}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}}}
spec:
  rules:
    - host: {name}.example.com
      http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: {name}, port: {{number: 80}}}}}}}}]}}
"
    )
}
