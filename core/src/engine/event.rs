//! Events as embedders see them: the run's facts, with the log's bytes in their place.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::pipeline::{CommitInfo, TaskId};
use crate::report::{Annotation, TestSummary};
use crate::run::{
    AttemptState, Cause, Decision, RestoredCache, RunEnd, RunEvent, RunId, Seq, Sequenced, StoredArtifact, TaskEnd,
    WaitReason,
};

/// The word for a piece of log.
pub(crate) const LOG: &str = "log";

/// One fact about a run. Its JSON is one line of `windlass run --json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The run.
    pub run: RunId,
    /// Its number in the run. Numbers rise; some are kept for the engine itself and never shown.
    pub seq: Seq,
    /// When it was decided.
    pub time: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of `run::RunEvent`, which documents them")]
pub enum EventKind {
    /// The run exists and waits for its turn.
    RunQueued { pipeline: String, number: u64 },
    /// The task is not done again: it counts as it ended in an earlier run.
    TaskReused { task: TaskId, from: RunId, state: TaskEnd },
    /// It is known for which commit the run is.
    CommitFound { task: TaskId, commit: CommitInfo },
    /// The queue let it go.
    RunStarted,
    /// The workspace is gone.
    WorkspaceLost { cause: Cause },
    /// The task could start, and waits.
    TaskWaiting { task: TaskId, reason: WaitReason },
    /// The attempt waited for something, and goes on.
    TaskRunning { task: TaskId, attempt: u32 },
    /// The task's first attempt starts.
    TaskStarted { stage: Option<String>, task: TaskId },
    /// An attempt starts.
    AttemptStarted { task: TaskId, attempt: u32 },
    /// A piece of an attempt's log. Pieces come in order, without gaps, never twice; they may end within a line.
    Log { task: TaskId, attempt: u32, offset: u64, bytes: Bytes },
    /// The log reached its limit.
    LogTruncated { task: TaskId, attempt: u32, limit: u64 },
    /// The attempt's caches were looked for, and what there was is in the workspace.
    CachesRestored { task: TaskId, attempt: u32, caches: Vec<RestoredCache> },
    /// What the attempt's tests said.
    TestsReported { task: TaskId, attempt: u32, tests: TestSummary },
    /// Remarks about places in files.
    AnnotationsReported { task: TaskId, attempt: u32, annotations: Vec<Annotation>, more: u64 },
    /// An artifact is stored.
    ArtifactStored { task: TaskId, attempt: u32, artifact: StoredArtifact },
    /// An attempt is being stopped.
    AttemptStopping { task: TaskId, attempt: u32, cause: Cause },
    /// An attempt ended.
    AttemptFinished {
        task: TaskId,
        attempt: u32,
        state: AttemptState,
        exit_code: Option<i32>,
        cause: Option<Cause>,
        outputs: BTreeMap<String, String>,
    },
    /// A person is asked.
    ApprovalRequested { task: TaskId, message: String, approvers: Vec<String> },
    /// A person decided.
    ApprovalDecided { task: TaskId, decision: Decision, by: String, reason: String },
    /// Somebody wants the run to end.
    CancelRequested { by: String, reason: String },
    /// The pipeline's timeout was reached.
    RunTimedOut,
    /// The stages are over; `finally` begins.
    FinallyStarted,
    /// The budget of `finally` is used up.
    FinallyTimedOut,
    /// An engine took the run up again.
    EngineRecovered,
    /// The task is over.
    TaskFinished { task: TaskId, state: TaskEnd, exit_code: Option<i32>, cause: Option<Cause>, duration_ms: u64 },
    /// The run is over.
    RunFinished { state: RunEnd, duration_ms: u64, cause: Option<Cause> },
}

impl Event {
    /// Every word that [`Event::type_name`] gives.
    pub const TYPES: &[&str] = &[
        "runQueued",
        "taskReused",
        "commitFound",
        "runStarted",
        "workspaceLost",
        "taskWaiting",
        "taskRunning",
        "taskStarted",
        "attemptStarted",
        LOG,
        "logTruncated",
        "cachesRestored",
        "testsReported",
        "annotationsReported",
        "artifactStored",
        "attemptStopping",
        "attemptFinished",
        "approvalRequested",
        "approvalDecided",
        "cancelRequested",
        "runTimedOut",
        "finallyStarted",
        "finallyTimedOut",
        "engineRecovered",
        "taskFinished",
        "runFinished",
    ];

