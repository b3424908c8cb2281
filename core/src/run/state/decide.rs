//! From an input to events.

use super::super::event::RunEvent;
use super::super::machine::Input;
use super::super::time::Now;
use super::{RunPhase, RunState};

impl RunState {
    /// The next events: what the input itself says; when it says nothing (a tick, or something that comes too late), what is
    /// due by the state, and at a tick by the time. [`RunState::settle`] applies them and goes on until nothing is due.
    pub fn decide(&self, input: Input, now: Now) -> Vec<RunEvent> {
        let ticks = input == Input::Tick;
        let events = self.answer(input);
        if events.is_empty() { self.due_events(now, ticks) } else { events }
    }

    fn answer(&self, input: Input) -> Vec<RunEvent> {
        let event = match input {
            Input::Tick => None,
            Input::Admitted => (self.phase == RunPhase::Queued && self.cancels == 0).then_some(RunEvent::RunStarted),
            Input::Prepared { generation } => self.prepared(generation),
            Input::WorkspaceLost { generation, cause } => self.workspace_lost(generation, cause),
            Input::SlotGranted { task } => return self.slot_granted(task),
            Input::SlotRefused { task, reason } => self.slot_refused(task, reason),
            Input::StepWaiting { task, attempt, reason } => self.step_waiting(task, attempt, reason),
            Input::StepRunning { task, attempt } => self.step_running(task, attempt),
            Input::LogAppended { task, attempt, from, to, source } => {
                self.log_appended(task, attempt, from, to, source)
            }
            Input::Filed { task, attempt, filing } => self.filed(task, attempt, filing),
            Input::LogTruncated { task, attempt, limit } => self.log_truncated(task, attempt, limit),
            Input::AttemptEnded { task, attempt, end } => return self.attempt_ended(task, attempt, end),
            Input::Decide { task, decision, by, reason } => self.approval_decided(task, decision, by, reason),
            Input::Cancel { by, reason } => self.cancel_requested(by, reason),
            Input::Recovered => self.is_open().then_some(RunEvent::EngineRecovered),
            Input::Released => matches!(self.phase, RunPhase::Ended(_)).then_some(RunEvent::RunReleased),
        };
        event.into_iter().collect()
    }

    /// Whether events can still come.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.phase, RunPhase::New | RunPhase::Released(_))
    }

    fn cancel_requested(&self, by: String, reason: String) -> Option<RunEvent> {
        let heard = match self.phase {
            RunPhase::Queued => self.cancels == 0,
            RunPhase::Stages | RunPhase::Finally { .. } => self.cancels < 2,
            RunPhase::New | RunPhase::Ended(_) | RunPhase::Released(_) => false,
        };
        heard.then_some(RunEvent::CancelRequested { by, reason })
    }
}
