//! The launcher and the shim without any container: a host that starts their programs on this machine.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command as Process;

use super::*;
use crate::clock::SystemClock;
use crate::executor::Command;
use crate::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use crate::run::{RunId, StepEnd};

#[derive(Debug)]
struct Machine;

#[async_trait]
impl ContainerHost for Machine {
    async fn exec(&self, argv: Vec<String>) -> Result<Streams, HostError> {
        let mut child = Process::new(&argv[0])
            .args(&argv[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let input = Box::pin(child.stdin.take().unwrap());
        let out = pieces(child.stdout.take().unwrap()).map(|piece| piece.map(Output::Out));
        let err = pieces(child.stderr.take().unwrap()).map(|piece| piece.map(Output::Err));
        tokio::spawn(async move { child.wait().await });
        Ok(Streams { input, output: stream::select(out, err).boxed() })
    }

    async fn look(&self) -> Result<Presence, HostError> {
        Ok(Presence::There)
    }
}

fn pieces(reader: impl AsyncRead + Unpin + Send + 'static) -> BoxStream<'static, std::io::Result<Bytes>> {
    let read = |mut reader: Box<dyn AsyncRead + Unpin + Send>| async move {
        let mut piece = vec![0; 64 * 1024];
        match reader.read(&mut piece).await {
            Ok(0) => None,
            Ok(count) => Some((Ok(Bytes::copy_from_slice(&piece[..count])), reader)),
            Err(error) => Some((Err(error), reader)),
        }
    };
    stream::unfold(Box::new(reader) as Box<_>, read).boxed()
}

struct Site {
    folder: TempDir,
    run: RunId,
    clock: SharedClock,
}

fn busybox() -> String {
    let found = ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from).into_iter().find(|path| path.is_file());
    let path = found.expect("a static busybox is needed; on Debian: apt-get install busybox-static");
    path.to_str().unwrap().to_owned()
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["states", "secrets", "workspace"] {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        }
        let clock: SharedClock = Arc::new(SystemClock::resume(None));
        Self { folder, run: RunId::new(clock.new_id()), clock }
    }

    fn container(&self, name: &str) -> Container {
        let path = |part: &str| self.folder.path().join(part).to_str().unwrap().to_owned();
        let (states, workspace) = (path("states"), path("workspace"));
        let secrets = path("secrets");
        let place = Place { busybox: busybox(), states, secrets, workspace, name: name.to_owned(), run: self.run };
        Container::new(Arc::new(Machine), place, Arc::clone(&self.clock))
    }

    fn key(&self, task: &str) -> StepKey {
        StepKey { run: self.run, task: TaskId::new(task), attempt: 1 }
    }

    fn script(&self, task: &str, text: &str) -> StepSpec {
        StepSpec {
            key: self.key(task),
            generation: 1,
            resumed: false,
            command: Command::Script { text: text.to_owned(), shell: Some("sh -e".to_owned()) },
            env: BTreeMap::new(),
            secrets: Default::default(),
            image: None,
            resources: Resources::default(),
            container: Default::default(),
            isolation: Isolation::Run,
            workspace: WorkspaceUse::Shared,
        }
    }
}

async fn log(container: &Container, key: &StepKey, from: u64) -> String {
    let pieces: Vec<_> = container.logs(key, from).collect().await;
    let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap().bytes.to_vec()).collect();
    String::from_utf8(bytes).unwrap()
}

