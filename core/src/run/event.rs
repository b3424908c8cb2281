//! Facts about a run. State is what the events add up to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::filed::{RestoredCache, StoredArtifact};
use super::id::{RunId, Seq};
use super::outcome::{AttemptState, Cause, RunEnd, TaskEnd, WaitReason};
use super::time::Now;
use crate::pipeline::{CommitInfo, StageName, TaskId};
use crate::report::{Annotation, TestSummary};

/// An event with its number and its moment, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sequenced {
    /// The run that it is about.
    pub run: RunId,
    /// Its number in the run.
    pub seq: Seq,
    /// When it was decided.
    pub at: Now,
    /// What happened.
    pub event: RunEvent,
}

/// A decision about an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// The run goes on.
    Approved,
    /// The task fails.
    Rejected,
}

/// One fact about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RunEvent {
    /// The run exists and waits for its turn.
    RunQueued {
        /// Its number in the pipeline.
        number: u64,
        /// The pipeline's name.
        pipeline: String,
    },
    /// The run repeats another one, and this task is not done again: it counts as it ended there. Comes only before the
    /// start; that the task is over is told in its turn, as for every task.
    TaskReused {
        /// The task.
        task: TaskId,
        /// The run in which it was done.
        from: RunId,
        /// Its last attempt there, whose log it is; 0 when there was none.
        attempt: u32,
        /// How it ended there.
        state: TaskEnd,
        /// As a shell reports it, where there was one.
        exit_code: Option<i32>,
        /// Why it did not succeed, where that was allowed.
        cause: Option<Cause>,
        /// What it wrote to `$WINDLASS_OUTPUT`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<String, String>,
    },
    /// It is known for which commit the run is: that of its first checkout, together with what its trigger said. Told with
    /// the end of that checkout, or after [`RunEvent::TaskReused`] when that is not done again.
    CommitFound {
        /// The checkout.
        task: TaskId,
        /// The commit.
        commit: CommitInfo,
    },
    /// The queue let it go.
    RunStarted,
    /// A workspace is there.
    WorkspaceReady {
        /// 1 for the first one.
        generation: u32,
    },
    /// The workspace is gone, with everything in it.
    WorkspaceLost {
        /// Which one.
        generation: u32,
        /// Why.
        cause: Cause,
    },
    /// The task could start, and waits.
    TaskWaiting {
        /// The task.
        task: TaskId,
        /// For what.
        reason: WaitReason,
    },
    /// The attempt waited for something, and goes on.
    TaskRunning {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
    },
    /// The task's first attempt is about to start.
    TaskStarted {
        /// The stage; `None` in `finally`.
        stage: Option<StageName>,
        /// The task.
        task: TaskId,
    },
    /// From here on the step may have been started; its start token decides.
    AttemptStarted {
        /// The task.
        task: TaskId,
        /// 1 for the first attempt.
        attempt: u32,
        /// The workspace in which it runs.
        generation: u32,
    },
    /// A piece of the attempt's log is safe on disk.
    LogAppended {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// The offset of its first byte in the stored log.
        from: u64,
        /// The offset after its last byte.
        to: u64,
        /// The offset in the raw log from which reading goes on after a crash.
        source: u64,
    },
    /// The attempt's log reached its limit; what comes after is not kept.
    LogTruncated {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// The limit in bytes.
        limit: u64,
    },
    /// The caches of the attempt were looked for, and what there was is in the workspace. Its step starts only after this.
    CachesRestored {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// One for each cache of the task, in its order.
        caches: Vec<RestoredCache>,
    },
    /// What the attempt's tests said was read.
    TestsReported {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// All files added up; bounded.
        tests: TestSummary,
    },
    /// Remarks about places in files were read.
    AnnotationsReported {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// The remarks; bounded.
        annotations: Vec<Annotation>,
        /// How many more there were.
        #[serde(default)]
        more: u64,
    },
    /// An artifact of the attempt is stored. One of the same name that an earlier attempt left counts no more.
    ArtifactStored {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// The artifact.
        artifact: StoredArtifact,
    },
    /// The attempt must be stopped. The reason stands in the state.
    AttemptStopping {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// Why it is stopped, and so the state in which it will end.
        state: AttemptState,
        /// Why, for people.
        cause: Cause,
    },
    /// The attempt ended.
    AttemptFinished {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// How.
        state: AttemptState,
        /// As a shell reports it, where there was one.
        exit_code: Option<i32>,
        /// Why it did not succeed.
        cause: Option<Cause>,
        /// Whether the engine or the executor failed, and not the step: what a retry goes by.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        infrastructure: bool,
        /// What it wrote to `$WINDLASS_OUTPUT`, of the declared keys.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<String, String>,
    },
    /// A person is asked.
    ApprovalRequested {
        /// The task.
        task: TaskId,
        /// What is asked.
        message: String,
        /// Who may decide; anyone when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        approvers: Vec<String>,
    },
    /// A person decided.
    ApprovalDecided {
        /// The task.
        task: TaskId,
        /// How.
        decision: Decision,
        /// Who.
        by: String,
        /// Why; may be empty.
        reason: String,
    },
    /// Somebody wants the run to end. The second one ends `finally` as well.
    CancelRequested {
        /// Who; may be empty.
        by: String,
        /// Why; may be empty.
        reason: String,
    },
    /// The pipeline's timeout was reached.
    RunTimedOut,
    /// The stages are over; `finally` begins.
    FinallyStarted,
    /// The budget of `finally` is used up.
    FinallyTimedOut,
    /// An engine took the run up again.
    EngineRecovered,
    /// The task is over. Once for each task.
    TaskFinished {
        /// The task.
        task: TaskId,
        /// How.
        state: TaskEnd,
        /// Of the last attempt, where there was one.
        exit_code: Option<i32>,
        /// Why it did not succeed, or why it was skipped.
        cause: Option<Cause>,
        /// From the start of the first attempt to the end of the last one; 0 when there was none.
        duration_ms: u64,
    },
    /// The run is over. The last event that concerns tasks.
    RunFinished {
        /// How.
        state: RunEnd,
        /// From the start to here.
        duration_ms: u64,
        /// Why it did not succeed.
        cause: Option<Cause>,
    },
    /// What the executor held for the run is freed. The last event of all.
    RunReleased,
}

