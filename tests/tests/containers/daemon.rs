//! The Docker engine itself goes away in the middle of a step, or has no room left.

use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use windlass::clock::{Clock, SystemClock};
use windlass::executor::{
    Command, DockerEndpoint, DockerExecutor, Executor, ExecutorError, ExecutorEvent, HelperImage, RunScope,
    StepContainer, StepSecrets, StepSpec,
};
use windlass::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use windlass::run::{RunId, StepEnd, StepKey};
use windlass_tests::docker::{Daemon, DaemonOptions, OnRestart, Site};

/// A run on a Docker engine of its own.
struct Bench {
    daemon: Daemon,
    image: String,
    executor: DockerExecutor,
    run: RunId,
}

impl Bench {
    async fn new(options: DaemonOptions) -> Self {
        let site = Site::find();
        let daemon = Daemon::start(&site, options);
        let clock = Arc::new(SystemClock::resume(None));
        let run = RunId::new(clock.new_id());
        let socket = PathBuf::from(daemon.host().trim_start_matches("unix://"));
        let helper = HelperImage::Busybox(PathBuf::from("/usr/bin/busybox"));
        let executor = DockerExecutor::new(DockerEndpoint::Socket(socket), "test", clock).helper(helper);
        let scope = RunScope { run, generation: 1, existing: false, source: None, adopt: None, outlines: Vec::new() };
        executor.prepare(&scope).await.unwrap();
        Self { daemon, image: site.images.busybox, executor, run }
    }

    fn step(&self, script: &str) -> StepSpec {
        StepSpec {
            key: StepKey { run: self.run, task: TaskId::new("step"), attempt: 1 },
            generation: 1,
            resumed: false,
            command: Command::Script { text: script.to_owned(), shell: None },
            env: std::collections::BTreeMap::new(),
            secrets: StepSecrets::default(),
            image: Some(self.image.clone()),
            container: StepContainer {
                options: windlass::pipeline::ContainerOptions {
                    network: Some("none".to_owned()),
                    ..Default::default()
                },
                services: Vec::new(),
            },
            resources: Resources::default(),
            isolation: Isolation::Run,
            workspace: WorkspaceUse::Shared,
        }
    }

    /// The folder of a volume of the run.
    fn volume(&self, kind: &str) -> PathBuf {
        let filters = [format!("label=dev.windlass.run={}", self.run), format!("label=dev.windlass.kind={kind}")];
        let [run, kind] = filters.each_ref().map(String::as_str);
        let name = self.daemon.docker(&["volume", "ls", "--quiet", "--filter", run, "--filter", kind]);
        self.daemon.docker(&["volume", "inspect", "--format", "{{.Mountpoint}}", &name]).into()
    }

    async fn started(&self, script: &str) -> StepSpec {
        let step = self.step(script);
        self.executor.start(&step).await.unwrap();
        let mut logs = self.executor.logs(&step.key, 0);
        let first = logs.next().await.unwrap().unwrap();
        assert!(first.bytes.starts_with(b"ready\n"), "{:?}", first.bytes);
        step
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_goes_on_while_an_engine_with_live_restore_is_restarted() {
    let mut bench = Bench::new(DaemonOptions { on_restart: OnRestart::GoOn, ..DaemonOptions::default() }).await;
    let mut told = bench.executor.observe(bench.run);
    let step = bench.started("echo ready; until [ -e go ]; do sleep 0.05; done; echo done; exit 7").await;
    let (executor, key) = (bench.executor.clone(), step.key.clone());
    let waiting = tokio::spawn(async move { executor.wait(&key).await });
    // Whoever reads the log of the step hears of it.
    bench.daemon.stop();
    assert!(next_line(&mut told).await.contains("does not answer"));
    bench.daemon.begin();
    assert!(next_line(&mut told).await.contains("answers again"));
    // The step sees that the engine is there again, and goes on as if nothing had been.
    std::fs::write(bench.volume("workspace").join("go"), "").unwrap();
    let exit = waiting.await.unwrap().unwrap();
    assert_eq!(exit.end, StepEnd::Code(7));
    let log: Vec<_> = bench.executor.logs(&step.key, 0).collect().await;
    let log: Vec<u8> = log.into_iter().flat_map(|piece| piece.unwrap().bytes.to_vec()).collect();
    assert_eq!(String::from_utf8_lossy(&log), "ready\ndone\n");
    bench.executor.release(bench.run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_lost_when_its_engine_takes_it_along() {
    let mut bench = Bench::new(DaemonOptions::default()).await;
    let step = bench.started("echo ready; sleep 1000").await;
    let (executor, key) = (bench.executor.clone(), step.key.clone());
    let waiting = tokio::spawn(async move { executor.wait(&key).await });
    bench.daemon.stop();
    bench.daemon.begin();
    let lost = waiting.await.unwrap();
    assert!(matches!(lost, Err(ExecutorError::Lost { .. })), "{lost:?}");
    bench.executor.release(bench.run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_engine_is_waited_for() {
    let bench = Bench::new(DaemonOptions { disk: Some(64 << 20), ..DaemonOptions::default() }).await;
    let step = bench
        .started(
            "echo ready; dd if=/dev/zero of=big bs=1M 2>/dev/null || echo full; sleep 1; rm big; echo after; exit 4",
        )
        .await;
    let exit = bench.executor.wait(&step.key).await.unwrap();
    assert_eq!(exit.end, StepEnd::Code(4));
    let log: Vec<_> = bench.executor.logs(&step.key, 0).collect().await;
    let log: Vec<u8> = log.into_iter().flat_map(|piece| piece.unwrap().bytes.to_vec()).collect();
    assert_eq!(String::from_utf8_lossy(&log), "ready\nfull\nafter\n");
    bench.executor.release(bench.run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_for_which_the_engine_has_no_room_is_told_and_made_when_it_has() {
    let bench = Bench::new(DaemonOptions { disk: Some(64 << 20), ..DaemonOptions::default() }).await;
    let filler = bench.daemon.data().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write(&mut file, &[1; 4096]).is_ok() {}
    drop(file);
    let step = bench.step("echo made");
    match bench.executor.start(&step).await {
        Err(ExecutorError::Infrastructure { code, advice, .. }) => {
            assert_eq!(code, "dockerDiskFull");
            assert!(advice.contains("docker system prune"), "{advice}");
        }
        other => panic!("{other:?}"),
    }
    std::fs::remove_file(&filler).unwrap();
    bench.executor.start(&step).await.unwrap();
    assert_eq!(bench.executor.wait(&step.key).await.unwrap().end, StepEnd::Code(0));
    bench.executor.release(bench.run).await.unwrap();
}

/// The next line that is told of a step.
async fn next_line(told: &mut BoxStream<'static, ExecutorEvent>) -> String {
    loop {
        match told.next().await {
            Some(ExecutorEvent::Told { line, .. }) => return line,
            Some(_) => {}
            None => panic!("nothing more is told"),
        }
    }
}
