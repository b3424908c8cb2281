//! What is due without anybody saying so: it follows from the state, or from the time.

use super::super::event::RunEvent;
use super::super::outcome::{AttemptState, Cause, TaskEnd};
use super::super::time::Now;
use super::causes::{self, code};
use super::task::TaskPhase;
use super::{RunPhase, RunState};
use crate::pipeline::{Action, TaskIndex};

/// The next event of a task, before its words are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// It is over.
    Finish,
    /// It ends because the run does not go on.
    Halt,
    /// Its attempt must be stopped.
    Stop,
    /// Its attempt is lost with the workspace.
    Lose,
    /// Another attempt follows.
    Retry,
    /// Another attempt follows once what it needs has been repeated.
    AwaitRepeat,
    /// A person must be asked.
    Ask,
    /// Its waiting must be told.
    Announce,
}

impl RunState {
    /// What is due for a task now.
    pub(super) fn due(&self, index: TaskIndex) -> Option<Due> {
        let halted = self.halted(index).is_some();
        match self.phase_of(index) {
            TaskPhase::Pending | TaskPhase::Finished { .. } => None,
            TaskPhase::Concluded { .. } => Some(Due::Finish),
            TaskPhase::AskApproval => Some(if halted { Due::Halt } else { Due::Ask }),
            TaskPhase::AwaitApproval { .. }
            | TaskPhase::WantSlot { .. }
            | TaskPhase::AwaitRepeat { .. }
            | TaskPhase::Backoff { .. }
                if halted =>
            {
                Some(Due::Halt)
            }
            TaskPhase::AwaitApproval { reason: None, .. } => Some(Due::Announce),
            TaskPhase::AwaitApproval { .. }
            | TaskPhase::WantSlot { .. }
            | TaskPhase::AwaitRepeat { .. }
            | TaskPhase::Backoff { .. } => None,
            TaskPhase::Running(attempt) if self.lost_with(attempt.generation).is_some() => Some(Due::Lose),
            TaskPhase::Running(attempt) => {
                (attempt.stopping.is_none() && self.must_stop(index).is_some()).then_some(Due::Stop)
            }
            TaskPhase::Settling { state, infrastructure } => Some(match self.retry(index, *state, *infrastructure) {
                Some(_) if self.waits_for_repeat(index) => Due::AwaitRepeat,
                Some(_) => Due::Retry,
                None => Due::Finish,
            }),
        }
    }

    /// The next events that need no input. One task at a time, since each end can change what is due for the others. Deadlines
    /// only count at a tick.
    pub(super) fn due_events(&self, now: Now, ticks: bool) -> Vec<RunEvent> {
        if let Some(event) = self.index.agenda.first().and_then(|&index| self.due_event(index)) {
            return vec![event];
        }
        let left_out = self.left_out();
        if !left_out.is_empty() {
            return left_out;
        }
        let overdue = if ticks { self.overdue(now) } else { None };
        overdue.or_else(|| self.progress(now)).into_iter().collect()
    }

    fn due_event(&self, index: TaskIndex) -> Option<RunEvent> {
        let task = self.plan.task(index).id.clone();
        Some(match self.due(index)? {
            Due::Finish => self.finish(index),
            Due::Halt => {
                let halt = self.halted(index)?;
                let begun = self.tasks[index.get()].announced
                    || matches!(self.phase_of(index), TaskPhase::AwaitApproval { .. });
                if begun {
                    self.task_finished(index, halt.task_end(), Some(self.stop_cause(halt)))
                } else {
                    self.task_finished(index, TaskEnd::Skipped, Some(self.skip_cause(halt)))
                }
            }
            Due::Stop => {
                let halt = self.must_stop(index)?;
                self.stop(index, halt.attempt_state(), self.stop_cause(halt))?
            }
            Due::Lose => self.lose_attempt(index)?,
            Due::Retry => self.announce_retry(index)?,
            Due::AwaitRepeat => RunEvent::TaskWaiting { task, reason: causes::waits_for_repeat() },
            Due::Ask => self.ask(index),
            Due::Announce => RunEvent::TaskWaiting { task, reason: causes::waits_for_approval() },
        })
    }

    /// The end of a task whose end is known.
    fn finish(&self, index: TaskIndex) -> RunEvent {
        match self.phase_of(index) {
            TaskPhase::Settling { state, .. } => {
                self.task_finished(index, (*state).into(), self.tasks[index.get()].cause.clone())
            }
            TaskPhase::Concluded { end, cause } => self.task_finished(index, *end, cause.clone()),
            _ => self.task_finished(index, TaskEnd::Skipped, Some(causes::unreachable())),
        }
    }

    fn task_finished(&self, index: TaskIndex, state: TaskEnd, cause: Option<Cause>) -> RunEvent {
        let task = &self.tasks[index.get()];
        RunEvent::TaskFinished {
            task: self.plan.task(index).id.clone(),
            state,
            exit_code: task.exit_code,
            cause,
            duration_ms: task.duration_ms(),
        }
    }

    fn stop(&self, index: TaskIndex, state: AttemptState, cause: Cause) -> Option<RunEvent> {
        let TaskPhase::Running(attempt) = self.phase_of(index) else { return None };
        let task = self.plan.task(index).id.clone();
        Some(RunEvent::AttemptStopping { task, attempt: attempt.number, state, cause })
    }

    fn lose_attempt(&self, index: TaskIndex) -> Option<RunEvent> {
        let TaskPhase::Running(attempt) = self.phase_of(index) else { return None };
        let lost = self.lost_with(attempt.generation)?;
        let (state, cause) = match &attempt.stopping {
            Some(stopping) => (stopping.state, stopping.cause.clone()),
            None => (AttemptState::Lost, lost.clone()),
        };
        Some(RunEvent::AttemptFinished {
            task: self.plan.task(index).id.clone(),
            attempt: attempt.number,
            state,
            exit_code: None,
            cause: Some(cause),
            infrastructure: false,
            outputs: Default::default(),
        })
    }

