//! Many runs on many nodes. The nodes do not exist (`tests/cluster/fake-nodes up`), but the scheduler that places pods on them is
//! the real one: where runs come to wait, and what they say meanwhile, is true.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use windlass::cluster::{ClusterAccess, NewCluster};
use windlass::executor::PodSettings;
use windlass::run::queue::RunLimits;
use windlass::{Engine, Run, RunRequest};
use windlass_tests::cluster::{Space, TestCluster};

use crate::support::clock;

/// So many runs are more than there is room for.
const TOO_MANY: usize = 3;

/// Runs whose pods ask for nearly one processor, on nodes that do not exist and have two each.
struct Crowd {
    engine: Engine,
    space: Space,
    image: String,
    runs: Vec<Run>,
    _folder: tempfile::TempDir,
}

impl Crowd {
    async fn new(cluster: &TestCluster) -> Self {
        let (folder, space) = (tempfile::tempdir().unwrap(), cluster.space("crowd"));
        let image = format!("{}/busybox:1", cluster.images);
        let settings = PodSettings::default()
            .helper(image.as_str())
            .node_selector("type", "fake")
            .toleration(json!({"key": "kwok.x-k8s.io/node", "operator": "Exists"}));
        let builder = Engine::builder().data_dir(folder.path()).kubernetes("fake", "test", |pods| pods.pods(settings));
        let limits = RunLimits { runs: 1000, per_pipeline: None };
        let engine = builder.max_tasks(1000).run_limits(limits).open().await.unwrap();
        let access = ClusterAccess::KubeconfigFile { path: cluster.kubeconfig.clone(), context: None };
        let new = NewCluster { name: "test".to_owned(), access, namespace: Some(space.name.clone()) };
        engine.clusters().add(new, "ana").await.unwrap();
        Self { engine, space, image, runs: Vec::new(), _folder: folder }
    }

    async fn start(&mut self, count: usize) {
        let task =
            format!("{{name: t, image: '{}', script: 'true', resources: {{requests: {{cpu: 900m}}}}}}", self.image);
        let document = format!("name: crowd\nexecutor: fake\nstages: [{{name: T, tasks: [{task}]}}]");
        let pipeline = windlass::pipeline::read(document.as_bytes(), "crowd.yaml").unwrap();
        for _ in 0..count {
            self.runs.push(self.engine.start(&pipeline, RunRequest::manual()).await.unwrap());
        }
    }

    /// How many pods each node has; those without a node stand under an empty name.
    fn placed(&self) -> BTreeMap<String, usize> {
        let pods: Value = serde_json::from_str(&self.space.kubectl(&["get", "pods", "-o", "json"])).unwrap();
        let mut placed = BTreeMap::new();
        for pod in pods["items"].as_array().unwrap() {
            let leaves = pod["metadata"]["deletionTimestamp"].is_string();
            if !leaves {
                *placed.entry(pod["spec"]["nodeName"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
            }
        }
        placed
    }

    /// What the runs say that wait for a node.
    async fn waiting(&self) -> Vec<String> {
        let mut said = Vec::new();
        for run in &self.runs {
            let waiting = run.summary().await.unwrap().tasks.remove(0).waiting;
            said.extend(waiting.filter(|reason| reason.code == "unschedulable").map(|reason| reason.message));
        }
        said
    }

    /// Looks until it is so, for two minutes.
    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let clock = clock();
        let end = clock.now().elapsed + Duration::from_secs(120);
        while !is_so().await {
            assert!(clock.now().elapsed < end, "{what}: {:?}, {:?}", self.placed(), self.waiting().await);
            clock.sleep_until(clock.now().elapsed + Duration::from_millis(300)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "wants nodes that do not exist: tests/cluster/fake-nodes up"]
async fn runs_spread_over_the_nodes_and_when_all_are_full_they_wait_with_the_schedulers_words() {
    let cluster = TestCluster::find();
    let nodes = cluster.kubectl(&["get", "nodes", "-l", "type=fake", "-o", "name"]).lines().count();
    assert!(nodes > 0, "there are no nodes that do not exist: run tests/cluster/fake-nodes up");
    let mut crowd = Crowd::new(&cluster).await;
    crowd.start(nodes).await;
    crowd
        .until("as many runs as nodes are one on each", async || {
            let placed = crowd.placed();
            placed.len() == nodes && placed.values().all(|count| *count == 1)
        })
        .await;
    assert_eq!(crowd.waiting().await, Vec::<String>::new());

    crowd.start(nodes + TOO_MANY).await;
    crowd
        .until("all nodes are full, and the rest waits", async || {
            let mut placed = crowd.placed();
            placed.remove("") == Some(TOO_MANY) && placed.values().all(|count| *count == 2)
        })
        .await;
    crowd.until("those that wait say so", async || crowd.waiting().await.len() == TOO_MANY).await;
    for said in crowd.waiting().await {
        assert!(said.contains(&format!("{nodes} Insufficient cpu")), "{said}");
    }

    // One place becomes free: one run less waits.
    crowd.runs[0].cancel("ana", "makes room").await.unwrap();
    crowd.until("one of them gets the place", async || crowd.placed().remove("") == Some(TOO_MANY - 1)).await;
    crowd.until("it no longer waits for a node", async || crowd.waiting().await.len() == TOO_MANY - 1).await;
    println!("{nodes} nodes, {} runs, {TOO_MANY} of which waited", crowd.runs.len());
    for run in &crowd.runs[1..] {
        run.cancel("ana", "enough").await.unwrap();
    }
    for run in &crowd.runs {
        run.wait().await.unwrap();
    }
    crowd.until("nothing is left", async || crowd.placed().is_empty()).await;
    crowd.engine.close().await.unwrap();
}
