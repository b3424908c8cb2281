//! Changes of tasks, with everything that is kept beside them.

use std::sync::Arc;

use super::super::outcome::{Cause, RunEnd, TaskEnd, TaskStatus};
use super::super::time::{Elapsed, Now};
use super::causes::{self, code};
use super::condition::Refusal;
use super::halt::Halt;
use super::task::{Attempt, TaskPhase};
use super::{RunPhase, RunState};
use crate::pipeline::{Action, StageIndex, TaskIndex};

/// What the sets and counters of a run hold of one task.
#[derive(Clone, Copy, PartialEq)]
struct Footprint {
    status: TaskStatus,
    pending: bool,
    alive: bool,
    wanting: bool,
    running: bool,
    active: bool,
    deadline: Option<Elapsed>,
}

impl RunState {
    /// Moves a task to another phase.
    pub(super) fn set_phase(&mut self, index: TaskIndex, phase: TaskPhase, at: Now) {
        let before = self.footprint(index);
        self.tasks[index.get()].phase = phase;
        let after = self.footprint(index);
        self.reindex(index, before, after, at.elapsed);
        self.refresh(index);
    }

    /// Looks again whether an event is due for a task.
    pub(super) fn refresh(&mut self, index: TaskIndex) {
        if self.due(index).is_some() {
            self.index.agenda.insert(index);
        } else {
            self.index.agenda.remove(&index);
        }
    }

    /// Looks again at all tasks that are neither pending nor over: something changed that concerns all of them.
    pub(super) fn refresh_alive(&mut self) {
        let alive = std::mem::take(&mut self.index.alive);
        for &index in &alive {
            self.refresh(index);
        }
        self.index.alive = alive;
    }

    fn footprint(&self, index: TaskIndex) -> Footprint {
        let phase = self.phase_of(index);
        let running = matches!(phase, TaskPhase::Running(_));
        let waits = matches!(phase, TaskPhase::Running(Attempt { waiting: Some(_), .. }));
        Footprint {
            status: phase.status(),
            pending: matches!(phase, TaskPhase::Pending),
            alive: !matches!(phase, TaskPhase::Pending | TaskPhase::Finished { .. }),
            wanting: matches!(phase, TaskPhase::WantSlot { .. }),
            running,
            active: running && !waits && index < self.graph.finally,
            deadline: self.deadline_of(index),
        }
    }

    fn deadline_of(&self, index: TaskIndex) -> Option<Elapsed> {
        let timeout = self.plan.task(index).timeout;
        match self.phase_of(index) {
            TaskPhase::Running(attempt) if attempt.stopping.is_none() => timeout.map(|timeout| attempt.since + timeout),
            TaskPhase::AwaitApproval { since, .. } => timeout.map(|timeout| *since + timeout),
            TaskPhase::Backoff { until, .. } => Some(*until),
            _ => None,
        }
    }

    fn reindex(&mut self, task: TaskIndex, before: Footprint, after: Footprint, at: Elapsed) {
        if before == after {
            return;
        }
        let index = &mut self.index;
        index.by_status[before.status as usize] -= 1;
        index.by_status[after.status as usize] += 1;
        for (set, was, is) in [
            (&mut index.pending, before.pending, after.pending),
            (&mut index.alive, before.alive, after.alive),
            (&mut index.wanting, before.wanting, after.wanting),
            (&mut index.running, before.running, after.running),
        ] {
            match (was, is) {
                (false, true) => set.insert(task),
                (true, false) => set.remove(&task),
                _ => false,
            };
        }
        if before.deadline != after.deadline {
            before.deadline.map(|deadline| index.deadlines.remove(&(deadline, task)));
            after.deadline.map(|deadline| index.deadlines.insert((deadline, task)));
        }
        match (before.active, after.active) {
            (false, true) => self.busy.enter(at),
            (true, false) => self.busy.leave(at),
            _ => {}
        }
    }

    /// Nothing is missing any more: conditions are looked at, and the task is on its way.
    pub(super) fn activate(&mut self, index: TaskIndex, at: Now) {
        if !matches!(self.phase_of(index), TaskPhase::Pending) || self.halted(index).is_some() {
            return;
        }
        if let Some(phase) = self.conclude_reused(index) {
            self.set_phase(index, phase, at);
            return;
        }
        let phase = match self.condition(index) {
            Err(Refusal::Skip(cause)) => TaskPhase::Concluded { end: TaskEnd::Skipped, cause: Some(cause) },
            Err(Refusal::Fail(cause)) => TaskPhase::Concluded { end: TaskEnd::Failed, cause: Some(cause) },
            Ok(()) => match self.plan.task(index).action() {
                Action::Approve(_) => TaskPhase::AskApproval,
                _ => TaskPhase::WantSlot { reason: None },
            },
        };
        self.set_phase(index, phase, at);
    }

