//! What every executor promises. Each sentence is a test in `testing::executor_conformance`.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::error::ExecutorError;
use super::secrets::StepSecrets;
use crate::pipeline::{ContainerOptions, CredentialName, HealthCheck, Isolation, Resources, WorkspaceUse};
use crate::run::{RunId, StepEnd, StepKey, WaitReason};

/// What an executor can do. Conformance tests are chosen by it, and a plan that needs more is refused before the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Capabilities {
    /// Steps run in the image that the task names. Otherwise the image is ignored, and said to be.
    pub images: bool,
    /// Steps go on when the engine dies, and a fresh instance finds them. Without it they are `lost` after a crash.
    pub reattach: bool,
    /// Every descendant of a step is found and stopped, whatever it does to hide (a cgroup or a container does that).
    pub contains_descendants: bool,
    /// The limits of `resources` are enforced.
    pub resources: bool,
    /// `isolation: task` gives a task a container or pod of its own.
    pub isolation: bool,
}

/// What must be there before steps of a run start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunScope {
    /// The run.
    pub run: RunId,
    /// The workspace's generation.
    pub generation: u32,
    /// Whether it was made before: then `prepare` finds it, or says that it is lost, and never makes it anew.
    pub existing: bool,
    /// A folder on the engine's machine whose files the fresh workspace starts with.
    pub source: Option<PathBuf>,
    /// The run whose kept workspace becomes this run's, as that run left it. It is moved, not copied.
    pub adopt: Option<Adopt>,
    /// What is known beforehand of steps that may come, in the order in which they may: an executor that has to say early which
    /// containers there will be makes them ready. Some of these steps never come, and others come that are not among them.
    #[serde(skip)]
    pub outlines: Vec<StepOutline>,
}

/// What is known of a step before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepOutline {
    /// Its address, of its first attempt.
    pub key: StepKey,
    /// Its image.
    pub image: Option<String>,
    /// What else its container has, and what is beside it. Environments of services may be missing.
    pub container: StepContainer,
    /// What it needs and may use.
    pub resources: Resources,
    /// Whether it has a container or pod of its own.
    pub isolation: Isolation,
}

impl StepOutline {
    /// What is known of this step.
    pub fn of(step: &StepSpec) -> Self {
        Self {
            key: step.key.clone(),
            image: step.image.clone(),
            container: step.container.clone(),
            resources: step.resources.clone(),
            isolation: step.isolation,
        }
    }
}

/// A workspace that was kept and gets another owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Adopt {
    /// The run that kept it.
    pub run: RunId,
    /// The generation that it kept.
    pub generation: u32,
}

/// A step: what an executor starts for an attempt. Everything in it is resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepSpec {
    /// Its address.
    pub key: StepKey,
    /// The workspace in which it runs.
    pub generation: u32,
    /// Whether an earlier engine may have started it already. After a restart of the machine nobody can tell, since a start
    /// token may not have reached the disk: such a step is [`ExecutorError::Lost`], and is not started.
    pub resumed: bool,
    /// What it runs.
    pub command: Command,
    /// The environment, exactly as the step shall see it, over what the executor itself provides (`PATH`, `HOME`).
    /// `WORKSPACE` and `WINDLASS_OUTPUT` are added by the executor, which alone knows where they are.
    pub env: BTreeMap<String, String>,
    /// Credentials for it, as values and as files. Their own contract is told there. Never a part of the JSON, which is easily
    /// logged: who carries a step into another language carries them beside it.
    #[serde(skip)]
    pub secrets: StepSecrets,
    /// The image, where the executor has images.
    pub image: Option<String>,
    /// What else its container has, and what is beside it. Left out of the JSON when it is nothing.
    #[serde(skip_serializing_if = "StepContainer::is_empty")]
    pub container: StepContainer,
    /// What it needs and may use.
    pub resources: Resources,
    /// Whether it has a container or pod of its own.
    pub isolation: Isolation,
    /// Whether it sees the run's workspace.
    pub workspace: WorkspaceUse,
}

/// What a step's container has beside its image. Everything in it is resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepContainer {
    /// What the task says of its container.
    pub options: ContainerOptions,
    /// The containers beside it.
    pub services: Vec<StepService>,
}

impl StepContainer {
    /// Whether the task says nothing of its container.
    pub fn is_empty(&self) -> bool {
        self.options.is_empty() && self.services.is_empty()
    }
}

/// A container beside a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepService {
    /// The host name by which the step reaches it.
    pub name: String,
    /// Its image.
    pub image: String,
    /// The credential with which the image is fetched; it is among the step's secrets. Left out of the JSON when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// What it runs instead of the image's own command.
    pub command: Vec<String>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// How one sees that it is ready. Left out of the JSON when the task does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthCheck>,
    /// Every right over the host.
    pub privileged: bool,
}

/// What a step runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Command {
    /// A script. Run with `shell` and the script's file as last argument when there is one; else by its own shebang;
    /// else with `bash -e`, or `sh -e` where there is no bash.
    Script {
        /// The text, never changed by the engine.
        text: String,
        /// A program and its arguments, split at spaces.
        shell: Option<String>,
    },
    /// A program with its arguments; no shell sees them.
    Program {
        /// The program and its arguments; not empty.
        argv: Vec<String>,
    },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepExit {
    /// How.
    pub end: StepEnd,
    /// The length of its raw log in bytes; nothing is added to it any more.
    pub log_length: u64,
    /// What it wrote to `$WINDLASS_OUTPUT`, at most [`MAX_OUTPUT_BYTES`].
    pub output: Bytes,
}

