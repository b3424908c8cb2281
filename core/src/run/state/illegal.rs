//! Events that cannot happen in a state.

use super::super::event::RunEvent;
use super::super::id::RunId;
use super::super::outcome::TaskEnd;
use super::RunState;
use crate::pipeline::TaskId;

/// An event does not fit the state: the history is damaged, or of a newer version, or somebody else writes to the run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event {event} does not fit run {run}, which is {state}: {reason}")]
pub struct IllegalTransition {
    /// The run.
    pub run: RunId,
    /// The kind of the event.
    pub event: &'static str,
    /// Where the run is.
    pub state: &'static str,
    /// What does not fit.
    pub reason: IllegalReason,
}

/// What does not fit about an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IllegalReason {
    /// The run is not where such an event can happen.
    #[error("such an event cannot happen there")]
    Run,
    /// The plan has no such task.
    #[error("the plan has no task {task}")]
    UnknownTask {
        /// The task of the event.
        task: TaskId,
    },
    /// The task is not where such an event can happen to it.
    #[error("the task {task} is {state}")]
    Task {
        /// The task.
        task: TaskId,
        /// Where it is.
        state: &'static str,
    },
    /// What ended so has to be done again.
    #[error("the task {task} ended there as {end:?}, and has to be done again")]
    NotReusable {
        /// The task.
        task: TaskId,
        /// How it ended in the earlier run.
        end: TaskEnd,
    },
    /// The event is about another attempt.
    #[error("the task {task} is at attempt {expected}, and the event is about attempt {given}")]
    Attempt {
        /// The task.
        task: TaskId,
        /// The attempt that such an event could be about.
        expected: u32,
        /// The attempt that it is about.
        given: u32,
    },
    /// The event is about another workspace.
    #[error("the workspace is at generation {expected}, and the event is about generation {given}")]
    Generation {
        /// The generation that such an event could be about.
        expected: u32,
        /// The generation that it is about.
        given: u32,
    },
    /// The piece of log does not follow the one before.
    #[error("the log of {task} ends at {expected}, and the next piece starts at {given}")]
    Log {
        /// The task.
        task: TaskId,
        /// The offset at which the next piece can start.
        expected: u64,
        /// The offset at which it starts.
        given: u64,
    },
    /// Tasks are not over yet.
    #[error("{open} tasks are not over yet")]
    OpenTasks {
        /// How many.
        open: u32,
    },
}

impl RunState {
    pub(super) fn illegal(&self, event: &RunEvent, reason: IllegalReason) -> IllegalTransition {
        IllegalTransition { run: self.run, event: event.kind(), state: self.phase.word(), reason }
    }
}