    fn announce_retry(&self, index: TaskIndex) -> Option<RunEvent> {
        let TaskPhase::Settling { state, infrastructure } = self.phase_of(index) else { return None };
        let pause = self.retry(index, *state, *infrastructure)?;
        let (next, attempts) = (self.tasks[index.get()].attempts() + 1, self.plan.task(index).retry.attempts);
        let reason = match pause.as_millis() {
            0 => causes::waits_for_slot(next, attempts),
            _ => causes::waits_for_backoff(next, attempts, pause),
        };
        Some(RunEvent::TaskWaiting { task: self.plan.task(index).id.clone(), reason })
    }

    fn ask(&self, index: TaskIndex) -> RunEvent {
        let approvers = match self.plan.task(index).action() {
            Action::Approve(approve) => approve.approvers.clone(),
            _ => Vec::new(),
        };
        match self.approval_message(index) {
            Ok(message) => RunEvent::ApprovalRequested { task: self.plan.task(index).id.clone(), message, approvers },
            Err(cause) => self.task_finished(index, TaskEnd::Failed, Some(cause)),
        }
    }

    /// The tasks that will never start: told all at once.
    fn left_out(&self) -> Vec<RunEvent> {
        if matches!(self.phase, RunPhase::New | RunPhase::Ended(_) | RunPhase::Released(_)) {
            return Vec::new();
        }
        let (finally, pending) = (self.graph.finally, &self.index.pending);
        let skip = |index: TaskIndex, cause: Cause| self.task_finished(index, TaskEnd::Skipped, Some(cause));
        let mut events = Vec::new();
        if let Some(drain) = &self.drain {
            let spared = drain.spared.filter(|_| self.stages_are_alive());
            let spared = spared.map_or(finally.0..finally.0, |stage| self.plan.stages[stage.get()].tasks.clone());
            let before = pending.range(..TaskIndex(spared.start));
            let after = pending.range(TaskIndex(spared.end)..).take_while(|index| **index < finally);
            events.extend(before.chain(after).map(|&index| skip(index, self.skip_cause(&drain.halt))));
        } else if self.phase == RunPhase::Stages && !self.stages_are_alive() {
            events.extend(pending.range(..finally).map(|&index| skip(index, causes::unreachable())));
        }
        if self.finally_is_left_out() {
            let cause = match (&self.finally_halt, &self.verdict) {
                (Some(halt), _) => self.skip_cause(halt),
                (None, Some(verdict)) => verdict.cause.clone(),
                (None, None) => causes::unreachable(),
            };
            events.extend(pending.range(finally..).map(|&index| skip(index, cause.clone())));
        }
        events
    }

    pub(super) fn stages_are_alive(&self) -> bool {
        self.index.alive.first().is_some_and(|index| *index < self.graph.finally)
    }

    fn finally_is_left_out(&self) -> bool {
        match self.phase {
            RunPhase::Queued => self.cancels > 0,
            RunPhase::Stages => self.index.open_stages == 0 && self.cancels > 1,
            RunPhase::Finally { .. } => self.finally_halt.is_some(),
            _ => false,
        }
    }

    /// What the passing of time makes due.
    fn overdue(&self, now: Now) -> Option<RunEvent> {
        if let Some(&(at, index)) = self.index.deadlines.first()
            && at <= now.elapsed
        {
            return self.task_overdue(index);
        }
        if self.run_deadline().is_some_and(|at| at <= now.elapsed) {
            return Some(RunEvent::RunTimedOut);
        }
        self.finally_deadline()
            .filter(|at| *at <= now.elapsed && self.index.open > 0)
            .map(|_| RunEvent::FinallyTimedOut)
    }

    fn task_overdue(&self, index: TaskIndex) -> Option<RunEvent> {
        let planned = self.plan.task(index);
        let timeout = planned.timeout.unwrap_or_default();
        match self.phase_of(index) {
            TaskPhase::Running(_) => self.stop(index, AttemptState::TimedOut, causes::timeout(timeout)),
            TaskPhase::AwaitApproval { .. } => {
                Some(self.task_finished(index, TaskEnd::TimedOut, Some(causes::approval_timeout(timeout))))
            }
            TaskPhase::Backoff { .. } => {
                let reason = causes::waits_for_slot(self.tasks[index.get()].attempts() + 1, planned.retry.attempts);
                debug_assert_eq!(reason.code, code::SLOT);
                Some(RunEvent::TaskWaiting { task: planned.id.clone(), reason })
            }
            _ => None,
        }
    }

    /// The turns of the whole run.
    fn progress(&self, now: Now) -> Option<RunEvent> {
        let stages_over = self.index.open_stages == 0 && !self.stages_are_alive();
        let finally_waits = self.index.open > 0 && stages_over && self.cancels < 2;
        match self.phase {
            RunPhase::Stages if finally_waits => Some(RunEvent::FinallyStarted),
            RunPhase::Queued if self.cancels == 0 => None,
            RunPhase::Queued | RunPhase::Stages | RunPhase::Finally { .. } if self.index.open == 0 && stages_over => {
                Some(RunEvent::RunFinished {
                    state: self.outcome(),
                    duration_ms: self.started.map_or(0, |at| now.elapsed.since(at.elapsed).as_millis() as u64),
                    cause: self.cause().cloned(),
                })
            }
            _ => None,
        }
    }
}
