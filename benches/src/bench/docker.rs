//! Steps in containers of a Docker engine, beside what its API needs for the same work.
//!
//! The engine is that of `DOCKER_HOST`; the image is `WINDLASS_BENCH_IMAGE`, or the Debian that `tests/docker/up` makes; the
//! helper is `WINDLASS_HELPER`, or this machine's static busybox.

use std::path::PathBuf;
use std::sync::Arc;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use futures::StreamExt;
use futures::future::try_join_all;
use windlass::clock::SystemClock;
use windlass::executor::{DockerEndpoint, DockerExecutor, HelperImage};
use windlass::pipeline::Order;
use windlass::{Engine, EventKind, Pipeline, RunRequest, RunSummary, Stage, Task};

use super::Effort;
use crate::measure::{Failure, Stopwatch, medians, millis, runtime};
use crate::table::Row;

/// Characters of a line, without its end.
const WIDTH: usize = 103;

pub(super) fn run(effort: Effort) -> Result<Vec<Row>, Failure> {
    let bench = Bench::open()?;
    let floor = Floor::open(&bench)?;
    let rows = measure(&bench, &floor, effort);
    bench.runtime.block_on(floor.remove())?;
    bench.runtime.block_on(bench.engine.close())?;
    rows
}

fn measure(bench: &Bench, floor: &Floor, effort: Effort) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let count = effort.count(20, 3);
    for order in [Order::Sequential, Order::Parallel] {
        let [raw, measured] = medians(
            effort.repeat,
            [&mut || bench.runtime.block_on(floor.execs(count, order)), &mut || {
                bench.runtime.block_on(bench.warm_steps(count, order))
            }],
        )?;
        let word = if order == Order::Parallel { "parallel" } else { "sequential" };
        let work = format!("{count} {word} no-op steps in a warm container, each");
        rows.push(Row::millis(work, "one exec through the API", raw, measured).target(5.0));
    }
    let [raw, measured] = medians(
        effort.repeat,
        [&mut || bench.runtime.block_on(floor.create_and_start(bench)), &mut || {
            bench.runtime.block_on(bench.first_line())
        }],
    )?;
    let note = format!("{:.2} times the floor; wanted are 1.2", measured / raw);
    rows.push(Row::millis("first log line of a cold run".to_owned(), "raw create and start", raw, measured).note(note));
    let lines = effort.count(1_000_000, 1000);
    let script = format!("yes {} | head -n {lines}", "x".repeat(WIDTH));
    let [raw, measured] = medians(
        effort.repeat,
        [&mut || bench.runtime.block_on(floor.exec(&["sh", "-c", &script])), &mut || {
            bench.runtime.block_on(bench.lines(&script, (lines * (WIDTH + 1)) as u64))
        }],
    )?;
    let work = format!("{lines} lines from a warm container");
    rows.push(Row::millis(work, "one exec through the API", raw, measured).target(600.0));
    Ok(rows)
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    engine: Engine,
    image: String,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn open() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let runtime = runtime()?;
        let clock = Arc::new(SystemClock::resume(None));
        let helper = match HelperImage::of_environment() {
            default if default == HelperImage::default() => HelperImage::Busybox(PathBuf::from("/usr/bin/busybox")),
            named => named,
        };
        let docker = DockerExecutor::kept_in(DockerEndpoint::Environment, folder.path().join("installation"), clock)
            .helper(helper);
        let builder = Engine::builder().data_dir(folder.path().join("data")).executor("docker", docker).max_tasks(64);
        let engine = runtime.block_on(builder.open())?;
        let image = std::env::var("WINDLASS_BENCH_IMAGE").unwrap_or_else(|_| "windlass-test/debian:1".to_owned());
        Ok(Self { runtime, engine, image, _folder: folder })
    }

    /// The time of a step, measured from the end of a first one, which made the container.
    async fn warm_steps(&self, count: usize, order: Order) -> Result<f64, Failure> {
        let task = |name: String| Task::script(name, "true").shell("sh").image(&self.image);
        let stage = if order == Order::Parallel { Stage::parallel("Steps") } else { Stage::sequential("Steps") };
        let pipeline = Pipeline::builder("steps")
            .stage(Stage::sequential("Warm").task(task("warm".to_owned())))
            .stage(stage.tasks((0..count).map(|number| task(format!("t{number}")))))
            .build()?;
        let run = self.engine.start(&pipeline, RunRequest::manual()).await?;
        let mut events = run.events().await?;
        let (mut watch, mut took) = (None, 0.0);
        while let Some(event) = events.next().await? {
            if let EventKind::TaskFinished { .. } = event.kind {
                let watch = *watch.get_or_insert_with(Stopwatch::start);
                took = millis(watch.elapsed());
            }
        }
        succeeded(&run.wait().await?)?;
        Ok(took / count as f64)
    }

    /// The time from the request of a run to the first line of its log, with nothing warm.
    async fn first_line(&self) -> Result<f64, Failure> {
        let task = Task::script("first", "echo first").shell("sh").image(&self.image);
        let pipeline = Pipeline::builder("first").stage(Stage::sequential("Print").task(task)).build()?;
        let watch = Stopwatch::start();
        let run = self.engine.start(&pipeline, RunRequest::manual()).await?;
        let mut events = run.events().await?;
        let mut took = None;
        while let Some(event) = events.next().await? {
            if let EventKind::Log { .. } = event.kind {
                took.get_or_insert_with(|| millis(watch.elapsed()));
            }
        }
        succeeded(&run.wait().await?)?;
        took.ok_or_else(|| "the run printed nothing".into())
    }

    async fn lines(&self, script: &str, bytes: u64) -> Result<f64, Failure> {
        let task = |name: &str, script: &str| Task::script(name, script).shell("sh").image(&self.image);
        let pipeline = Pipeline::builder("lines")
            .stage(Stage::sequential("Print").task(task("warm", "true")).task(task("print", script)))
            .build()?;
        let run = self.engine.start(&pipeline, RunRequest::manual()).await?;
        let mut events = run.events().await?;
        let (mut watch, mut took) = (None, 0.0);
        while let Some(event) = events.next().await? {
            if let EventKind::TaskFinished { .. } = event.kind {
                let watch = *watch.get_or_insert_with(Stopwatch::start);
                took = millis(watch.elapsed());
            }
        }
        succeeded(&run.wait().await?)?;
        let last = run.log("print", 0, bytes - 1, 10).await?;
        if last.as_ref() == b"\n" { Ok(took) } else { Err(format!("the log does not end at byte {bytes}").into()) }
    }
}