impl RunEvent {
    /// The word for it in streams and messages: the `type` of its JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunQueued { .. } => "runQueued",
            Self::TaskReused { .. } => "taskReused",
            Self::CommitFound { .. } => "commitFound",
            Self::RunStarted => "runStarted",
            Self::WorkspaceReady { .. } => "workspaceReady",
            Self::WorkspaceLost { .. } => "workspaceLost",
            Self::TaskWaiting { .. } => "taskWaiting",
            Self::TaskRunning { .. } => "taskRunning",
            Self::TaskStarted { .. } => "taskStarted",
            Self::AttemptStarted { .. } => "attemptStarted",
            Self::LogAppended { .. } => "logAppended",
            Self::LogTruncated { .. } => "logTruncated",
            Self::CachesRestored { .. } => "cachesRestored",
            Self::TestsReported { .. } => "testsReported",
            Self::AnnotationsReported { .. } => "annotationsReported",
            Self::ArtifactStored { .. } => "artifactStored",
            Self::AttemptStopping { .. } => "attemptStopping",
            Self::AttemptFinished { .. } => "attemptFinished",
            Self::ApprovalRequested { .. } => "approvalRequested",
            Self::ApprovalDecided { .. } => "approvalDecided",
            Self::CancelRequested { .. } => "cancelRequested",
            Self::RunTimedOut => "runTimedOut",
            Self::FinallyStarted => "finallyStarted",
            Self::FinallyTimedOut => "finallyTimedOut",
            Self::EngineRecovered => "engineRecovered",
            Self::TaskFinished { .. } => "taskFinished",
            Self::RunFinished { .. } => "runFinished",
            Self::RunReleased => "runReleased",
        }
    }

    /// The task that it is about, when it is about one.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            Self::TaskReused { task, .. }
            | Self::CommitFound { task, .. }
            | Self::TaskWaiting { task, .. }
            | Self::TaskRunning { task, .. }
            | Self::TaskStarted { task, .. }
            | Self::AttemptStarted { task, .. }
            | Self::LogAppended { task, .. }
            | Self::LogTruncated { task, .. }
            | Self::CachesRestored { task, .. }
            | Self::TestsReported { task, .. }
            | Self::AnnotationsReported { task, .. }
            | Self::ArtifactStored { task, .. }
            | Self::AttemptStopping { task, .. }
            | Self::AttemptFinished { task, .. }
            | Self::ApprovalRequested { task, .. }
            | Self::ApprovalDecided { task, .. }
            | Self::TaskFinished { task, .. } => Some(task),
            Self::RunQueued { .. }
            | Self::RunStarted
            | Self::WorkspaceReady { .. }
            | Self::WorkspaceLost { .. }
            | Self::CancelRequested { .. }
            | Self::RunTimedOut
            | Self::FinallyStarted
            | Self::FinallyTimedOut
            | Self::EngineRecovered
            | Self::RunFinished { .. }
            | Self::RunReleased => None,
        }
    }
}
