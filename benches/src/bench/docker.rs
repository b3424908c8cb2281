//! Steps in containers of a Docker engine, beside what its API needs for the same work.
//!
//! The engine is that of `DOCKER_HOST`, or the one that `tests/docker/up` has set up; the image is `WINDLASS_BENCH_IMAGE`, or the
//! Debian that it makes; the helper is `WINDLASS_HELPER`, or this machine's static busybox.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use futures::StreamExt;
use windlass::clock::SystemClock;
use windlass::executor::{DockerEndpoint, DockerExecutor, HelperImage};
use windlass::pipeline::Order;
use windlass::{Engine, EngineEventKind, EventFilter, EventKind, Pipeline, Run, RunRequest, Stage, Task};

use super::Effort;
use crate::measure::{Failure, Stopwatch, each, medians, millis, runtime};
use crate::table::Row;

/// Characters of a line, without its end.
const WIDTH: usize = 103;
/// The pause between two looks whether a run's containers are gone.
const PAUSE: Duration = Duration::from_millis(20);
/// How much of its floor a cold run may take.
const COLD: f64 = 1.2;

pub(super) fn run(effort: Effort) -> Result<Vec<Row>, Failure> {
    let bench = Bench::open()?;
    let rows = measure(&bench, effort);
    bench.runtime.block_on(bench.floor.remove())?;
    bench.runtime.block_on(bench.engine.close())?;
    rows
}

fn measure(bench: &Bench, effort: Effort) -> Result<Vec<Row>, Failure> {
    let count = effort.count(20, 3);
    // What an engine needs once, such as the helper's volume, is no part of a run.
    bench.runtime.block_on(bench.first_line())?;
    let mut rows = vec![
        steps(bench, effort, count, Order::Sequential)?,
        steps(bench, effort, count, Order::Parallel)?,
        cold(bench, effort)?,
    ];
    rows.push(lines(bench, effort, effort.count(1_000_000, 1000))?);
    Ok(rows)
}

fn steps(bench: &Bench, effort: Effort, count: usize, order: Order) -> Result<Row, Failure> {
    let [raw, measured] = medians(
        effort.repeat,
        [&mut || bench.runtime.block_on(bench.floor.execs(count, order)), &mut || {
            bench.runtime.block_on(bench.warm_steps(count, order))
        }],
    )?;
    let word = if order == Order::Parallel { "parallel" } else { "sequential" };
    let work = format!("{count} {word} no-op steps in a warm container, each");
    Ok(Row::millis(work, "one exec through the API", raw, measured).target(5.0))
}

fn cold(bench: &Bench, effort: Effort) -> Result<Row, Failure> {
    let [raw, measured] = medians(
        effort.repeat,
        [&mut || bench.runtime.block_on(bench.floor.create_and_start(&bench.image)), &mut || {
            bench.runtime.block_on(bench.first_line())
        }],
    )?;
    let row = Row::millis("first log line of a cold run", "raw create and start", raw, measured);
    Ok(row.target(COLD * raw).note(format!("the aim is {COLD} times the floor")))
}