fn succeeded(outcome: &RunSummary) -> Result<(), Failure> {
    if outcome.succeeded() { Ok(()) } else { Err(format!("the run did not succeed: {:?}", outcome.cause).into()) }
}

/// The API by itself.
struct Floor {
    docker: Docker,
    container: String,
}

impl Floor {
    fn open(bench: &Bench) -> Result<Self, Failure> {
        bench.runtime.block_on(async {
            let docker = Docker::connect_with_defaults()?.negotiate_version().await?;
            let container = start(&docker, &bench.image).await?;
            Ok(Self { docker, container })
        })
    }

    async fn create_and_start(&self, bench: &Bench) -> Result<f64, Failure> {
        let watch = Stopwatch::start();
        let container = start(&self.docker, &bench.image).await?;
        let took = millis(watch.elapsed());
        remove(&self.docker, &container).await?;
        Ok(took)
    }

    async fn execs(&self, count: usize, order: Order) -> Result<f64, Failure> {
        let watch = Stopwatch::start();
        match order {
            Order::Sequential => {
                for _ in 0..count {
                    self.exec(&["true"]).await?;
                }
            }
            Order::Parallel => drop(try_join_all((0..count).map(|_| self.exec(&["true"]))).await?),
        }
        Ok(millis(watch.elapsed()) / count as f64)
    }

    /// Runs a program to its end and reads all that it says.
    async fn exec(&self, argv: &[&str]) -> Result<f64, Failure> {
        let watch = Stopwatch::start();
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv.to_vec()),
            ..CreateExecOptions::default()
        };
        let exec = self.docker.create_exec(&self.container, options).await?;
        let options = StartExecOptions { output_capacity: Some(256 * 1024), ..StartExecOptions::default() };
        if let StartExecResults::Attached { mut output, .. } = self.docker.start_exec(&exec.id, Some(options)).await? {
            while let Some(piece) = output.next().await {
                let _: LogOutput = piece?;
            }
        }
        self.docker.inspect_exec(&exec.id).await?;
        Ok(millis(watch.elapsed()))
    }

    async fn remove(&self) -> Result<(), Failure> {
        remove(&self.docker, &self.container).await
    }
}

async fn start(docker: &Docker, image: &str) -> Result<String, Failure> {
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(["sleep", "1000"].map(str::to_owned).to_vec()),
        host_config: Some(HostConfig::default()),
        ..ContainerCreateBody::default()
    };
    let made = docker.create_container(None, body).await?;
    docker.start_container(&made.id, None).await?;
    Ok(made.id)
}

async fn remove(docker: &Docker, id: &str) -> Result<(), Failure> {
    let force = RemoveContainerOptionsBuilder::new().force(true).build();
    Ok(docker.remove_container(id, Some(force)).await?)
}
