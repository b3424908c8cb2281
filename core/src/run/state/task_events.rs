//! Events about single tasks.

use std::collections::BTreeMap;

use super::super::event::{Decision, RunEvent};
use super::super::outcome::{AttemptState, Cause, TaskEnd, WaitReason};
use super::super::time::Now;
use super::apply::{Taken, require, same_generation};
use super::causes::{self, code};
use super::illegal::IllegalReason;
use super::task::{Attempt, Counted, Stopping, TaskPhase};
use super::view::LogPosition;
use super::workspace::Workspace;
use super::{RunPhase, RunState};
use crate::pipeline::TaskIndex;

impl RunState {
    pub(super) fn on_task_event(&mut self, event: &RunEvent, at: Now) -> Taken {
        let Some(id) = event.task() else { return Err(IllegalReason::Run) };
        let index = self.graph.index_of(id).ok_or_else(|| IllegalReason::UnknownTask { task: id.clone() })?;
        if let RunEvent::TaskFinished { state, exit_code, cause, duration_ms, .. } = event {
            return self.on_task_finished(index, *state, *exit_code, cause.as_ref(), *duration_ms, at);
        }
        require(self.phase.is_live())?;
        match event {
            RunEvent::TaskWaiting { reason, .. } => self.on_waiting(index, reason, at),
            RunEvent::TaskRunning { attempt, .. } => self.on_running(index, *attempt, at),
            RunEvent::TaskStarted { .. } => self.on_task_started(index),
            RunEvent::AttemptStarted { attempt, generation, .. } => {
                self.on_attempt_started(index, *attempt, *generation, at)
            }
            RunEvent::LogAppended { attempt, from, to, source, .. } => {
                self.on_log(index, *attempt, *from, LogPosition { stored: *to, source: *source })
            }
            RunEvent::LogTruncated { attempt, .. } => self.require_attempt(index, *attempt).map(drop),
            RunEvent::CachesRestored { .. }
            | RunEvent::TestsReported { .. }
            | RunEvent::AnnotationsReported { .. }
            | RunEvent::ArtifactStored { .. } => self.on_filed(index, event),
            RunEvent::AttemptStopping { attempt, state, cause, .. } => {
                self.on_stopping(index, *attempt, Stopping { state: *state, cause: cause.clone() }, at)
            }
            RunEvent::AttemptFinished { attempt, state, exit_code, cause, infrastructure, outputs, .. } => {
                let end = Ended { state: *state, infrastructure: *infrastructure, exit_code: *exit_code };
                self.on_attempt_finished(index, *attempt, end, cause.as_ref(), outputs, at)
            }
            RunEvent::ApprovalRequested { .. } => {
                self.require_task(index, |phase| matches!(phase, TaskPhase::AskApproval))?;
                self.set_phase(index, TaskPhase::AwaitApproval { since: at.elapsed, reason: None }, at);
                Ok(())
            }
            RunEvent::ApprovalDecided { decision, by, reason, .. } => {
                self.require_task(index, |phase| matches!(phase, TaskPhase::AwaitApproval { .. }))?;
                let (end, cause) = match decision {
                    Decision::Approved => (TaskEnd::Succeeded, None),
                    Decision::Rejected => (TaskEnd::Failed, Some(causes::rejected(by, reason))),
                };
                self.set_phase(index, TaskPhase::Concluded { end, cause }, at);
                Ok(())
            }
            _ => Err(IllegalReason::Run),
        }
    }

    fn on_waiting(&mut self, index: TaskIndex, reason: &WaitReason, at: Now) -> Taken {
        let told = Some(reason.clone());
        let phase = match self.phase_of(index) {
            TaskPhase::Settling { .. } if reason.code == code::REPEAT => {
                TaskPhase::AwaitRepeat { reason: reason.clone() }
            }
            TaskPhase::WantSlot { .. } | TaskPhase::Backoff { .. } => TaskPhase::WantSlot { reason: told },
            TaskPhase::Running(attempt) => TaskPhase::Running(Attempt { waiting: told, ..attempt.clone() }),
            TaskPhase::AwaitApproval { since, .. } => TaskPhase::AwaitApproval { since: *since, reason: told },
            TaskPhase::Settling { .. } if reason.code == code::BACKOFF => {
                let task = &self.tasks[index.get()];
                let pause = self.plan.task(index).retry.pause_before(task.attempts() + 1);
                TaskPhase::Backoff { until: task.ended.unwrap_or(at.elapsed) + pause, reason: reason.clone() }
            }
            TaskPhase::Settling { .. } => TaskPhase::WantSlot { reason: told },
            _ => return self.require_task(index, |_| false),
        };
        self.set_phase(index, phase, at);
        Ok(())
    }

    fn on_running(&mut self, index: TaskIndex, number: u32, at: Now) -> Taken {
        let attempt = self.require_attempt(index, number)?;
        let attempt = Attempt { waiting: None, ..attempt.clone() };
        self.set_phase(index, TaskPhase::Running(attempt), at);
        Ok(())
    }

    fn on_task_started(&mut self, index: TaskIndex) -> Taken {
        self.require_task(index, |phase| matches!(phase, TaskPhase::WantSlot { .. }))?;
        let task = &mut self.tasks[index.get()];
        if task.announced {
            return Err(IllegalReason::Task { task: self.plan.task(index).id.clone(), state: "started already" });
        }
        task.announced = true;
        Ok(())
    }