    /// The word that the event of this fact has in `type`. `None` for what concerns only the engine.
    pub(crate) fn type_of(fact: &RunEvent) -> Option<&'static str> {
        match fact {
            RunEvent::LogAppended { .. } => Some(LOG),
            RunEvent::WorkspaceReady { .. } | RunEvent::RunReleased => None,
            other => Some(other.kind()),
        }
    }

    /// The fact as embedders see it, with the bytes of its piece of log. `None` for what concerns only the engine.
    pub(crate) fn from_fact(fact: &Sequenced, log: Bytes) -> Option<Self> {
        let kind = match fact.event.clone() {
            RunEvent::RunQueued { number, pipeline } => EventKind::RunQueued { pipeline, number },
            RunEvent::TaskReused { task, from, state, .. } => EventKind::TaskReused { task, from, state },
            RunEvent::CommitFound { task, commit } => EventKind::CommitFound { task, commit },
            RunEvent::RunStarted => EventKind::RunStarted,
            RunEvent::WorkspaceLost { cause, .. } => EventKind::WorkspaceLost { cause },
            RunEvent::TaskWaiting { task, reason } => EventKind::TaskWaiting { task, reason },
            RunEvent::TaskRunning { task, attempt } => EventKind::TaskRunning { task, attempt },
            RunEvent::TaskStarted { stage, task } => {
                EventKind::TaskStarted { stage: stage.map(|stage| stage.as_str().to_owned()), task }
            }
            RunEvent::AttemptStarted { task, attempt, .. } => EventKind::AttemptStarted { task, attempt },
            RunEvent::LogAppended { task, attempt, from, .. } => {
                EventKind::Log { task, attempt, offset: from, bytes: log }
            }
            RunEvent::LogTruncated { task, attempt, limit } => EventKind::LogTruncated { task, attempt, limit },
            RunEvent::CachesRestored { task, attempt, caches } => EventKind::CachesRestored { task, attempt, caches },
            RunEvent::TestsReported { task, attempt, tests } => EventKind::TestsReported { task, attempt, tests },
            RunEvent::AnnotationsReported { task, attempt, annotations, more } => {
                EventKind::AnnotationsReported { task, attempt, annotations, more }
            }
            RunEvent::ArtifactStored { task, attempt, artifact } => {
                EventKind::ArtifactStored { task, attempt, artifact }
            }
            RunEvent::AttemptStopping { task, attempt, cause, .. } => {
                EventKind::AttemptStopping { task, attempt, cause }
            }
            RunEvent::AttemptFinished { task, attempt, state, exit_code, cause, outputs, infrastructure: _ } => {
                EventKind::AttemptFinished { task, attempt, state, exit_code, cause, outputs }
            }
            RunEvent::ApprovalRequested { task, message, approvers } => {
                EventKind::ApprovalRequested { task, message, approvers }
            }
            RunEvent::ApprovalDecided { task, decision, by, reason } => {
                EventKind::ApprovalDecided { task, decision, by, reason }
            }
            RunEvent::CancelRequested { by, reason } => EventKind::CancelRequested { by, reason },
            RunEvent::RunTimedOut => EventKind::RunTimedOut,
            RunEvent::FinallyStarted => EventKind::FinallyStarted,
            RunEvent::FinallyTimedOut => EventKind::FinallyTimedOut,
            RunEvent::EngineRecovered => EventKind::EngineRecovered,
            RunEvent::TaskFinished { task, state, exit_code, cause, duration_ms } => {
                EventKind::TaskFinished { task, state, exit_code, cause, duration_ms }
            }
            RunEvent::RunFinished { state, duration_ms, cause } => EventKind::RunFinished { state, duration_ms, cause },
            RunEvent::WorkspaceReady { .. } | RunEvent::RunReleased => return None,
        };
        Some(Self { run: fact.run, seq: fact.seq, time: fact.at.wall, kind })
    }

    /// The word in the JSON's `type`.
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            EventKind::RunQueued { .. } => "runQueued",
            EventKind::TaskReused { .. } => "taskReused",
            EventKind::CommitFound { .. } => "commitFound",
            EventKind::RunStarted => "runStarted",
            EventKind::WorkspaceLost { .. } => "workspaceLost",
            EventKind::TaskWaiting { .. } => "taskWaiting",
            EventKind::TaskRunning { .. } => "taskRunning",
            EventKind::TaskStarted { .. } => "taskStarted",
            EventKind::AttemptStarted { .. } => "attemptStarted",
            EventKind::Log { .. } => LOG,
            EventKind::LogTruncated { .. } => "logTruncated",
            EventKind::CachesRestored { .. } => "cachesRestored",
            EventKind::TestsReported { .. } => "testsReported",
            EventKind::AnnotationsReported { .. } => "annotationsReported",
            EventKind::ArtifactStored { .. } => "artifactStored",
            EventKind::AttemptStopping { .. } => "attemptStopping",
            EventKind::AttemptFinished { .. } => "attemptFinished",
            EventKind::ApprovalRequested { .. } => "approvalRequested",
            EventKind::ApprovalDecided { .. } => "approvalDecided",
            EventKind::CancelRequested { .. } => "cancelRequested",
            EventKind::RunTimedOut => "runTimedOut",
            EventKind::FinallyStarted => "finallyStarted",
            EventKind::FinallyTimedOut => "finallyTimedOut",
            EventKind::EngineRecovered => "engineRecovered",
            EventKind::TaskFinished { .. } => "taskFinished",
            EventKind::RunFinished { .. } => "runFinished",
        }
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("run", &self.run)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("time", &format_args!("{:.3}", self.time))?;
        map.serialize_entry("type", self.type_name())?;
        self.kind.serialize_fields(&mut map)?;
        map.end()
    }
}