fn lines(bench: &Bench, effort: Effort, lines: usize) -> Result<Row, Failure> {
    let script = format!("yes {} | head -n {lines}", "x".repeat(WIDTH));
    let bytes = (lines * (WIDTH + 1)) as u64;
    let [raw, measured] = medians(
        effort.repeat,
        [&mut || bench.runtime.block_on(bench.floor.exec(&["sh", "-c", &script])), &mut || {
            bench.runtime.block_on(bench.lines(&script, bytes))
        }],
    )?;
    let work = format!("{lines} lines from a warm container, {:.0} MB", bytes as f64 / 1e6);
    Ok(Row::millis(work, "one exec through the API", raw, measured).target(600.0))
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    engine: Engine,
    floor: Floor,
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
        let (endpoint, docker) = connect()?;
        let docker_executor =
            DockerExecutor::kept_in(endpoint, folder.path().join("installation"), clock).helper(helper);
        let builder =
            Engine::builder().data_dir(folder.path().join("data")).executor("docker", docker_executor).max_tasks(64);
        let engine = runtime.block_on(builder.open())?;
        let image = std::env::var("WINDLASS_BENCH_IMAGE").unwrap_or_else(|_| "windlass-test/debian:1".to_owned());
        let floor = runtime.block_on(Floor::open(docker, &image))?;
        Ok(Self { runtime, engine, floor, image, _folder: folder })
    }

    fn task(&self, name: &str, script: &str) -> windlass::pipeline::TaskBuilder {
        Task::script(name, script).shell("sh").image(&self.image)
    }

    /// The time of a step, measured from the end of a first one, which made the container.
    async fn warm_steps(&self, count: usize, order: Order) -> Result<f64, Failure> {
        let stage = if order == Order::Parallel { Stage::parallel("Steps") } else { Stage::sequential("Steps") };
        let pipeline = Pipeline::builder("steps")
            .stage(Stage::sequential("Warm").task(self.task("warm", "true")))
            .stage(stage.tasks((0..count).map(|number| self.task(&format!("t{number}"), "true"))))
            .build()?;
        let (run, took) = self.after_the_first(&pipeline).await?;
        self.gone(&run).await?;
        Ok(took / count as f64)
    }

    /// The time of a step that prints, measured from the end of a first one, which made the container.
    async fn lines(&self, script: &str, bytes: u64) -> Result<f64, Failure> {
        let print = Stage::sequential("Print").task(self.task("warm", "true")).task(self.task("print", script));
        let pipeline = Pipeline::builder("lines").stage(print).build()?;
        let (run, took) = self.after_the_first(&pipeline).await?;
        let last = run.log("print", 1, bytes - 1, 10).await?;
        self.gone(&run).await?;
        if last.as_ref() == b"\n" { Ok(took) } else { Err(format!("the log does not end at byte {bytes}").into()) }
    }

    /// The time from the end of a run's first task to that of its last one.
    async fn after_the_first(&self, pipeline: &Pipeline) -> Result<(Run, f64), Failure> {
        let run = self.engine.start(pipeline, RunRequest::manual()).await?;
        let types = ["taskFinished", "runFinished"].map(str::to_owned).to_vec();
        let filter = EventFilter { run: Some(run.id()), types, changes: false, ..EventFilter::default() };
        let mut events = self.engine.events(filter).await?;
        let (mut watch, mut took) = (None, 0.0);
        while let Some(event) = events.next().await? {
            match event.kind {
                EngineEventKind::Run(event) if matches!(event.kind, EventKind::RunFinished { .. }) => break,
                _ => took = millis(watch.get_or_insert_with(Stopwatch::start).elapsed()),
            }
        }
        let outcome = run.wait().await?;
        if !outcome.succeeded() {
            return Err(format!("the run did not succeed: {:?}", outcome.cause).into());
        }
        Ok((run, took))
    }

    /// The time from the request of a run to the first line of its log, with nothing warm.
    async fn first_line(&self) -> Result<f64, Failure> {
        let stage = Stage::sequential("Print").task(self.task("first", "echo first"));
        let pipeline = Pipeline::builder("first").stage(stage).build()?;
        let watch = Stopwatch::start();
        let run = self.engine.start(&pipeline, RunRequest::manual()).await?;
        let mut events = run.events().await?;
        let mut took = None;
        while let Some(event) = events.next().await? {
            if let EventKind::Log { .. } = event.kind {
                took.get_or_insert_with(|| millis(watch.elapsed()));
            }
        }
        let outcome = run.wait().await?;
        self.gone(&run).await?;
        took.ok_or_else(|| format!("the run printed nothing: {:?}", outcome.cause).into())
    }

    /// Waits until nothing is left of a run, so that its removal is no part of what is measured next.
    #[expect(clippy::disallowed_methods, reason = "the Docker engine lives in real time")]
    async fn gone(&self, run: &Run) -> Result<(), Failure> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("dev.windlass.run={}", run.id())])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        while !self.floor.docker.list_containers(Some(options.clone())).await?.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// The engine that the environment names, else that of `tests/docker/up`.
fn connect() -> Result<(DockerEndpoint, Docker), Failure> {
    match socket_of_tests().filter(|_| std::env::var_os("DOCKER_HOST").is_none()) {
        Some(socket) => {
            let docker = Docker::connect_with_unix(&socket.to_string_lossy(), 120, bollard::API_DEFAULT_VERSION)?;
            Ok((DockerEndpoint::Socket(socket), docker))
        }
        None => Ok((DockerEndpoint::Environment, Docker::connect_with_defaults()?)),
    }
}

fn socket_of_tests() -> Option<PathBuf> {
    let folder = std::env::var_os("WINDLASS_DOCKER_DIR").map(PathBuf::from);
    let cache = || std::env::var_os("XDG_CACHE_HOME").map(|cache| PathBuf::from(cache).join("windlass-docker"));
    let home = || std::env::home_dir().map(|home| home.join(".cache/windlass-docker"));
    let text = std::fs::read(folder.or_else(cache).or_else(home)?.join("site.json")).ok()?;
    let site: serde_json::Value = serde_json::from_slice(&text).ok()?;
    site.get("engine")?.as_str()?.strip_prefix("unix://").map(PathBuf::from)
}

/// The API by itself.
struct Floor {
    docker: Docker,
    container: String,
}

impl Floor {
    async fn open(docker: Docker, image: &str) -> Result<Self, Failure> {
        let docker = docker.negotiate_version().await?;
        let container = start(&docker, image).await?;
        Ok(Self { docker, container })
    }

    async fn create_and_start(&self, image: &str) -> Result<f64, Failure> {
        let watch = Stopwatch::start();
        let container = start(&self.docker, image).await?;
        let took = millis(watch.elapsed());
        remove(&self.docker, &container).await?;
        Ok(took)
    }

    async fn execs(&self, count: usize, order: Order) -> Result<f64, Failure> {
        each(count, order, || self.exec(&["true"])).await
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
