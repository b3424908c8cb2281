//! The causes that the machine itself gives.

use std::time::Duration;

use super::super::outcome::{Cause, WaitReason};
use crate::pipeline::TaskId;

/// The codes of causes and of reasons to wait that the run machine gives. Stable.
pub mod code {
    /// A task was skipped by its own `when`.
    pub const CONDITION_FALSE: &str = "conditionFalse";
    /// An expression or a text could not be evaluated.
    pub const BAD_VALUE: &str = "badValue";
    /// A task was skipped because another one failed.
    pub const EARLIER_FAILURE: &str = "earlierFailure";
    /// A task was stopped because another one failed.
    pub const SIBLING_FAILED: &str = "siblingFailed";
    /// Somebody wanted the run to end.
    pub const CANCELLED: &str = "cancelled";
    /// The task's own timeout.
    pub const TIMEOUT: &str = "timeout";
    /// The pipeline's timeout.
    pub const PIPELINE_TIMEOUT: &str = "pipelineTimeout";
    /// The budget of `finally`.
    pub const FINALLY_TIMEOUT: &str = "finallyTimeout";
    /// A person said no.
    pub const REJECTED: &str = "rejected";
    /// A step was stopped, and not by the run.
    pub const STOPPED: &str = "stopped";
    /// The workspace is gone, and with it what the task needs.
    pub const WORKSPACE_LOST: &str = "workspaceLost";
    /// A task waits for a person.
    pub const APPROVAL: &str = "approval";
    /// A task pauses before its next attempt.
    pub const BACKOFF: &str = "backoff";
    /// A task waits for one of the engine's slots.
    pub const SLOT: &str = "slot";
    /// A task waits until what it needs is done again in a new workspace.
    pub const REPEAT: &str = "repeat";
}

fn human(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(duration)
}

pub(super) fn condition_false(condition: &str) -> Cause {
    Cause::new(code::CONDITION_FALSE, format!("its condition is false: {condition}"), "")
}

pub(super) fn earlier_failure(failed: &TaskId) -> Cause {
    let advice = format!("see why {failed} failed; this task never started");
    Cause::new(code::EARLIER_FAILURE, format!("{failed} failed before it"), advice)
}

pub(super) fn unreachable() -> Cause {
    let message = "what it needs never came to an end that satisfies it";
    Cause::new(code::EARLIER_FAILURE, message, "see the tasks that it needs")
}

pub(super) fn sibling_failed(failed: &TaskId) -> Cause {
    let advice = format!("see why {failed} failed; with `failFast: false` in the stage the others would finish");
    Cause::new(code::SIBLING_FAILED, format!("it was stopped because {failed} failed"), advice)
}

pub(super) fn cancelled(by: &str, reason: &str) -> Cause {
    let by = if by.is_empty() { "somebody" } else { by };
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    Cause::new(code::CANCELLED, format!("{by} cancelled the run{why}"), "")
}

pub(super) fn timeout(timeout: Duration) -> Cause {
    let message = format!("it took longer than its timeout of {}", human(timeout));
    Cause::new(code::TIMEOUT, message, "see in its log what it was doing, or raise `timeout` of the task")
}

pub(super) fn approval_timeout(timeout: Duration) -> Cause {
    let message = format!("nobody decided within its timeout of {}", human(timeout));
    Cause::new(code::TIMEOUT, message, "run the pipeline again, or raise `timeout` of the task")
}

pub(super) fn pipeline_timeout(timeout: Duration) -> Cause {
    let message = format!("tasks of the run were running for longer than the pipeline's timeout of {}", human(timeout));
    Cause::new(code::PIPELINE_TIMEOUT, message, "see which task took long, or raise `timeout` of the pipeline")
}

pub(super) fn finally_timeout(timeout: Duration) -> Cause {
    let message = format!("`finally` took longer than its budget of {}", human(timeout));
    Cause::new(code::FINALLY_TIMEOUT, message, "see which of its tasks took long, or raise `finallyTimeout`")
}

pub(super) fn rejected(by: &str, reason: &str) -> Cause {
    let by = if by.is_empty() { "somebody" } else { by };
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    Cause::new(code::REJECTED, format!("{by} rejected it{why}"), format!("ask {by}, and run the pipeline again"))
}

pub(super) fn stopped_unasked() -> Cause {
    let message = "the step was stopped, and the run had not asked for that";
    Cause::new(code::STOPPED, message, "see what stopped it on the machine or the cluster, and run it again")
}

pub(super) fn workspace_lost(cause: &Cause) -> Cause {
    let message = format!("the workspace with the work of earlier tasks is gone: {}", cause.message);
    let advice = "run the pipeline again; `retry: {on: [lost], from: TASK}` repeats by itself what a task needs";
    Cause::new(code::WORKSPACE_LOST, message, advice)
}

pub(super) fn repeat_failed(task: &TaskId, cause: Option<&Cause>) -> Cause {
    let why = cause.map(|cause| format!(": {}", cause.message)).unwrap_or_default();
    let message = format!("the workspace was lost, and {task} failed when it was repeated{why}");
    Cause::new(code::WORKSPACE_LOST, message, format!("see the last attempt of {task}, and run the pipeline again"))
}

pub(super) fn waits_for_repeat() -> WaitReason {
    let message = "the workspace was lost; what the task needs is done again in a new one";
    WaitReason::new(code::REPEAT, message)
}

pub(super) fn waits_for_approval() -> WaitReason {
    WaitReason::new(code::APPROVAL, "it waits for a person to approve it")
}

pub(super) fn waits_for_backoff(attempt: u32, attempts: u32, pause: Duration) -> WaitReason {
    WaitReason::new(code::BACKOFF, format!("attempt {attempt} of {attempts} starts in {}", human(pause)))
}

pub(super) fn waits_for_slot(attempt: u32, attempts: u32) -> WaitReason {
    WaitReason::new(code::SLOT, format!("attempt {attempt} of {attempts} starts as soon as there is a slot"))
}
