//! Limits of time that were reached.

use std::time::Duration;

use super::code;
use crate::pipeline::HumanDuration;
use crate::run::Cause;

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// `timeout` of the task: of one attempt.
    Task(Duration),
    /// `timeout` of the pipeline: the time in which at least one task was running.
    Pipeline(Duration),
    /// `finallyTimeout` of the pipeline: all of `finally` together.
    Finally(Duration),
}

/// The cause of an end by a limit of time.
pub fn timeout(limit: TimeLimit) -> Cause {
    let (message, advice) = match limit {
        TimeLimit::Task(limit) => (
            format!("the attempt took longer than the task's timeout of {}", HumanDuration::from(limit)),
            "The end of the log shows where it stood. If it only needs longer, raise the task's `timeout`.",
        ),
        TimeLimit::Pipeline(limit) => (
            format!("the run's tasks took longer than the pipeline's timeout of {}", HumanDuration::from(limit)),
            "The durations of the tasks show where the time went; waiting for slots, nodes and approvals does not count. If it \
             only needs longer, raise the pipeline's `timeout`; to bound a single task, give it a `timeout` of its own.",
        ),
        TimeLimit::Finally(limit) => (
            format!("`finally` took longer than its budget of {}", HumanDuration::from(limit)),
            "All tasks of `finally` share the budget. Raise the pipeline's `finallyTimeout`, or give them less to do.",
        ),
    };
    Cause::new(code::TIMEOUT, message, advice)
}
