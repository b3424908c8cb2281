//! How steps, attempts, tasks and runs end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::RunId;
use crate::pipeline::CommitInfo;

/// Why something did not succeed, written for the person who gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// A stable code in camelCase, such as `exitCode`, `commandNotFound`, `timeout`, `badValue`.
    pub code: String,
    /// What failed and why, in one sentence.
    pub message: String,
    /// What to do next. Empty when there is nothing to say.
    pub advice: String,
}

impl Cause {
    /// A cause from its three parts.
    pub fn new(code: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), advice: advice.into() }
    }
}

/// How a step's command ended, as the executor read it from the step's exit file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepEnd {
    /// With an exit code; 0 is success.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// The kernel ended it because its memory limit was reached (from the cgroup's own counters, never guessed).
    OutOfMemory,
}

impl StepEnd {
    /// The exit code as a shell reports it: 128 + n for signal n.
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
            Self::OutOfMemory => 137,
        }
    }
}

/// How one attempt ended, with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum AttemptEnd {
    /// The step, or the action in the engine, did its work.
    Succeeded {
        /// The declared outputs that it wrote.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<String, String>,
        /// The commit that it brought into the workspace, when it was a checkout.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<Box<CommitInfo>>,
    },
    /// The step failed: user's failure.
    Failed {
        /// As a shell reports it; `None` for an action in the engine.
        exit_code: Option<i32>,
        /// Why.
        cause: Cause,
    },
    /// The engine or the executor failed to run it.
    Infrastructure {
        /// Why.
        cause: Cause,
    },
    /// It was stopped, because the run asked for that.
    Stopped {
        /// As a shell reports it, when it ended with one.
        exit_code: Option<i32>,
    },
    /// It took its token, and nobody knows how it ended.
    Lost {
        /// Why.
        cause: Cause,
    },
}

/// The state in which an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttemptState {
    /// It did its work.
    Succeeded,
    /// The step or the engine failed; the cause tells which.
    Failed,
    /// It was stopped.
    Cancelled,
    /// It took longer than its timeout.
    TimedOut,
    /// Nobody knows.
    Lost,
}

/// The state in which a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TaskEnd {
    /// It did its work.
    Succeeded,
    /// It did not; `allowFailure` changes what follows, not this word.
    Failed,
    /// It never started: its condition was false, or something before it failed.
    Skipped,
    /// It was stopped by a cancel, or because a sibling failed.
    Cancelled,
    /// It took longer than its own or the pipeline's timeout.
    TimedOut,
    /// Nobody knows how its last attempt ended.
    Lost,
}

/// The state in which a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunEnd {
    /// Every task succeeded, was skipped by its condition, or was allowed to fail.
    Succeeded,
    /// A task failed or was lost.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// It took longer than the pipeline's timeout.
    TimedOut,
}

/// The states of a run: what a listing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunStatus {
    /// It waits for its turn.
    Queued,
    /// It goes on.
    Running,
    /// See [`RunEnd::Succeeded`].
    Succeeded,
    /// See [`RunEnd::Failed`].
    Failed,
    /// See [`RunEnd::Cancelled`].
    Cancelled,
    /// See [`RunEnd::TimedOut`].
    TimedOut,
}

impl RunStatus {
    /// Whether nothing more happens.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// The word in events, listings and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timedOut",
        }
    }
}

impl From<AttemptState> for TaskEnd {
    fn from(state: AttemptState) -> Self {
        match state {
            AttemptState::Succeeded => Self::Succeeded,
            AttemptState::Failed => Self::Failed,
            AttemptState::Cancelled => Self::Cancelled,
            AttemptState::TimedOut => Self::TimedOut,
            AttemptState::Lost => Self::Lost,
        }
    }
}

impl From<RunEnd> for RunStatus {
    fn from(end: RunEnd) -> Self {
        match end {
            RunEnd::Succeeded => Self::Succeeded,
            RunEnd::Failed => Self::Failed,
            RunEnd::Cancelled => Self::Cancelled,
            RunEnd::TimedOut => Self::TimedOut,
        }
    }
}

/// The states of a task: what a person looking at a run sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TaskStatus {
    /// What it needs is not there yet.
    Pending,
    /// It could start, and waits for something that has a name.
    Waiting,
    /// An attempt is going on.
    Running,
    /// See [`TaskEnd::Succeeded`].
    Succeeded,
    /// See [`TaskEnd::Failed`].
    Failed,
    /// See [`TaskEnd::Skipped`].
    Skipped,
    /// See [`TaskEnd::Cancelled`].
    Cancelled,
    /// See [`TaskEnd::TimedOut`].
    TimedOut,
    /// See [`TaskEnd::Lost`].
    Lost,
}

impl TaskStatus {
    /// The word in events, listings and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timedOut",
            Self::Lost => "lost",
        }
    }
}

impl From<TaskEnd> for TaskStatus {
    fn from(end: TaskEnd) -> Self {
        match end {
            TaskEnd::Succeeded => Self::Succeeded,
            TaskEnd::Failed => Self::Failed,
            TaskEnd::Skipped => Self::Skipped,
            TaskEnd::Cancelled => Self::Cancelled,
            TaskEnd::TimedOut => Self::TimedOut,
            TaskEnd::Lost => Self::Lost,
        }
    }
}

/// Where a task was done that a run did not do again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reused {
    /// The run in which it was done.
    pub run: RunId,
    /// Its last attempt there, whose log it is; 0 when there was none.
    pub attempt: u32,
}

/// Why a task waits, so that a person can act on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitReason {
    /// `slot`, `approval`, `backoff`, or a word of the executor such as `unschedulable` or `pullingImage`.
    pub code: String,
    /// One sentence.
    pub message: String,
}

impl WaitReason {
    /// A reason from its two parts.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}
