//! Looking at a run without changing it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::filed::{RestoredCache, StoredArtifact};
use super::super::outcome::{AttemptState, Cause, Reused, TaskStatus, WaitReason};
use super::super::time::Now;
use super::RunState;
use super::task::{TaskPhase, TaskState, needs_shared_workspace};
use super::workspace::Workspace;
use crate::pipeline::{PlannedTask, StageName, TaskId, TaskIndex};
use crate::report::{Annotation, TestSummary};

/// How far the log of an attempt has come: a pair that is committed together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPosition {
    /// The offset in the raw log from which reading goes on after a crash: the first byte not yet released by the masker.
    pub source: u64,
    /// The length of the stored log.
    pub stored: u64,
}

/// How many tasks of a run are where. The sum is the number of tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// What they need is not there yet, or they have not got a slot yet.
    pub pending: u32,
    /// They wait for something with a name.
    pub waiting: u32,
    /// An attempt is going on.
    pub running: u32,
    /// They are over.
    pub finished: u32,
}

/// A task of a run, to look at.
#[derive(Clone, Copy, Debug)]
pub struct TaskView<'a> {
    state: &'a RunState,
    index: TaskIndex,
}

impl<'a> TaskView<'a> {
    /// Its place in the plan.
    pub fn index(&self) -> TaskIndex {
        self.index
    }

    /// The task as it was planned.
    pub fn planned(&self) -> &'a PlannedTask {
        self.state.plan.task(self.index)
    }

    /// Its name in the run.
    pub fn id(&self) -> &'a TaskId {
        &self.planned().id
    }

    /// The name of its stage; `None` in `finally`.
    pub fn stage(&self) -> Option<&'a StageName> {
        self.state.stage_of(self.index).map(|stage| &self.state.plan.stages[stage.get()].name)
    }

    /// What a person sees.
    pub fn status(&self) -> TaskStatus {
        self.task().phase.status()
    }

    /// How many attempts were made, the one that goes on included.
    pub fn attempts(&self) -> u32 {
        self.task().attempts()
    }

    /// The number of the attempt that goes on.
    pub fn current_attempt(&self) -> Option<u32> {
        match &self.task().phase {
            TaskPhase::Running(attempt) => Some(attempt.number),
            _ => None,
        }
    }

    /// The state in which the attempt that goes on will end, and why, when it is being stopped.
    pub fn stopping(&self) -> Option<(AttemptState, &'a Cause)> {
        match &self.task().phase {
            TaskPhase::Running(attempt) => attempt.stopping.as_ref().map(|stopping| (stopping.state, &stopping.cause)),
            _ => None,
        }
    }

    /// Of the last attempt that ended, where there was one.
    pub fn exit_code(&self) -> Option<i32> {
        self.task().exit_code
    }

    /// Why it, or its last attempt, did not succeed; or why it was skipped.
    pub fn cause(&self) -> Option<&'a Cause> {
        self.task().cause.as_ref()
    }

    /// The outputs of its last attempt.
    pub fn outputs(&self) -> &'a BTreeMap<String, String> {
        &self.task().outputs
    }

    /// For what it waits.
    pub fn waiting(&self) -> Option<&'a WaitReason> {
        self.task().phase.waiting()
    }

    /// Where it was done, when what it shows is the result of an earlier run: its log is there. `None` once it was done
    /// again here.
    pub fn reused(&self) -> Option<Reused> {
        self.task().reused()
    }

    /// The attempt of this run that its exit code, cause and outputs are of; 0 when there is none.
    pub(in crate::run) fn counted_attempt(&self) -> u32 {
        self.task().counted.map_or(0, |counted| counted.attempt)
    }

    /// The generation of the shared workspace in which it did what it is known for; `None` when it left nothing in one.
    pub(in crate::run) fn left_work_in(&self) -> Option<u32> {
        self.task().worked_in().filter(|_| needs_shared_workspace(self.planned()))
    }

    /// The start of its first attempt.
    pub fn started(&self) -> Option<Now> {
        self.task().started
    }

    /// The time from the start of the first attempt to the end of the last one; zero before that.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(match self.task().phase {
            TaskPhase::Finished { duration_ms, .. } => duration_ms,
            _ => self.task().duration_ms(),
        })
    }

    /// The artifacts that it left, each with the attempt that did.
    pub fn artifacts(&self) -> &'a [(u32, StoredArtifact)] {
        &self.task().filed.artifacts
    }

    /// The caches with which its newest attempt began, once they were looked for.
    pub fn caches(&self) -> Option<&'a [RestoredCache]> {
        self.task().filed.caches.as_deref()
    }

    /// What the tests of its newest attempt said.
    pub fn tests(&self) -> Option<&'a TestSummary> {
        self.task().filed.tests.as_ref()
    }

    /// The remarks that its newest attempt left, and how many more there were.
    pub fn annotations(&self) -> (&'a [Annotation], u64) {
        (&self.task().filed.annotations, self.task().filed.more_annotations)
    }

    /// How far the log of the newest attempt is committed.
    pub fn log(&self) -> LogPosition {
        self.task().logs.last().copied().unwrap_or_default()
    }

    fn task(&self) -> &'a TaskState {
        &self.state.tasks[self.index.get()]
    }
}

impl RunState {
    /// The task at an index of the plan.
    pub fn task(&self, index: TaskIndex) -> TaskView<'_> {
        TaskView { state: self, index }
    }

    /// All tasks, in the order of the plan.
    pub fn tasks(&self) -> impl Iterator<Item = TaskView<'_>> {
        self.plan.indices().map(|index| self.task(index))
    }

    /// Marks these tasks and all that come after them.
    pub(in crate::run) fn with_followers(&self, tasks: impl IntoIterator<Item = TaskIndex>) -> Vec<bool> {
        self.graph.with_followers(&self.plan, tasks)
    }

    /// The newest workspace, as far as it is there or is being made.
    pub(in crate::run) fn workspace_at_hand(&self) -> Option<u32> {
        match self.workspace {
            Workspace::Preparing { generation } | Workspace::Ready { generation } => Some(generation),
            Workspace::None | Workspace::Gone { .. } => None,
        }
    }

    /// The index of a task by its name in the run.
    pub fn index_of(&self, id: &TaskId) -> Option<TaskIndex> {
        self.graph.index_of(id)
    }

    /// How far the log of an attempt is committed; zero for an attempt that was never made.
    pub fn log_position(&self, index: TaskIndex, attempt: u32) -> LogPosition {
        let logs = &self.tasks[index.get()].logs;
        (attempt as usize).checked_sub(1).and_then(|at| logs.get(at)).copied().unwrap_or_default()
    }

    /// How many tasks are where.
    pub fn counts(&self) -> Counts {
        let of = |status: TaskStatus| self.index.by_status[status as usize];
        let (pending, waiting, running) = (of(TaskStatus::Pending), of(TaskStatus::Waiting), of(TaskStatus::Running));
        Counts { pending, waiting, running, finished: self.tasks.len() as u32 - pending - waiting - running }
    }
}
