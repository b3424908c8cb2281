//! Two hundred runs in pods of the real node, twenty at once: what they cost. By a command, alone on the cluster:
//!
//! `cargo test --release -p windlass-tests --test deployment two_hundred -- --ignored --nocapture`
#![expect(clippy::disallowed_methods, reason = "a measurement of the real time")]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use windlass::cluster::{ClusterAccess, NewCluster};
use windlass::executor::PodSettings;
use windlass::run::queue::RunLimits;
use windlass::{Engine, RunRequest};
use windlass_tests::cluster::{TestCluster, eventually};

const RUNS: usize = 200;
const AT_ONCE: usize = 20;

/// Requests to the API server: the client of the cluster tells of each.
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

struct Counter {
    ids: AtomicU64,
}

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == "windlass::cluster::client"
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(self.ids.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// A line of this process's status, in KiB.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|found| found.strip_prefix(line));
    found.and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: minutes on a cluster that nobody else uses"]
async fn two_hundred_queued_runs_go_twenty_at_once() {
    tracing::subscriber::set_global_default(Counter { ids: AtomicU64::new(0) }).unwrap();
    let cluster = TestCluster::find();
    let (folder, space) = (tempfile::tempdir().unwrap(), cluster.space("queued"));
    let image = format!("{}/busybox:1", cluster.images);
    let settings = PodSettings::default().helper(image.as_str());
    let limits = RunLimits { runs: AT_ONCE, per_pipeline: None };
    let builder = Engine::builder().data_dir(folder.path()).kubernetes("pods", "test", |pods| pods.pods(settings));
    let engine = builder.max_tasks(RUNS).run_limits(limits).open().await.unwrap();
    let access = ClusterAccess::KubeconfigFile { path: cluster.kubeconfig.clone(), context: None };
    let new = NewCluster { name: "test".to_owned(), access, namespace: Some(space.name.clone()) };
    engine.clusters().add(new, "ana").await.unwrap();
    let document = format!(
        "name: many\nexecutor: pods\nstages: [{{name: T, tasks: [{{name: t, image: '{image}', script: echo hello}}]}}]"
    );
    let pipeline = windlass::pipeline::read(document.as_bytes(), "many.yaml").unwrap();

    let (before, asked, begin) = (memory("VmRSS"), REQUESTS.load(Ordering::Relaxed), Instant::now());
    let mut runs = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        runs.push(engine.start(&pipeline, RunRequest::manual()).await.unwrap());
    }
    let queued = begin.elapsed();
    let mut most = 0;
    for run in &runs {
        let pods = space.kubectl(&["get", "pods", "--field-selector=status.phase!=Succeeded", "-o", "name"]);
        most = most.max(pods.lines().count());
        assert!(run.wait().await.unwrap().succeeded(), "{:?}", run.summary().await);
    }
    let (took, requests) = (begin.elapsed(), REQUESTS.load(Ordering::Relaxed) - asked);
    println!(
        "{RUNS} runs, {AT_ONCE} at once: queued in {queued:.1?}, all done in {took:.1?}, {:.2?} a run",
        took / RUNS as u32
    );
    println!("{requests} requests to the API server, {:.1} a run", requests as f64 / RUNS as f64);
    let (after, peak) = (memory("VmRSS"), memory("VmHWM"));
    println!("memory: {before} KiB before, {after} KiB after, {peak} KiB at most; pods seen at once: {most}");
    for run in &runs {
        let log = run.logs("t").await.unwrap();
        // Before it stands what the cluster told of the pod.
        let own = log.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"[windlass] "));
        assert_eq!(own.collect::<Vec<_>>(), [b"hello\n"]);
    }
    eventually(Duration::from_secs(120), || space.kubectl(&["get", "pods", "-o", "name"]).is_empty());
    engine.close().await.unwrap();
}
