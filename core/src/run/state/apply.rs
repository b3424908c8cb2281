//! The only place at which a run changes: from an event to the next state. Everything is checked before anything changes.

use super::super::event::RunEvent;
use super::super::outcome::{Cause, RunEnd};
use super::super::time::Now;
use super::causes;
use super::halt::Halt;
use super::illegal::{IllegalReason, IllegalTransition};
use super::task::TaskPhase;
use super::workspace::Workspace;
use super::{RunPhase, RunState};

/// Whether an event was taken.
pub(super) type Taken = Result<(), IllegalReason>;

impl RunState {
    /// Takes one event, decided now or read from a store. An error leaves the state as it was.
    pub fn apply(&mut self, at: Now, event: &RunEvent) -> Result<(), IllegalTransition> {
        let taken = match event {
            RunEvent::RunQueued { number, .. } => self.on_queued(*number, at),
            RunEvent::RunStarted => self.on_started(at),
            RunEvent::WorkspaceReady { generation } => self.on_workspace_ready(*generation),
            RunEvent::WorkspaceLost { generation, cause } => self.on_workspace_lost(*generation, cause, at),
            RunEvent::CancelRequested { by, reason } => self.on_cancel(causes::cancelled(by, reason), at),
            RunEvent::RunTimedOut => self.on_run_timed_out(at),
            RunEvent::FinallyStarted => self.on_finally_started(at),
            RunEvent::FinallyTimedOut => self.on_finally_timed_out(),
            RunEvent::EngineRecovered if self.is_open() => Ok(()),
            RunEvent::EngineRecovered => Err(IllegalReason::Run),
            RunEvent::RunFinished { state, cause, .. } => self.on_finished(*state, cause.as_ref(), at),
            RunEvent::RunReleased => self.on_released(),
            RunEvent::TaskReused { .. } => self.on_task_reused(event),
            RunEvent::CommitFound { task, commit } => self.on_commit_found(task, commit),
            RunEvent::TaskWaiting { .. }
            | RunEvent::TaskRunning { .. }
            | RunEvent::TaskStarted { .. }
            | RunEvent::AttemptStarted { .. }
            | RunEvent::LogAppended { .. }
            | RunEvent::LogTruncated { .. }
            | RunEvent::CachesRestored { .. }
            | RunEvent::TestsReported { .. }
            | RunEvent::AnnotationsReported { .. }
            | RunEvent::ArtifactStored { .. }
            | RunEvent::AttemptStopping { .. }
            | RunEvent::AttemptFinished { .. }
            | RunEvent::ApprovalRequested { .. }
            | RunEvent::ApprovalDecided { .. }
            | RunEvent::TaskFinished { .. } => self.on_task_event(event, at),
        };
        taken.map_err(|reason| self.illegal(event, reason))
    }

    fn on_queued(&mut self, number: u64, at: Now) -> Taken {
        require(self.phase == RunPhase::New)?;
        self.number = number;
        self.queued = Some(at);
        self.phase = RunPhase::Queued;
        Ok(())
    }

    fn on_started(&mut self, at: Now) -> Taken {
        require(self.phase == RunPhase::Queued && self.cancels == 0)?;
        self.started = Some(at);
        self.phase = RunPhase::Stages;
        self.workspace = Workspace::Preparing { generation: 1 };
        self.start_stages(at);
        Ok(())
    }

    fn on_workspace_ready(&mut self, generation: u32) -> Taken {
        require(self.phase.is_live())?;
        let expected = match self.workspace {
            Workspace::Preparing { generation } => generation,
            _ => return Err(IllegalReason::Run),
        };
        same_generation(expected, generation)?;
        self.workspace = Workspace::Ready { generation };
        Ok(())
    }

    fn on_workspace_lost(&mut self, generation: u32, cause: &Cause, at: Now) -> Taken {
        require(self.phase.is_live())?;
        match self.workspace {
            Workspace::Preparing { generation: expected } | Workspace::Ready { generation: expected } => {
                same_generation(expected, generation)?;
            }
            Workspace::None | Workspace::Gone { .. } => return Err(IllegalReason::Run),
        }
        self.lose_workspace(generation, cause, at);
        Ok(())
    }

    fn on_cancel(&mut self, cause: Cause, at: Now) -> Taken {
        require(self.phase == RunPhase::Queued || self.phase.is_live())?;
        self.cancel(cause, at);
        Ok(())
    }

    fn on_run_timed_out(&mut self, at: Now) -> Taken {
        require(self.phase == RunPhase::Stages)?;
        self.judge(RunEnd::TimedOut, causes::pipeline_timeout(self.plan.timeout));
        self.stop_stages(Halt::TimedOut, at);
        Ok(())
    }

    fn on_finally_started(&mut self, at: Now) -> Taken {
        require(self.phase == RunPhase::Stages)?;
        require(!self.stages_are_alive() || self.index.open_stages > 0)?;
        if self.index.open_stages > 0 {
            return Err(IllegalReason::OpenTasks { open: self.index.open_stages });
        }
        self.start_finally(at.elapsed);
        self.start_next_finally(at);
        Ok(())
    }

    fn on_finally_timed_out(&mut self) -> Taken {
        require(matches!(self.phase, RunPhase::Finally { .. }))?;
        self.judge(RunEnd::Failed, causes::finally_timeout(self.plan.finally_timeout));
        self.stop_finally(Halt::FinallyTimedOut);
        Ok(())
    }

    fn on_finished(&mut self, state: RunEnd, cause: Option<&Cause>, at: Now) -> Taken {
        require(self.phase.is_live() || (self.phase == RunPhase::Queued && self.cancels > 0))?;
        require(!self.stages_are_alive() || self.index.open > 0)?;
        if self.index.open > 0 {
            return Err(IllegalReason::OpenTasks { open: self.index.open });
        }
        self.verdict = cause.map(|cause| super::halt::Verdict { end: state, cause: cause.clone() });
        self.finished = Some(at);
        self.phase = RunPhase::Ended(state);
        Ok(())
    }

    fn on_released(&mut self) -> Taken {
        let RunPhase::Ended(end) = self.phase else { return Err(IllegalReason::Run) };
        self.phase = RunPhase::Released(end);
        Ok(())
    }

    /// Refuses an event of a task that is not where such an event can happen.
    pub(super) fn require_task(&self, index: crate::pipeline::TaskIndex, fits: impl Fn(&TaskPhase) -> bool) -> Taken {
        let phase = self.phase_of(index);
        if fits(phase) {
            return Ok(());
        }
        Err(IllegalReason::Task { task: self.plan.task(index).id.clone(), state: phase.word() })
    }
}

pub(super) fn require(fits: bool) -> Taken {
    if fits { Ok(()) } else { Err(IllegalReason::Run) }
}

pub(super) fn same_generation(expected: u32, given: u32) -> Taken {
    if expected == given { Ok(()) } else { Err(IllegalReason::Generation { expected, given }) }
}
