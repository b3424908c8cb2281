//! What the cases share: a run to work in, and limits to every wait.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Future, StreamExt};

use crate::clock::SharedClock;
use crate::executor::{
    Command, Executor, ExecutorError, LogChunk, RunScope, StepExit, StepOutline, StepSecrets, StepSpec, TarStream,
};
use crate::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use crate::run::{RunId, StepEnd, StepKey};

/// Makes executors for the cases.
pub trait Factory: Debug + Send + Sync {
    /// A fresh instance on the same state, as the next process has it after a crash.
    fn executor(&self) -> Arc<dyn Executor>;

    /// The clock that the executor has.
    fn clock(&self) -> SharedClock;

    /// The image in which steps run, where the executor has images. It needs `sh`, `awk`, `env`, `sleep`, `cat` and `wc`.
    fn image(&self) -> Option<String> {
        None
    }

    /// Whether the executor keeps workspaces. One that does not answers every `keep` with false.
    fn keeps_workspaces(&self) -> bool {
        true
    }
}

/// Nothing in a case takes this long unless it hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// A prepared run.
pub(super) struct Bench<'a> {
    pub(super) factory: &'a dyn Factory,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) run: RunId,
}

impl<'a> Bench<'a> {
    /// A run that is not prepared.
    pub(super) fn bare(factory: &'a dyn Factory) -> Self {
        Self { factory, executor: factory.executor(), run: RunId::new(factory.clock().new_id()) }
    }

    pub(super) async fn new(factory: &'a dyn Factory) -> Self {
        let bench = Self::bare(factory);
        let scope = bench.scope();
        bench.must("prepare", bench.executor.prepare(&scope)).await;
        bench
    }

    pub(super) fn scope(&self) -> RunScope {
        RunScope { run: self.run, generation: 1, existing: false, source: None, adopt: None, outlines: self.outlines() }
    }

    /// That steps in the factory's image may come.
    fn outlines(&self) -> Vec<StepOutline> {
        let step = self.step("any", Command::Program { argv: vec!["true".to_owned()] });
        self.factory.image().map(|_| StepOutline::of(&step)).into_iter().collect()
    }

    pub(super) fn key(&self, task: &str) -> StepKey {
        StepKey { run: self.run, task: TaskId::new(task), attempt: 1 }
    }

    pub(super) fn program(&self, task: &str, argv: &[&str]) -> StepSpec {
        self.step(task, Command::Program { argv: argv.iter().map(|word| (*word).to_owned()).collect() })
    }

    pub(super) fn script(&self, task: &str, text: &str) -> StepSpec {
        self.step(task, Command::Script { text: text.to_owned(), shell: Some("sh -e".to_owned()) })
    }

    pub(super) fn step(&self, task: &str, command: Command) -> StepSpec {
        StepSpec {
            key: self.key(task),
            generation: 1,
            resumed: false,
            command,
            env: BTreeMap::new(),
            secrets: StepSecrets::default(),
            image: self.factory.image(),
            resources: Resources::default(),
            container: Default::default(),
            isolation: Isolation::Run,
            workspace: WorkspaceUse::Shared,
        }
    }

    /// Runs a step to its end.
    pub(super) async fn finish(&self, step: &StepSpec) -> Finished {
        self.must("start", self.executor.start(step)).await;
        self.finished(&step.key).await
    }

    pub(super) async fn finish_script(&self, task: &str, text: &str) -> Finished {
        self.finish(&self.script(task, text)).await
    }

    /// The end and the log of a step that was started.
    pub(super) async fn finished(&self, key: &StepKey) -> Finished {
        let (log, exit) = futures::join!(self.log(key, 0), self.must("wait", self.executor.wait(key)));
        assert_eq!(
            exit.log_length,
            log.len() as u64,
            "the exit tells another length than the log has: {:?}",
            text(&log)
        );
        Finished { exit, log }
    }

    /// The whole log from an offset on.
    pub(super) async fn log(&self, key: &StepKey, from: u64) -> Vec<u8> {
        let mut reader = LogReader::new(self, key, from);
        while reader.more(self).await {}
        reader.bytes
    }

    /// Waits for a result with the limit, and for success.
    pub(super) async fn must<T>(&self, what: &str, future: impl Future<Output = Result<T, ExecutorError>>) -> T {
        match self.within(what, future).await {
            Ok(value) => value,
            Err(error) => panic!("{what} failed: {error} ({error:?})"),
        }
    }

    pub(super) async fn within<T>(&self, what: &str, future: impl Future<Output = T>) -> T {
        let clock = self.factory.clock();
        let deadline = clock.now().elapsed + LIMIT;
        tokio::select! {
            value = future => value,
            () = clock.sleep_until(deadline) => panic!("{what} took longer than {LIMIT:?}"),
        }
    }