impl EventKind {
    fn serialize_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::RunQueued { pipeline, number } => {
                map.serialize_entry("pipeline", pipeline)?;
                map.serialize_entry("number", number)
            }
            Self::TaskReused { task, from, state } => {
                map.serialize_entry("task", task)?;
                map.serialize_entry("from", from)?;
                map.serialize_entry("state", state)
            }
            Self::CommitFound { task, commit } => {
                map.serialize_entry("task", task)?;
                map.serialize_entry("commit", commit)
            }
            Self::WorkspaceLost { cause } => map.serialize_entry("cause", cause),
            Self::TaskWaiting { task, reason } => {
                map.serialize_entry("task", task)?;
                map.serialize_entry("reason", reason)
            }
            Self::TaskStarted { stage, task } => {
                map.serialize_entry("stage", stage)?;
                map.serialize_entry("task", task)
            }
            Self::AttemptStarted { task, attempt } | Self::TaskRunning { task, attempt } => {
                serialize_attempt(map, task, *attempt)
            }
            Self::Log { task, attempt, offset, bytes } => {
                serialize_attempt(map, task, *attempt)?;
                map.serialize_entry("offset", offset)?;
                match std::str::from_utf8(bytes) {
                    Ok(text) => map.serialize_entry("text", text),
                    Err(_) => map.serialize_entry("textBase64", &Base64(bytes)),
                }
            }
            Self::LogTruncated { task, attempt, limit } => {
                serialize_attempt(map, task, *attempt)?;
                map.serialize_entry("limit", limit)
            }
            Self::CachesRestored { task, attempt, caches } => {
                serialize_attempt(map, task, *attempt)?;
                map.serialize_entry("caches", caches)
            }
            Self::TestsReported { task, attempt, tests } => {
                serialize_attempt(map, task, *attempt)?;
                map.serialize_entry("tests", tests)
            }
            Self::AnnotationsReported { task, attempt, annotations, more } => {
                serialize_attempt(map, task, *attempt)?;
                map.serialize_entry("annotations", annotations)?;
                map.serialize_entry("more", more)
            }
            Self::ArtifactStored { task, attempt, artifact } => {
                serialize_attempt(map, task, *attempt)?;
                map.serialize_entry("artifact", artifact)
            }
            Self::AttemptStopping { task, attempt, cause } => {
                serialize_attempt(map, task, *attempt)?;
                map.serialize_entry("cause", cause)
            }
            Self::AttemptFinished { task, attempt, state, exit_code, cause, outputs } => {
                serialize_attempt(map, task, *attempt)?;
                map.serialize_entry("state", state)?;
                map.serialize_entry("exitCode", exit_code)?;
                map.serialize_entry("cause", cause)?;
                map.serialize_entry("outputs", outputs)
            }
            Self::ApprovalRequested { task, message, approvers } => {
                map.serialize_entry("task", task)?;
                map.serialize_entry("message", message)?;
                map.serialize_entry("approvers", approvers)
            }
            Self::ApprovalDecided { task, decision, by, reason } => {
                map.serialize_entry("task", task)?;
                map.serialize_entry("decision", decision)?;
                map.serialize_entry("by", by)?;
                map.serialize_entry("reason", reason)
            }
            Self::CancelRequested { by, reason } => {
                map.serialize_entry("by", by)?;
                map.serialize_entry("reason", reason)
            }
            Self::TaskFinished { task, state, exit_code, cause, duration_ms } => {
                map.serialize_entry("task", task)?;
                map.serialize_entry("state", state)?;
                map.serialize_entry("exitCode", exit_code)?;
                map.serialize_entry("cause", cause)?;
                map.serialize_entry("durationMs", duration_ms)
            }
            Self::RunFinished { state, duration_ms, cause } => {
                map.serialize_entry("state", state)?;
                map.serialize_entry("durationMs", duration_ms)?;
                map.serialize_entry("cause", cause)
            }
            Self::RunStarted
            | Self::RunTimedOut
            | Self::FinallyStarted
            | Self::FinallyTimedOut
            | Self::EngineRecovered => Ok(()),
        }
    }
}

