//! The vocabulary of the run machine: what comes in, what it wants done. The machine itself is [`super::RunState`].

use super::event::Decision;
use super::filed::Filing;
use super::outcome::{AttemptEnd, AttemptState, Cause, WaitReason};
use crate::pipeline::TaskIndex;

/// Something that the driver tells the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The queue lets the run go.
    Admitted,
    /// Nothing but the passing of time. Only here deadlines are looked at: news that came in time and are heard of late,
    /// because the process stood still, are settled before a tick and so still count.
    Tick,
    /// The workspace is there.
    Prepared {
        /// Which one.
        generation: u32,
    },
    /// The workspace could not be made, or an existing one is gone.
    WorkspaceLost {
        /// Which one.
        generation: u32,
        /// Why.
        cause: Cause,
    },
    /// The task may use one of the engine's slots. Answers [`Effect::RequestSlot`].
    SlotGranted {
        /// The task.
        task: TaskIndex,
    },
    /// The task wants a slot, and there is none. Sent at most once for each time that it wants one.
    SlotRefused {
        /// The task.
        task: TaskIndex,
        /// What it waits for.
        reason: WaitReason,
    },
    /// The step is started, but something is not there yet: a node, an image.
    StepWaiting {
        /// The task.
        task: TaskIndex,
        /// The attempt.
        attempt: u32,
        /// What it waits for.
        reason: WaitReason,
    },
    /// What the step waited for is there.
    StepRunning {
        /// The task.
        task: TaskIndex,
        /// The attempt.
        attempt: u32,
    },
    /// A piece of log is safe on disk.
    LogAppended {
        /// The task.
        task: TaskIndex,
        /// The attempt.
        attempt: u32,
        /// See [`super::RunEvent::LogAppended`].
        from: u64,
        /// See [`super::RunEvent::LogAppended`].
        to: u64,
        /// See [`super::RunEvent::LogAppended`].
        source: u64,
    },
    /// The log reached its limit.
    LogTruncated {
        /// The task.
        task: TaskIndex,
        /// The attempt.
        attempt: u32,
        /// The limit in bytes.
        limit: u64,
    },
    /// Something is kept of the attempt.
    Filed {
        /// The task.
        task: TaskIndex,
        /// The attempt.
        attempt: u32,
        /// What.
        filing: Filing,
    },
    /// The attempt is over, and its log is complete.
    AttemptEnded {
        /// The task.
        task: TaskIndex,
        /// The attempt.
        attempt: u32,
        /// How.
        end: AttemptEnd,
    },
    /// A person decided.
    Decide {
        /// The task that asked.
        task: TaskIndex,
        /// How.
        decision: Decision,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Somebody wants the run to end.
    Cancel {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// An engine took the run up again.
    Recovered,
    /// Everything that the executor held for the run is freed.
    Released,
}

/// Something that the state wants done. Derived from the state, never stored; wanted as long as it is listed, so that
/// doing it twice must be harmless.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Let the executor make the workspace. After [`super::RunEvent::WorkspaceReady`] of this generation it is no longer
    /// wanted; a driver that takes up a run calls `prepare` with "must exist" for ready generations by itself.
    Prepare {
        /// Which one.
        generation: u32,
    },
    /// Get one of the engine's slots for the task.
    RequestSlot {
        /// The task.
        task: TaskIndex,
    },
    /// Start the attempt, copy its log, wait for its end.
    Run {
        /// The task.
        task: TaskIndex,
        /// The attempt.
        attempt: u32,
        /// The workspace.
        generation: u32,
    },
    /// Stop the attempt (which is also listed as [`Effect::Run`], since its end is still waited for).
    Stop {
        /// The task.
        task: TaskIndex,
        /// The attempt.
        attempt: u32,
        /// The state in which it will end.
        state: AttemptState,
    },
    /// Free what the executor holds.
    Release,
}
