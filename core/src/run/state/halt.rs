//! Why tasks that could go on must not.

use super::super::outcome::{AttemptState, Cause, RunEnd, TaskEnd};
use super::super::time::Now;
use super::causes;
use super::{RunPhase, RunState};
use crate::pipeline::{StageIndex, TaskIndex};

/// How the run will end, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) end: RunEnd,
    pub(super) cause: Cause,
}

/// Why tasks are ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Halt {
    /// This task failed.
    Failed(TaskIndex),
    /// Somebody wants the run to end.
    Cancelled(Cause),
    /// The pipeline's timeout was reached.
    TimedOut,
    /// The workspace is gone, with what the tasks need.
    Workspace(Cause),
    /// The budget of `finally` is used up.
    FinallyTimedOut,
}

/// The stages do not go on as planned.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drain {
    pub(super) halt: Halt,
    /// The stage whose other tasks still run, where a failure does not stop them. Then running tasks of other stages
    /// finish as well, and only what has not started is left out.
    pub(super) spared: Option<StageIndex>,
}

impl Halt {
    /// The state in which a running attempt ends.
    pub(super) fn attempt_state(&self) -> AttemptState {
        match self {
            Self::Failed(_) | Self::Cancelled(_) | Self::Workspace(_) => AttemptState::Cancelled,
            Self::TimedOut | Self::FinallyTimedOut => AttemptState::TimedOut,
        }
    }

    /// The state of a task that had begun: it waited for a person, or for its next attempt.
    pub(super) fn task_end(&self) -> TaskEnd {
        self.attempt_state().into()
    }
}

impl RunState {
    /// Why this task must end, if it must.
    pub(super) fn halted(&self, index: TaskIndex) -> Option<&Halt> {
        let Some(stage) = self.stage_of(index) else { return self.finally_halt.as_ref() };
        self.drain.as_ref().filter(|drain| drain.spared != Some(stage)).map(|drain| &drain.halt)
    }

    /// Why a running attempt of this task must be stopped, if it must.
    pub(super) fn must_stop(&self, index: TaskIndex) -> Option<&Halt> {
        match self.stage_of(index) {
            Some(_) => self.drain.as_ref().filter(|drain| drain.spared.is_none()).map(|drain| &drain.halt),
            None => self.finally_halt.as_ref(),
        }
    }

    /// The cause of an attempt or a task that is stopped.
    pub(super) fn stop_cause(&self, halt: &Halt) -> Cause {
        match halt {
            Halt::Failed(failed) => causes::sibling_failed(&self.plan.task(*failed).id),
            Halt::Cancelled(cause) | Halt::Workspace(cause) => cause.clone(),
            Halt::TimedOut => causes::pipeline_timeout(self.plan.timeout),
            Halt::FinallyTimedOut => causes::finally_timeout(self.plan.finally_timeout),
        }
    }

    /// The cause of a task that never starts.
    pub(super) fn skip_cause(&self, halt: &Halt) -> Cause {
        match halt {
            Halt::Failed(failed) => causes::earlier_failure(&self.plan.task(*failed).id),
            other => self.stop_cause(other),
        }
    }

    /// The stages end now: what runs is stopped, what has not started never does. A harder reason than before replaces
    /// the one that spared a stage.
    pub(super) fn stop_stages(&mut self, halt: Halt, at: Now) {
        if self.phase_is_over_stages() || self.drain.as_ref().is_some_and(|drain| drain.spared.is_none()) {
            return;
        }
        self.drain = Some(Drain { halt, spared: None });
        self.abandon_repeat(at);
        self.refresh_alive();
    }

    /// A task failed, and nobody allowed it to. What is only being repeated is not worth finishing then.
    pub(super) fn fail_stages(&mut self, failed: TaskIndex, stage: StageIndex, at: Now) {
        if self.plan.stages[stage.get()].fail_fast || self.repeat.is_some() {
            self.stop_stages(Halt::Failed(failed), at);
        } else if self.drain.is_none() {
            self.drain = Some(Drain { halt: Halt::Failed(failed), spared: Some(stage) });
            self.refresh_alive();
        }
    }

    /// `finally` ends now.
    pub(super) fn stop_finally(&mut self, halt: Halt) {
        if self.finally_halt.is_none() {
            self.finally_halt = Some(halt);
            self.refresh_alive();
        }
    }

    /// How the run will end is certain, unless it already was.
    pub(super) fn judge(&mut self, end: RunEnd, cause: Cause) {
        self.verdict.get_or_insert(Verdict { end, cause });
    }

    fn phase_is_over_stages(&self) -> bool {
        !matches!(self.phase, RunPhase::Queued | RunPhase::Stages)
    }
}