fn serialize_attempt<M: SerializeMap>(map: &mut M, task: &TaskId, attempt: u32) -> Result<(), M::Error> {
    map.serialize_entry("task", task)?;
    map.serialize_entry("attempt", &attempt)
}

/// Bytes that are no text, in standard base64.
struct Base64<'a>(&'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(self.0))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            EventKind::RunQueued { pipeline, number } => write!(f, "run {pipeline}#{number} is queued"),
            EventKind::TaskReused { task, from, state } => write!(f, "{task}: {state:?} in run {from}, not done again"),
            EventKind::CommitFound { task, commit } => {
                let subject = commit.message.lines().next().unwrap_or_default();
                write!(f, "{task}: commit {} {subject}", commit.short_sha())
            }
            EventKind::RunStarted => f.write_str("run started"),
            EventKind::WorkspaceLost { cause } => write!(f, "workspace lost: {}", cause.message),
            EventKind::TaskWaiting { task, reason } => write!(f, "{task}: waiting: {}", reason.message),
            EventKind::TaskRunning { task, .. } => write!(f, "{task}: goes on"),
            EventKind::TaskStarted { stage: Some(stage), task } => write!(f, "{task}: started ({stage})"),
            EventKind::TaskStarted { stage: None, task } => write!(f, "{task}: started (finally)"),
            EventKind::AttemptStarted { task, attempt } => write!(f, "{task}: attempt {attempt}"),
            EventKind::Log { task, bytes, .. } => write!(f, "{task}| {}", String::from_utf8_lossy(bytes).trim_end()),
            EventKind::LogTruncated { task, limit, .. } => write!(f, "{task}: the log is cut at {limit} bytes"),
            EventKind::CachesRestored { task, caches, .. } => {
                let found = caches.iter().filter(|cache| cache.from.is_some()).count();
                write!(f, "{task}: {found} of {} caches restored", caches.len())
            }
            EventKind::TestsReported { task, tests, .. } => match tests.in_words() {
                Some(words) => write!(f, "{task}: {words}"),
                None => write!(f, "{task}: {} tests, none failed", tests.tests),
            },
            EventKind::AnnotationsReported { task, annotations, more, .. } => {
                write!(f, "{task}: {} remarks about places in files", annotations.len() as u64 + more)
            }
            EventKind::ArtifactStored { task, artifact, .. } => {
                write!(f, "{task}: artifact {} with {} files", artifact.name, artifact.files)
            }
            EventKind::AttemptStopping { task, cause, .. } => write!(f, "{task}: stopping: {}", cause.message),
            EventKind::AttemptFinished { task, attempt, state, .. } => {
                write!(f, "{task}: attempt {attempt} ended: {state:?}")
            }
            EventKind::ApprovalRequested { task, message, .. } => write!(f, "{task}: approval wanted: {message}"),
            EventKind::ApprovalDecided { task, decision, by, .. } => write!(f, "{task}: {decision:?} by {by}"),
            EventKind::CancelRequested { by, .. } if by.is_empty() => f.write_str("cancel requested"),
            EventKind::CancelRequested { by, .. } => write!(f, "cancel requested by {by}"),
            EventKind::RunTimedOut => f.write_str("the pipeline's timeout was reached"),
            EventKind::FinallyStarted => f.write_str("finally begins"),
            EventKind::FinallyTimedOut => f.write_str("the time of finally is used up"),
            EventKind::EngineRecovered => f.write_str("an engine took the run up again"),
            EventKind::TaskFinished { task, state, cause, .. } => match cause {
                Some(cause) => write!(f, "{task}: {state:?}: {}", cause.message),
                None => write!(f, "{task}: {state:?}"),
            },
            EventKind::RunFinished { state, .. } => write!(f, "run {state:?}"),
        }
    }
}