async fn exit(container: &Container, key: &StepKey) -> StepExit {
    match container.wait(key).await.unwrap() {
        Waited::Exit(exit) => exit,
        Waited::Elsewhere(name) => panic!("it is in {name}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_starts_once_and_tells_its_log_its_output_and_its_end() {
    let site = Site::new();
    let container = site.container("one");
    let step = site.script("unit", "echo out; echo err >&2; echo A=1 > \"$WINDLASS_OUTPUT\"; exit 3");
    assert_eq!(container.state(&step.key).await.unwrap(), State::None);
    assert_eq!(container.start(&step).await.unwrap(), Took::Started);
    assert_eq!(container.start(&step).await.unwrap(), Took::Taken);
    assert_eq!(log(&container, &step.key, 0).await, "out\nerr\n");
    assert_eq!(log(&container, &step.key, 5).await, "rr\n");
    let exit = exit(&container, &step.key).await;
    assert_eq!((exit.end, exit.log_length, &exit.output[..]), (StepEnd::Code(3), 8, &b"A=1\n"[..]));
    container.forget(&step.key).await.unwrap();
    assert_eq!(log(&container, &step.key, 0).await, "");
    assert_eq!(container.wait(&step.key).await.unwrap(), Waited::Exit(exit.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_connection_finds_a_running_step_and_another_container_says_where_it_is() {
    let site = Site::new();
    let step = site.script("unit", "echo one; until [ -e go ]; do sleep 0.02; done; echo two; exit 5");
    site.container("one").start(&step).await.unwrap();
    let fresh = site.container("one");
    assert_eq!(fresh.start(&step).await.unwrap(), Took::Taken);
    // Once it says something it has begun.
    assert_eq!(&fresh.logs(&step.key, 0).next().await.unwrap().unwrap().bytes[..], b"one\n");
    assert_eq!(site.container("two").state(&step.key).await.unwrap(), State::Elsewhere("one".to_owned()));
    std::fs::write(site.folder.path().join("workspace/go"), "").unwrap();
    assert_eq!(log(&fresh, &step.key, 0).await, "one\ntwo\n");
    assert_eq!(exit(&fresh, &step.key).await.end, StepEnd::Code(5));
    // An end can be read from anywhere.
    assert_eq!(exit(&site.container("two"), &step.key).await.end, StepEnd::Code(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_reaches_what_hides_and_a_stop_before_the_start_is_a_tombstone() {
    let site = Site::new();
    let container = site.container("one");
    let child = "while :; do echo x >> beat; sleep 0.02; done";
    let text = format!("setsid sh -c 'trap \"\" TERM; {child}' > /dev/null 2>&1 & echo ready; sleep 1000");
    let step = site.script("hidden", &text);
    container.start(&step).await.unwrap();
    let mut logs = container.logs(&step.key, 0);
    assert_eq!(&logs.next().await.unwrap().unwrap().bytes[..], b"ready\n");
    container.stop(&step.key, Duration::from_millis(200)).await.unwrap();
    assert_eq!(exit(&container, &step.key).await.end, StepEnd::Signal(15));
    let beat = || std::fs::metadata(site.folder.path().join("workspace/beat")).map(|data| data.len()).unwrap_or(0);
    let before = beat();
    crate::clock::pause(Duration::from_millis(200)).await;
    assert_eq!(beat(), before, "a child lives on");
    let late = site.script("late", "echo started > witness");
    container.stop(&late.key, Duration::ZERO).await.unwrap();
    assert_eq!(container.start(&late).await.unwrap(), Took::Taken);
    assert!(matches!(container.wait(&late.key).await, Err(ExecutorError::NeverStarted)));
    assert!(!site.folder.path().join("workspace/witness").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shim_that_was_killed_leaves_a_lost_step() {
    let site = Site::new();
    let container = site.container("one");
    let step = site.script("unit", "echo ready; kill -KILL $(awk '{print $4}' /proc/$PPID/stat); sleep 0.1");
    container.start(&step).await.unwrap();
    assert!(matches!(container.wait(&step.key).await, Err(ExecutorError::Lost { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_log_comes_whole_while_it_is_written() {
    let site = Site::new();
    let container = site.container("one");
    let step = site.script("much", "seq 1 300000");
    container.start(&step).await.unwrap();
    let wanted: String = (1..=300_000).map(|number| format!("{number}\n")).collect();
    assert!(log(&container, &step.key, 0).await == wanted, "the log is another one");
    assert_eq!(exit(&container, &step.key).await.log_length, wanted.len() as u64);
}