    /// Puts an empty file into the workspace, which a step may wait for.
    pub(super) async fn touch(&self, name: &str) {
        self.must("write", self.executor.write(self.run, ".", archive(&[(name, "", 0o644)]))).await;
    }

    pub(super) async fn release(self) {
        self.must("release", self.executor.release(self.run)).await;
    }
}

/// How a step ended and what it said.
pub(super) struct Finished {
    pub(super) exit: StepExit,
    pub(super) log: Vec<u8>,
}

impl Finished {
    pub(super) fn text(&self) -> String {
        text(&self.log)
    }

    /// The log of a step that must have succeeded.
    pub(super) fn success(&self) -> String {
        assert_eq!(self.exit.end, StepEnd::Code(0), "the step failed: {}", self.text());
        self.text()
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads a log piece by piece, and checks that no byte is left out or told twice.
pub(super) struct LogReader {
    stream: BoxStream<'static, Result<LogChunk, ExecutorError>>,
    from: u64,
    pub(super) bytes: Vec<u8>,
}

impl LogReader {
    pub(super) fn new(bench: &Bench<'_>, key: &StepKey, from: u64) -> Self {
        Self { stream: bench.executor.logs(key, from), from, bytes: Vec::new() }
    }

    /// Reads one more piece; false at the end.
    pub(super) async fn more(&mut self, bench: &Bench<'_>) -> bool {
        match bench.within("reading the log", self.stream.next()).await {
            None => false,
            Some(Err(error)) => panic!("reading the log failed: {error}"),
            Some(Ok(chunk)) => {
                assert_eq!(chunk.offset, self.from + self.bytes.len() as u64, "a piece of the log is out of place");
                assert!(!chunk.bytes.is_empty(), "an empty piece");
                self.bytes.extend_from_slice(&chunk.bytes);
                true
            }
        }
    }

    /// Reads until the log contains a text.
    pub(super) async fn until(&mut self, bench: &Bench<'_>, wanted: &str) {
        while !text(&self.bytes).contains(wanted) {
            assert!(self.more(bench).await, "the log ended without {wanted:?}: {:?}", text(&self.bytes));
        }
    }
}

/// An archive of plain files: name, text, mode. Names are not checked, so that bad ones can be made.
pub(super) fn archive(files: &[(&str, &str, u32)]) -> TarStream {
    let mut bytes = Vec::new();
    for (name, text, mode) in files {
        bytes.extend(header(name, text.len(), *mode, b'0', ""));
        bytes.extend_from_slice(text.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    closed(bytes)
}

/// An archive with one symbolic link and then one file.
pub(super) fn archive_with_link(link: &str, target: &str, file: &str) -> TarStream {
    let mut bytes = header(link, 0, 0o777, b'2', target);
    bytes.extend(header(file, 0, 0o644, b'0', ""));
    closed(bytes)
}

fn closed(mut bytes: Vec<u8>) -> TarStream {
    bytes.resize(bytes.len() + 1024, 0);
    let pieces: Vec<Result<Bytes, ExecutorError>> =
        bytes.chunks(700).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

/// A header as POSIX.1-1988 has it.
fn header(name: &str, size: usize, mode: u32, kind: u8, link: &str) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, &format!("{mode:07o}"));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "14000000000");
    put(148, "        ");
    put(157, link);
    put(257, "ustar\x0000");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// The files of an archive: name, text or target, mode.
pub(super) async fn unpacked(mut tar: TarStream) -> Result<BTreeMap<String, (String, u32)>, ExecutorError> {
    let mut bytes = Vec::new();
    while let Some(piece) = tar.next().await {
        bytes.extend_from_slice(&piece?);
    }
    let mut files = BTreeMap::new();
    let mut at = 0;
    while bytes.get(at).is_some_and(|byte| *byte != 0) {
        let field = |from: usize, to: usize| text(&bytes[at + from..at + to]).trim_matches(['\0', ' ']).to_owned();
        let number = |text: String| u32::from_str_radix(&text, 8).unwrap_or_else(|_| panic!("not octal: {text:?}"));
        let (size, mode) = (number(field(124, 136)) as usize, number(field(100, 108)));
        let content = match bytes[at + 156] {
            b'2' => field(157, 257),
            _ => text(&bytes[at + 512..at + 512 + size]),
        };
        files.insert(field(0, 100).trim_end_matches('/').to_owned(), (content, mode & 0o777));
        at += 512 + size.next_multiple_of(512);
    }
    Ok(files)
}
