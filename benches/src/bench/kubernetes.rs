//! Steps in pods of a cluster, beside what its API needs for the same work.
//!
//! The cluster is that of `KUBECONFIG`, or the one that `tests/cluster/up` has brought up; the image of the steps is
//! `WINDLASS_BENCH_IMAGE` and the helper `WINDLASS_HELPER`, or those of the latter.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use kube::api::{AttachParams, DeleteParams, ObjectMeta, PostParams, WatchEvent, WatchParams};
use serde_json::json;
use tokio::io::AsyncReadExt;
use windlass::clock::{Clock, SystemClock};
use windlass::cluster::{Cluster, ClusterAccess};
use windlass::executor::{KubernetesExecutor, PodSettings};
use windlass::pipeline::{Order, TaskBuilder};
use windlass::{Engine, EventKind, Pipeline, RunRequest, RunSummary, Stage, Task};

use super::Effort;
use crate::measure::{Failure, Stopwatch, each, medians, millis, runtime};
use crate::table::Row;

/// Characters of a line, without its end.
const WIDTH: usize = 103;
/// Where the pods are. It stays.
const NAMESPACE: &str = "windlass-bench";
/// The images of the cluster of the tests.
const IMAGES: &str = "127.0.0.1:15000/library/busybox";

pub(super) fn run(effort: Effort) -> Result<Vec<Row>, Failure> {
    let bench = Bench::open()?;
    let floor = bench.runtime.block_on(Floor::open(&bench))?;
    let rows = measure(&bench, &floor, effort);
    bench.runtime.block_on(floor.remove(&floor.pod))?;
    bench.runtime.block_on(bench.engine.close())?;
    rows
}

fn measure(bench: &Bench, floor: &Floor, effort: Effort) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let count = effort.count(10, 3);
    for order in [Order::Sequential, Order::Parallel] {
        let [raw, measured] = medians(
            effort.repeat,
            [&mut || bench.runtime.block_on(floor.execs(count, order)), &mut || {
                bench.runtime.block_on(bench.warm_steps(count, order))
            }],
        )?;
        let word = if order == Order::Parallel { "parallel" } else { "sequential" };
        let work = format!("{count} {word} no-op steps in a warm pod, each");
        rows.push(Row::millis(work, "one exec through the API", raw, measured).target(10.0));
    }
    rows.extend(cold(bench, floor, effort)?);
    let lines = effort.count(1_000_000, 1000);
    let script = format!("yes {} | head -n {lines}", "x".repeat(WIDTH));
    let [raw, measured] = medians(
        effort.repeat,
        [&mut || bench.runtime.block_on(floor.exec(&["sh", "-c", &script])), &mut || {
            bench.runtime.block_on(bench.lines(&script, (lines * (WIDTH + 1)) as u64))
        }],
    )?;
    let work = format!("{lines} lines from a warm pod");
    rows.push(Row::millis(work, "one exec through the API", raw, measured).target(1200.0));
    Ok(rows)
}