    fn on_attempt_started(&mut self, index: TaskIndex, number: u32, generation: u32, at: Now) -> Taken {
        let announced = self.tasks[index.get()].announced;
        self.require_task(index, |phase| matches!(phase, TaskPhase::WantSlot { .. }) && announced)?;
        let expected = self.tasks[index.get()].attempts() + 1;
        self.same_attempt(index, expected, number)?;
        require(matches!(self.workspace, Workspace::Ready { .. }))?;
        same_generation(self.workspace.generation(), generation)?;
        let task = &mut self.tasks[index.get()];
        task.logs.push(LogPosition::default());
        task.filed.begin_again();
        task.started.get_or_insert(at);
        let attempt = Attempt { number, since: at.elapsed, generation, waiting: None, stopping: None };
        self.set_phase(index, TaskPhase::Running(attempt), at);
        Ok(())
    }

    fn on_log(&mut self, index: TaskIndex, number: u32, from: u64, progress: LogPosition) -> Taken {
        self.require_attempt(index, number)?;
        let Some(log) = self.tasks[index.get()].logs.last_mut() else { return Err(IllegalReason::Run) };
        if from != log.stored || progress.stored < from || progress.source < log.source {
            let task = self.plan.task(index).id.clone();
            return Err(IllegalReason::Log { task, expected: log.stored, given: from });
        }
        *log = progress;
        Ok(())
    }

    fn on_stopping(&mut self, index: TaskIndex, number: u32, stopping: Stopping, at: Now) -> Taken {
        let attempt = self.require_attempt(index, number)?;
        if attempt.stopping.is_some() {
            return Err(IllegalReason::Task { task: self.plan.task(index).id.clone(), state: "being stopped already" });
        }
        let attempt = Attempt { stopping: Some(stopping), ..attempt.clone() };
        self.set_phase(index, TaskPhase::Running(attempt), at);
        Ok(())
    }

    fn on_attempt_finished(
        &mut self,
        index: TaskIndex,
        number: u32,
        end: Ended,
        cause: Option<&Cause>,
        outputs: &BTreeMap<String, String>,
        at: Now,
    ) -> Taken {
        let generation = self.require_attempt(index, number)?.generation;
        let task = &mut self.tasks[index.get()];
        task.ended = Some(at.elapsed);
        if task.kept.is_none() || end.state == AttemptState::Succeeded {
            task.exit_code = end.exit_code;
            task.cause = cause.cloned();
            task.outputs.clone_from(outputs);
            task.counted = Some(Counted { attempt: number, generation });
        }
        if self.is_repeated(index) {
            self.on_repeated(index, end.state, end.infrastructure, cause, at);
        } else {
            self.set_phase(index, TaskPhase::Settling { state: end.state, infrastructure: end.infrastructure }, at);
        }
        Ok(())
    }

    fn on_task_finished(
        &mut self,
        index: TaskIndex,
        end: TaskEnd,
        exit_code: Option<i32>,
        cause: Option<&Cause>,
        duration_ms: u64,
        at: Now,
    ) -> Taken {
        require(self.phase.is_live() || (self.phase == RunPhase::Queued && self.cancels > 0))?;
        let announced = self.tasks[index.get()].announced;
        let repeated = self.is_repeated(index);
        self.require_task(index, |phase| !repeated && can_finish(phase, end, announced))?;
        let task = &mut self.tasks[index.get()];
        task.exit_code = exit_code;
        task.cause = cause.cloned();
        self.set_phase(index, TaskPhase::Finished { end, duration_ms }, at);
        self.conclude(index, end, cause, at);
        Ok(())
    }

    pub(super) fn require_attempt(&self, index: TaskIndex, number: u32) -> Result<&Attempt, IllegalReason> {
        let TaskPhase::Running(attempt) = self.phase_of(index) else {
            let task = self.plan.task(index).id.clone();
            return Err(IllegalReason::Task { task, state: self.phase_of(index).word() });
        };
        self.same_attempt(index, attempt.number, number)?;
        Ok(attempt)
    }

    fn same_attempt(&self, index: TaskIndex, expected: u32, given: u32) -> Taken {
        if expected == given {
            return Ok(());
        }
        Err(IllegalReason::Attempt { task: self.plan.task(index).id.clone(), expected, given })
    }
}

/// How an attempt ended.
struct Ended {
    state: AttemptState,
    infrastructure: bool,
    exit_code: Option<i32>,
}

/// Whether a task can be over in this state: a success needs an attempt or a person that succeeded, and what has begun is
/// no longer skipped.
fn can_finish(phase: &TaskPhase, end: TaskEnd, announced: bool) -> bool {
    match phase {
        TaskPhase::Finished { .. } | TaskPhase::Running(_) => false,
        TaskPhase::Pending => end == TaskEnd::Skipped,
        TaskPhase::Concluded { end: known, .. } => *known == end,
        TaskPhase::Settling { state, .. } => TaskEnd::from(*state) == end,
        TaskPhase::AskApproval => matches!(end, TaskEnd::Skipped | TaskEnd::Failed),
        TaskPhase::WantSlot { .. } if !announced => end == TaskEnd::Skipped,
        TaskPhase::AwaitApproval { .. }
        | TaskPhase::WantSlot { .. }
        | TaskPhase::AwaitRepeat { .. }
        | TaskPhase::Backoff { .. } => !matches!(end, TaskEnd::Succeeded | TaskEnd::Skipped),
    }
}