    /// Starts what waits for nothing.
    pub(super) fn start_stages(&mut self, at: Now) {
        self.complete_stages(at);
        for index in (0..self.graph.finally.0).map(TaskIndex) {
            if self.tasks[index.get()].missing == 0 {
                self.activate(index, at);
            }
        }
    }

    /// Starts the next task of `finally`.
    pub(super) fn start_next_finally(&mut self, at: Now) {
        if let Some(&next) = self.index.pending.range(self.graph.finally..).next() {
            self.activate(next, at);
        }
    }

    /// A task is over: who waits for it goes on, or the run takes the turn that follows from a failure.
    pub(super) fn conclude(&mut self, index: TaskIndex, end: TaskEnd, cause: Option<&Cause>, at: Now) {
        self.index.open -= 1;
        self.tasks[index.get()].rank = self.tasks.len() as u32 - self.index.open;
        let satisfied = self.satisfies(index, end, cause);
        let Some(stage) = self.stage_of(index) else {
            self.conclude_finally(index, end, satisfied, cause, at);
            return;
        };
        self.index.open_stages -= 1;
        self.index.open_shared -= u32::from(self.needs_what_is_there(index));
        if satisfied {
            self.satisfy(index, stage, at);
        } else if end != TaskEnd::Cancelled && !(end == TaskEnd::Skipped && self.drain.is_some()) {
            self.judge(RunEnd::Failed, cause.cloned().unwrap_or_else(causes::unreachable));
            self.fail_stages(index, stage, at);
        }
    }

    fn conclude_finally(&mut self, index: TaskIndex, end: TaskEnd, satisfied: bool, cause: Option<&Cause>, at: Now) {
        let RunPhase::Finally { .. } = self.phase else { return };
        if !satisfied && self.finally_halt.is_none() {
            self.judge(RunEnd::Failed, cause.cloned().unwrap_or_else(causes::unreachable));
        }
        debug_assert!(
            end != TaskEnd::Cancelled || self.finally_halt.is_some(),
            "{index:?} was cancelled for no reason"
        );
        self.start_next_finally(at);
    }

    /// Whether those who wait for the task may go on: it succeeded, or was skipped by its own condition, or failed, took
    /// too long or was lost where that is allowed.
    pub(super) fn satisfies(&self, index: TaskIndex, end: TaskEnd, cause: Option<&Cause>) -> bool {
        match end {
            TaskEnd::Succeeded => true,
            TaskEnd::Skipped => cause.is_some_and(|cause| cause.code == code::CONDITION_FALSE),
            TaskEnd::Failed | TaskEnd::TimedOut | TaskEnd::Lost => self.plan.task(index).allow_failure(),
            TaskEnd::Cancelled => false,
        }
    }

    fn satisfy(&mut self, index: TaskIndex, stage: StageIndex, at: Now) {
        let graph = Arc::clone(&self.graph);
        for &dependent in graph.dependents(index) {
            self.give(dependent, at);
        }
        self.index.unsatisfied[stage.get()] -= 1;
        self.complete_stages(at);
    }

    /// Moves on over all stages that are complete by now, empty ones included.
    fn complete_stages(&mut self, at: Now) {
        let graph = Arc::clone(&self.graph);
        while self.index.unsatisfied.get(self.index.complete as usize) == Some(&0) {
            let stage = StageIndex(self.index.complete);
            self.index.complete += 1;
            for &waiting in graph.after(stage) {
                self.give(waiting, at);
            }
        }
    }

    /// One thing less is missing for a task.
    fn give(&mut self, index: TaskIndex, at: Now) {
        let task = &mut self.tasks[index.get()];
        task.missing -= 1;
        if task.missing == 0 && self.phase == RunPhase::Stages {
            self.activate(index, at);
        }
    }

    /// A cancel: the first one ends the stages, the second one ends `finally`.
    pub(super) fn cancel(&mut self, cause: Cause, at: Now) {
        self.cancels += 1;
        self.judge(RunEnd::Cancelled, cause.clone());
        match self.phase {
            RunPhase::Finally { .. } if self.cancels > 1 => self.stop_finally(Halt::Cancelled(cause)),
            _ => self.stop_stages(Halt::Cancelled(cause), at),
        }
    }
}

impl super::BusyClock {
    fn enter(&mut self, at: Elapsed) {
        self.active += 1;
        if self.active == 1 {
            self.since = Some(at);
        }
    }

    fn leave(&mut self, at: Elapsed) {
        self.active -= 1;
        if self.active == 0
            && let Some(since) = self.since.take()
        {
            self.spent += at.since(since);
        }
    }
}