/// Runs for which nothing is warm. What they waited for is removed before the next one begins.
fn cold(bench: &Bench, floor: &Floor, effort: Effort) -> Result<Vec<Row>, Failure> {
    let count = effort.count(10, 3);
    let [raw, first, ten] = medians(
        effort.repeat,
        [
            &mut || bench.runtime.block_on(floor.create_to_running()),
            &mut || bench.runtime.block_on(bench.cold(1)).map(|times| times.0),
            &mut || bench.runtime.block_on(bench.cold(count)).map(|times| times.1),
        ],
    )?;
    let name = "raw pod, create to running";
    let row = Row::millis("first log line of a cold run", name, raw, first).target(raw * 1.2);
    let row = row.note(format!("wanted are 1.2 times the floor; {:.2} were needed", first / raw));
    let whole = Row::millis(format!("a run of {count} steps, cold, to its end"), name, raw, ten).target(1300.0);
    Ok(vec![row, whole])
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    engine: Engine,
    cluster: Cluster,
    image: String,
    clock: Arc<SystemClock>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn open() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let runtime = runtime()?;
        let clock = Arc::new(SystemClock::resume(None));
        let access = ClusterAccess::KubeconfigFile { path: kubeconfig()?, context: None };
        let of_environment = |name: &str, tag: &str| std::env::var(name).unwrap_or_else(|_| format!("{IMAGES}:{tag}"));
        let settings = PodSettings::default().helper(of_environment("WINDLASS_HELPER", "1"));
        let (cluster, engine) = runtime.block_on(async {
            let cluster = Cluster::connect("bench", &access, None, Some(NAMESPACE)).await?;
            make_namespace(&cluster).await?;
            let pods = KubernetesExecutor::new(cluster.clone(), clock.new_id().to_string(), clock.clone());
            let builder = Engine::builder().data_dir(folder.path().join("data")).max_tasks(64);
            let engine = builder.executor("pods", pods.pods(settings)).open().await?;
            Ok::<_, Failure>((cluster, engine))
        })?;
        let image = of_environment("WINDLASS_BENCH_IMAGE", "2");
        Ok(Self { runtime, engine, cluster, image, clock, _folder: folder })
    }

    fn task(&self, name: impl Into<String>, script: &str) -> TaskBuilder {
        Task::script(name.into(), script).shell("sh").image(&self.image)
    }

    /// The time of a step, measured from the end of a first one, which waited for the pod.
    async fn warm_steps(&self, count: usize, order: Order) -> Result<f64, Failure> {
        let stage = if order == Order::Parallel { Stage::parallel("Steps") } else { Stage::sequential("Steps") };
        let pipeline = Pipeline::builder("steps")
            .stage(Stage::sequential("Warm").task(self.task("warm", "true")))
            .stage(stage.tasks((0..count).map(|number| self.task(format!("t{number}"), "true"))))
            .build()?;
        Ok(self.after_the_first(&pipeline).await?.1 / count as f64)
    }

    /// The run, and the time from the end of its first task to that of its last.
    async fn after_the_first(&self, pipeline: &Pipeline) -> Result<(windlass::Run, f64), Failure> {
        let run = self.engine.start(pipeline, RunRequest::manual()).await?;
        let mut events = run.events().await?;
        let (mut watch, mut took) = (None, 0.0);
        while let Some(event) = events.next().await? {
            if let EventKind::TaskFinished { .. } = event.kind {
                let watch = *watch.get_or_insert_with(Stopwatch::start);
                took = millis(watch.elapsed());
            }
        }
        succeeded(&run.wait().await?)?;
        Ok((run, took))
    }

    /// The times from the request of a run to the first line of its first step, and to the end of its last one.
    async fn cold(&self, count: usize) -> Result<(f64, f64), Failure> {
        let tasks = (0..count).map(|number| self.task(format!("t{number}"), "echo the first line"));
        let pipeline = Pipeline::builder("cold").stage(Stage::sequential("Print").tasks(tasks)).build()?;
        let watch = Stopwatch::start();
        let run = self.engine.start(&pipeline, RunRequest::manual()).await?;
        let mut events = run.events().await?;
        let (mut first, mut last) = (None, 0.0);
        while let Some(event) = events.next().await? {
            match &event.kind {
                // Before it comes what the cluster tells of the pod.
                EventKind::Log { bytes, .. } if bytes.ends_with(b"the first line\n") => {
                    first.get_or_insert_with(|| millis(watch.elapsed()));
                }
                EventKind::TaskFinished { .. } => last = millis(watch.elapsed()),
                _ => {}
            }
        }
        succeeded(&run.wait().await?)?;
        Ok((first.ok_or("the run printed nothing")?, last))
    }

    async fn lines(&self, script: &str, bytes: u64) -> Result<f64, Failure> {
        let stage = Stage::sequential("Print").task(self.task("warm", "true")).task(self.task("print", script));
        let pipeline = Pipeline::builder("lines").stage(stage).build()?;
        let (run, took) = self.after_the_first(&pipeline).await?;
        // What is told of the pod may stand before them.
        let log = run.logs("print").await?;
        let own = log.len() as u64 - told(&log);
        if own == bytes { Ok(took) } else { Err(format!("{own} bytes of log instead of {bytes}").into()) }
    }
}

/// How much of a log is what the cluster told.
fn told(log: &[u8]) -> u64 {
    let lines = log.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| line.starts_with(b"[windlass] ")).map(|line| line.len() as u64).sum()
}

