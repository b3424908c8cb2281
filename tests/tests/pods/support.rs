//! An executor over the cluster of the tests.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use windlass::clock::{SharedClock, SystemClock};
use windlass::cluster::{Cluster, ClusterAccess};
use windlass::executor::{Executor, KubernetesExecutor, PodSettings};
use windlass::testing::executor_conformance::Factory;
use windlass_tests::api_front::ApiFront;
use windlass_tests::cluster::TestCluster;

/// Where the pods of these tests are. It stays.
pub(crate) const NAMESPACE: &str = "windlass-pods";

/// An installation of its own in the namespace.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) test: TestCluster,
    pub(crate) cluster: Cluster,
    pub(crate) installation: String,
    pub(crate) clock: SharedClock,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let test = TestCluster::find();
        static MADE: OnceLock<()> = OnceLock::new();
        MADE.get_or_init(|| test.make_namespace(NAMESPACE));
        Self::within(test, NAMESPACE).await
    }

    /// By way of a front.
    pub(crate) async fn behind(front: &ApiFront) -> Self {
        let site = Self::new().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, front.kubeconfig()).unwrap();
        let cluster = connect(&path, NAMESPACE).await;
        Self { cluster, ..site }
    }

    /// In another namespace, which is there.
    pub(crate) async fn within(test: TestCluster, namespace: &str) -> Self {
        let cluster = connect(&test.kubeconfig, namespace).await;
        let clock: SharedClock = Arc::new(SystemClock::resume(None));
        Self { test, cluster, installation: clock.new_id().to_string(), clock }
    }

    pub(crate) fn image(&self, tag: &str) -> String {
        format!("{}/busybox:{tag}", self.test.images)
    }

    pub(crate) fn executor_again(&self) -> KubernetesExecutor {
        self.kubernetes_with(PodSettings::default())
    }

    pub(crate) fn kubernetes_with(&self, settings: PodSettings) -> KubernetesExecutor {
        let settings = settings.helper(self.image("1"));
        KubernetesExecutor::new(self.cluster.clone(), &self.installation, Arc::clone(&self.clock)).pods(settings)
    }
}

async fn connect(kubeconfig: &Path, namespace: &str) -> Cluster {
    let access = ClusterAccess::KubeconfigFile { path: kubeconfig.to_owned(), context: None };
    Cluster::connect("test", &access, None, Some(namespace)).await.unwrap()
}

impl Factory for Site {
    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(self.executor_again())
    }

    fn clock(&self) -> SharedClock {
        Arc::clone(&self.clock)
    }

    fn image(&self) -> Option<String> {
        Some(self.image("2"))
    }
}
