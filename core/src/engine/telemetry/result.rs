//! Ends in the words of the OpenTelemetry conventions.

use crate::run::{AttemptState, Cause, RunEnd, RunState, TaskEnd, TaskStatus};

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CicdResult {
    Success,
    /// What the pipeline does failed.
    Failure,
    /// The engine or the executor failed, or nobody knows.
    Error,
    Timeout,
    Cancellation,
    Skip,
}

impl CicdResult {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Cancellation => "cancellation",
            Self::Skip => "skip",
        }
    }

    /// The class of the error; `None` when there is none.
    pub(super) fn error_type(self, cause: Option<&Cause>) -> Option<&str> {
        let bad = matches!(self, Self::Failure | Self::Error | Self::Timeout);
        bad.then(|| cause.map_or("_OTHER", |cause| cause.code.as_str()))
    }

    pub(super) fn of_attempt(state: AttemptState, infrastructure: bool) -> Self {
        Self::of_task(state.into(), infrastructure)
    }

    pub(super) fn of_task(end: TaskEnd, infrastructure: bool) -> Self {
        match end {
            TaskEnd::Succeeded => Self::Success,
            TaskEnd::Failed if infrastructure => Self::Error,
            TaskEnd::Failed => Self::Failure,
            TaskEnd::Skipped => Self::Skip,
            TaskEnd::Cancelled => Self::Cancellation,
            TaskEnd::TimedOut => Self::Timeout,
            TaskEnd::Lost => Self::Error,
        }
    }

    /// A failed run is as bad as the task that made it fail: a failing test is no error of the system. Without such a
    /// task it is one.
    pub(super) fn of_run(
        end: RunEnd,
        state: &RunState,
        infrastructure: impl Fn(crate::pipeline::TaskIndex) -> bool,
    ) -> Self {
        match end {
            RunEnd::Succeeded => Self::Success,
            RunEnd::Cancelled => Self::Cancellation,
            RunEnd::TimedOut => Self::Timeout,
            RunEnd::Failed => {
                let bad = |status| matches!(status, TaskStatus::Failed | TaskStatus::TimedOut);
                let mut tasks = state.tasks().filter(|task| !task.planned().allow_failure());
                let failed = tasks.any(|task| bad(task.status()) && !infrastructure(task.index()));
                if failed { Self::Failure } else { Self::Error }
            }
        }
    }
}

/// The word of Windlass for a task's end.
pub(super) fn word(end: TaskEnd) -> &'static str {
    TaskStatus::from(end).as_str()
}
