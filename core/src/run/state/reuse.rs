//! Tasks that an earlier run did and this one does not do again.
//!
//! They are named while the run is queued. When such a task's turn comes it is over at once, as it was there: nothing is
//! asked, nothing starts, and those who wait for it see it as it ended.

use super::super::event::RunEvent;
use super::super::outcome::{Reused, TaskEnd};
use super::apply::{Taken, require};
use super::illegal::IllegalReason;
use super::task::{Origin, TaskPhase, needs_shared_workspace};
use super::{RunPhase, RunState};
use crate::pipeline::TaskIndex;

impl RunState {
    pub(super) fn on_task_reused(&mut self, event: &RunEvent) -> Taken {
        let RunEvent::TaskReused { task: id, from, attempt, state, exit_code, cause, outputs } = event else {
            return Err(IllegalReason::Run);
        };
        require(self.phase == RunPhase::Queued && self.cancels == 0)?;
        let index = self.graph.index_of(id).ok_or_else(|| IllegalReason::UnknownTask { task: id.clone() })?;
        self.require_reusable(index, *state)?;
        self.index.open_shared -= u32::from(self.needs_what_is_there(index));
        self.tasks[index.get()].origin = Some(Origin {
            at: Reused { run: *from, attempt: *attempt },
            end: *state,
            exit_code: *exit_code,
            cause: cause.clone(),
            outputs: outputs.clone(),
        });
        Ok(())
    }

    fn require_reusable(&self, index: TaskIndex, end: TaskEnd) -> Taken {
        let task = || self.plan.task(index).id.clone();
        if self.stage_of(index).is_none() {
            return Err(IllegalReason::Task { task: task(), state: "part of `finally`, which is always done again" });
        }
        if self.tasks[index.get()].origin.is_some() {
            return Err(IllegalReason::Task { task: task(), state: "reused already" });
        }
        if !self.satisfies(index, end, None) {
            return Err(IllegalReason::NotReusable { task: task(), end });
        }
        Ok(())
    }

    /// The end of a reused task whose turn it is.
    pub(super) fn conclude_reused(&mut self, index: TaskIndex) -> Option<TaskPhase> {
        let task = &mut self.tasks[index.get()];
        let origin = task.origin.as_ref()?;
        task.exit_code = origin.exit_code;
        task.outputs.clone_from(&origin.outputs);
        Some(TaskPhase::Concluded { end: origin.end, cause: origin.cause.clone() })
    }

    /// Whether the task is done here and needs what earlier tasks left in the workspace.
    pub(super) fn needs_what_is_there(&self, index: TaskIndex) -> bool {
        self.tasks[index.get()].origin.is_none() && needs_shared_workspace(self.plan.task(index))
    }
}