/// The most that is read of `$WINDLASS_OUTPUT`.
pub const MAX_OUTPUT_BYTES: usize = 1024 * 1024;

/// The most that is kept of what a service said: its last bytes.
pub const MAX_SERVICE_LOG: usize = 4 << 20;

/// A piece of a step's raw log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// The offset of its first byte.
    pub offset: u64,
    /// The bytes, as the step wrote them.
    pub bytes: Bytes,
}

/// Something that an executor noticed about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutorEvent {
    /// A step cannot go on yet.
    Waiting {
        /// The step.
        step: StepKey,
        /// For what it waits.
        reason: WaitReason,
    },
    /// The step waits no longer.
    Running {
        /// The step.
        step: StepKey,
    },
    /// Something that whoever reads the step's log wants to know: how far an image is fetched, what became of a service.
    Told {
        /// The step.
        step: StepKey,
        /// A line.
        line: String,
    },
}

/// What [`Executor::sweep`] removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// The runs of which something was removed.
    pub removed: Vec<RunId>,
}

/// Where steps run.
///
/// Every method takes keys and may be called from a fresh instance after a crash; nothing that matters is only in memory.
/// Embedders who only want to run something implement `SimpleExecutor`.
#[async_trait]
pub trait Executor: Debug + Send + Sync + 'static {
    /// What it can do. The same answer always.
    fn capabilities(&self) -> Capabilities;

    /// Makes or finds the workspace and what else the run needs. Safe to repeat. With `existing`, something that is gone
    /// is [`ExecutorError::WorkspaceLost`], and nothing is made. With `adopt`, the workspace is that of the other run; when it
    /// is neither there nor adopted already, that is `WorkspaceLost` as well.
    async fn prepare(&self, scope: &RunScope) -> Result<(), ExecutorError>;

    /// What of this container it does nothing with, by the keys of the document. People are told in the log of the task.
    fn ignores(&self, options: &ContainerOptions) -> Vec<String> {
        if self.capabilities().images { Vec::new() } else { options.keys() }
    }

    /// What happens to the run's steps beside their logs and ends: what they wait for. Ends with `release`. May be asked several
    /// times; each stream has what happens from then on.
    fn observe(&self, run: RunId) -> BoxStream<'static, ExecutorEvent>;

    /// Starts the step. Safe to repeat, also at the same time: the start token lets exactly one through, and the others
    /// return without an error. A start after a `stop` starts nothing.
    async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError>;

    /// Waits for the step's end, also from a fresh instance. What the command left in the background is stopped by then, so
    /// that the log is final. May be asked again and again. [`ExecutorError::Lost`] when its token is taken, no exit is
    /// written and no process of it lives; [`ExecutorError::NeverStarted`] when a stop came before the start.
    async fn wait(&self, step: &StepKey) -> Result<StepExit, ExecutorError>;

    /// The raw log from an offset on, as it grows. Ends by itself after the last byte of an ended step. Dropping the stream
    /// changes nothing for the step.
    fn logs(&self, step: &StepKey, from: u64) -> BoxStream<'static, Result<LogChunk, ExecutorError>>;

    /// What the services of a step said whose end is known, to be kept behind its own log: whole lines, each with the name of the
    /// service before it. They are stopped by then, so that the text is always the same, as long as there is one. Not more than
    /// [`MAX_SERVICE_LOG`] of each.
    async fn service_logs(&self, step: &StepKey) -> Result<Bytes, ExecutorError> {
        let _ = step;
        Ok(Bytes::new())
    }

    /// Ends the step with everything that it started: takes the start token as a tombstone when it is still free, sends the
    /// signal, waits `grace`, kills, and returns when no process of the step is left. Safe to repeat, and for ended steps.
    async fn stop(&self, step: &StepKey, grace: Duration) -> Result<(), ExecutorError>;

    /// A file or folder of the workspace as a tar stream, in which names begin with the path's last part; `.` is the whole
    /// workspace. The path is relative and cannot leave the workspace. What is not there is [`ExecutorError::Io`] of the kind
    /// [`NotFound`](std::io::ErrorKind::NotFound).
    async fn read(&self, run: RunId, path: &str) -> Result<TarStream, ExecutorError>;

    /// Unpacks a tar stream below a folder of the workspace. Nothing in it can leave the folder.
    async fn write(&self, run: RunId, path: &str, tar: TarStream) -> Result<(), ExecutorError>;

    /// Drops the raw log of an ended step once the engine has a copy of all of it. Safe to repeat.
    async fn forget(&self, step: &StepKey) -> Result<(), ExecutorError>;

    /// Stops what is left of the run and frees everything. Safe to repeat, and for runs that were never prepared.
    async fn release(&self, run: RunId) -> Result<(), ExecutorError>;

    /// Stops what is left of the run and frees everything but its workspace of this generation, which stays until `release`
    /// or until another run adopts it. Safe to repeat. False, after freeing everything, when there is no such workspace or
    /// the executor cannot keep one.
    async fn keep(&self, run: RunId, generation: u32) -> Result<bool, ExecutorError> {
        let _ = generation;
        self.release(run).await?;
        Ok(false)
    }

    /// Frees everything of runs that are not in `keep`, of this installation only.
    async fn sweep(&self, keep: &[RunId]) -> Result<SweepReport, ExecutorError>;
}

/// Bytes of a tar archive.
pub type TarStream = BoxStream<'static, Result<Bytes, ExecutorError>>;
