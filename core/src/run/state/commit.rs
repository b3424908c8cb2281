//! The commit for which a run is: what its trigger said, and what its first checkout found out beyond that.

use super::super::event::RunEvent;
use super::apply::{Taken, require};
use super::illegal::IllegalReason;
use super::task::TaskPhase;
use super::{RunPhase, RunState};
use crate::pipeline::{CommitInfo, TaskId, TaskIndex};

/// What a checkout found out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FoundCommit {
    /// The checkout that decided. When it is repeated, it decides again: what is said is what is in the workspace.
    by: TaskIndex,
    commit: CommitInfo,
}

impl RunState {
    /// The commit for which the run is, as far as it is known by now.
    pub fn commit(&self) -> &CommitInfo {
        self.found_commit().map_or(&self.plan.commit, |(commit, _)| commit)
    }

    /// What a checkout found out about it, and which one.
    pub fn found_commit(&self) -> Option<(&CommitInfo, &TaskId)> {
        self.commit.as_ref().map(|found| (&found.commit, &self.plan.task(found.by).id))
    }

    /// What a checkout says about the run's commit; nothing when another one decided, or when the trigger named another
    /// commit.
    pub(super) fn commit_found(&self, index: TaskIndex, found: CommitInfo) -> Option<RunEvent> {
        if self.commit.as_ref().is_some_and(|known| known.by != index) {
            return None;
        }
        let commit = self.plan.commit.completed_by(found)?;
        (commit != *self.commit()).then(|| RunEvent::CommitFound { task: self.plan.task(index).id.clone(), commit })
    }

    pub(super) fn on_commit_found(&mut self, task: &TaskId, commit: &CommitInfo) -> Taken {
        let index = self.graph.index_of(task).ok_or_else(|| IllegalReason::UnknownTask { task: task.clone() })?;
        if self.phase == RunPhase::Queued {
            require(self.cancels == 0 && self.tasks[index.get()].origin.is_some())?;
        } else {
            require(self.phase.is_live())?;
            self.require_task(index, |phase| matches!(phase, TaskPhase::Running(_)))?;
        }
        require(self.commit.as_ref().is_none_or(|known| known.by == index))?;
        self.commit = Some(FoundCommit { by: index, commit: commit.clone() });
        Ok(())
    }
}
