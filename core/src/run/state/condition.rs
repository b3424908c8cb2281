//! The seam to expressions and texts, which are evaluated with what the run knows by now.

use super::super::outcome::{Cause, TaskStatus};
use super::RunState;
use super::causes::{self, code};
use super::task::TaskPhase;
use crate::pipeline::{Action, TaskId, TaskIndex};

/// What an expression can ask of the other tasks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a>(&'a RunState);

#[expect(dead_code, reason = "for the evaluation of expressions")]
impl<'a> Facts<'a> {
    /// The state of a task; `None` when there is no such task.
    pub(super) fn state(&self, task: &TaskId) -> Option<TaskStatus> {
        self.0.index_of(task).map(|index| self.0.task(index).status())
    }

    /// An output of a task that is over.
    pub(super) fn output(&self, task: &TaskId, key: &str) -> Option<&'a str> {
        let index = self.0.index_of(task)?;
        match self.0.phase_of(index) {
            TaskPhase::Finished { .. } => self.0.task(index).outputs().get(key).map(String::as_str),
            _ => None,
        }
    }
}

impl RunState {
    /// Whether the task's conditions are all true; else how it ends without ever starting. Asked once, at the moment at
    /// which nothing is missing any more.
    pub(super) fn condition(&self, index: TaskIndex) -> Result<(), Refusal> {
        for condition in &self.plan.task(index).when {
            match condition.source() {
                "true" => {}
                "false" => return Err(Refusal::Skip(causes::condition_false(condition.source()))),
                source => {
                    let message = format!("its condition cannot be evaluated: {source}");
                    return Err(Refusal::Fail(Cause::new(code::BAD_VALUE, message, "correct `when`")));
                }
            }
        }
        Ok(())
    }

    /// What a person is asked, with all variables replaced.
    pub(super) fn approval_message(&self, index: TaskIndex) -> Result<String, Cause> {
        match self.plan.task(index).action() {
            Action::Approve(approve) => Ok(approve.message.source().to_owned()),
            _ => Ok(String::new()),
        }
    }
}

/// How a task ends that never starts.
pub(super) enum Refusal {
    /// A condition is false.
    Skip(Cause),
    /// A condition could not be evaluated.
    Fail(Cause),
}