fn kubeconfig() -> Result<PathBuf, Failure> {
    if let Some(named) = std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) {
        return Ok(named.into());
    }
    let root = std::env::var_os("WINDLASS_TEST_CLUSTER").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/windlass-test-cluster"));
    let file = root.or_else(home).unwrap_or_default().join("run/admin.kubeconfig");
    if file.exists() { Ok(file) } else { Err("let KUBECONFIG name a cluster, or run tests/cluster/up".into()) }
}

async fn make_namespace(cluster: &Cluster) -> Result<(), Failure> {
    let api: Api<Namespace> = Api::all(cluster.client().clone());
    let metadata = ObjectMeta { name: Some(NAMESPACE.to_owned()), ..ObjectMeta::default() };
    match api.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

fn succeeded(outcome: &RunSummary) -> Result<(), Failure> {
    if outcome.succeeded() { Ok(()) } else { Err(format!("the run did not succeed: {:?}", outcome.cause).into()) }
}

/// The API by itself.
struct Floor {
    pods: Api<Pod>,
    image: String,
    pod: String,
    clock: Arc<SystemClock>,
}

impl Floor {
    async fn open(bench: &Bench) -> Result<Self, Failure> {
        let pods = Api::namespaced(bench.cluster.client().clone(), NAMESPACE);
        let clock = Arc::clone(&bench.clock);
        let mut floor = Self { pods, image: bench.image.clone(), pod: String::new(), clock };
        floor.pod = floor.start().await?;
        Ok(floor)
    }

    /// Makes a pod of one container and returns when that runs.
    async fn start(&self) -> Result<String, Failure> {
        let pod = json!({
            "metadata": {"generateName": "floor-"},
            "spec": {
                "containers": [{"name": "main", "image": self.image, "command": ["sleep", "1000"]}],
                "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0,
            },
        });
        let made = self.create(&serde_json::from_value(pod)?).await?;
        let name = made.metadata.name.unwrap_or_default();
        let parameters = WatchParams::default().fields(&format!("metadata.name={name}"));
        let mut events = Box::pin(self.pods.watch(&parameters, "0").await?);
        while let Some(event) = futures::StreamExt::next(&mut events).await {
            if let WatchEvent::Added(pod) | WatchEvent::Modified(pod) = event?
                && pod.status.is_some_and(|status| status.phase.as_deref() == Some("Running"))
            {
                return Ok(name);
            }
        }
        Err("the watch of a pod ended before it ran".into())
    }

    /// The service account of a fresh namespace takes a moment.
    async fn create(&self, pod: &Pod) -> Result<Pod, Failure> {
        for _ in 0..100 {
            match self.pods.create(&PostParams::default(), pod).await {
                Err(kube::Error::Api(status)) if status.message.contains("serviceaccount") => {
                    self.clock.sleep_until(self.clock.now().elapsed + Duration::from_millis(100)).await;
                }
                other => return Ok(other?),
            }
        }
        Err("the namespace gets no service account".into())
    }

    async fn create_to_running(&self) -> Result<f64, Failure> {
        let watch = Stopwatch::start();
        let name = self.start().await?;
        let took = millis(watch.elapsed());
        self.remove(&name).await?;
        Ok(took)
    }

    async fn execs(&self, count: usize, order: Order) -> Result<f64, Failure> {
        each(count, order, || self.exec(&["true"])).await
    }

    /// Runs a program to its end and reads all that it says.
    async fn exec(&self, argv: &[&str]) -> Result<f64, Failure> {
        let watch = Stopwatch::start();
        let parameters = AttachParams::default().stderr(false).max_stdout_buf_size(256 * 1024);
        let mut process = self.pods.exec(&self.pod, argv.iter().copied(), &parameters).await?;
        if let Some(mut output) = process.stdout() {
            let mut buffer = vec![0; 64 * 1024];
            while output.read(&mut buffer).await? > 0 {}
        }
        process.join().await?;
        Ok(millis(watch.elapsed()))
    }

    async fn remove(&self, pod: &str) -> Result<(), Failure> {
        self.pods.delete(pod, &DeleteParams::default().grace_period(0)).await?;
        Ok(())
    }
}
