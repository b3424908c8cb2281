//! Doing again, in a new workspace, what a retry with `from` needs.
//!
//! The repeated tasks get further attempts; that they are over was told before and is not told again. They go one after
//! another, in the order in which they ended the first time, which is one that the graph allows.

use std::collections::VecDeque;

use super::super::outcome::{AttemptState, Cause, TaskEnd};
use super::super::time::Now;
use super::RunState;
use super::causes;
use super::task::{TaskPhase, needs_shared_workspace};
use crate::pipeline::{RetryOn, Section, TaskIndex, TaskName};

/// What is being repeated.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Repeat {
    /// The tasks whose retry asked for it.
    origins: Vec<TaskIndex>,
    /// What is still to be repeated; the first one is on its way.
    todo: VecDeque<TaskIndex>,
}

impl RunState {
    /// Whether the task waits until others have been repeated.
    pub(super) fn waits_for_repeat(&self, index: TaskIndex) -> bool {
        self.repeat.as_ref().is_some_and(|repeat| repeat.origins.contains(&index))
    }

    /// Whether the attempts of the task that go on repeat what was over before.
    pub(super) fn is_repeated(&self, index: TaskIndex) -> bool {
        self.tasks[index.get()].kept.is_some()
    }

    /// Whether what the task needs is in the workspace, as far as it is being done again.
    pub(super) fn has_its_workspace(&self, index: TaskIndex) -> bool {
        self.repeat.is_none() || self.is_repeated(index) || !needs_shared_workspace(self.plan.task(index))
    }

    /// Looks for running tasks that a retry repeats in a new workspace, and with them for tasks that wait for their retry.
    /// False when no such task runs, or when the workspace was lost again while tasks were being repeated.
    pub(super) fn repeat_what_is_needed(&mut self, at: Now) -> bool {
        if self.drain.is_some() || self.repeat.is_some() {
            return false;
        }
        let (mut origins, mut todo, mut found) = (Vec::new(), Vec::new(), false);
        for &index in self.index.alive.range(..self.graph.finally) {
            if let Some(chain) = self.chain_of_retry(index) {
                found |= matches!(self.phase_of(index), TaskPhase::Running(_));
                if !chain.is_empty() {
                    origins.push(index);
                    todo.extend(chain);
                }
            }
        }
        if !found {
            return false;
        }
        todo.sort_by_key(|index| self.tasks[index.get()].rank);
        todo.dedup();
        if let Some(&first) = todo.first() {
            self.repeat = Some(Repeat { origins, todo: todo.into() });
            self.start_repeating(first, at);
        }
        true
    }

    fn start_repeating(&mut self, index: TaskIndex, at: Now) {
        if let TaskPhase::Finished { end, duration_ms } = *self.phase_of(index) {
            let task = &mut self.tasks[index.get()];
            task.kept = Some((end, duration_ms));
            // That a reused task is over was told, and so its start is not told any more.
            task.announced = true;
            self.set_phase(index, TaskPhase::WantSlot { reason: None }, at);
        }
    }

    /// An attempt of a repeated task is over.
    pub(super) fn on_repeated(
        &mut self,
        index: TaskIndex,
        state: AttemptState,
        infrastructure: bool,
        cause: Option<&Cause>,
        at: Now,
    ) {
        if self.repeat.is_some() && self.retry(index, state, infrastructure).is_some() {
            self.set_phase(index, TaskPhase::Settling { state, infrastructure }, at);
            return;
        }
        self.restore(index, at);
        let Some(repeat) = &mut self.repeat else { return };
        if state != AttemptState::Succeeded && !self.plan.task(index).allow_failure() {
            let cause = causes::repeat_failed(&self.plan.task(index).id, cause);
            self.fail_repeat(&cause, at);
            return;
        }
        repeat.todo.pop_front();
        match repeat.todo.front().copied() {
            Some(next) => self.start_repeating(next, at),
            None => self.complete_repeat(at),
        }
    }

    /// The stages end: what is only to be repeated is left as it was.
    pub(super) fn abandon_repeat(&mut self, at: Now) {
        let Some(repeat) = self.repeat.take() else { return };
        for index in repeat.todo {
            if !matches!(self.phase_of(index), TaskPhase::Running(_)) {
                self.restore(index, at);
            }
        }
    }

    fn restore(&mut self, index: TaskIndex, at: Now) {
        if let Some((end, duration_ms)) = self.tasks[index.get()].kept.take() {
            self.set_phase(index, TaskPhase::Finished { end, duration_ms }, at);
        }
    }

    /// What the origins need is there again: those that were told to wait go on.
    fn complete_repeat(&mut self, at: Now) {
        let Some(repeat) = self.repeat.take() else { return };
        for origin in repeat.origins {
            if matches!(self.phase_of(origin), TaskPhase::AwaitRepeat { .. }) {
                self.set_phase(origin, TaskPhase::Settling { state: AttemptState::Lost, infrastructure: false }, at);
            }
        }
    }

    /// What the origins need will not be there again. One that waited for its retry for another reason has failed.
    fn fail_repeat(&mut self, cause: &Cause, at: Now) {
        let Some(repeat) = self.repeat.take() else { return };
        for origin in repeat.origins {
            let end = match self.phase_of(origin) {
                TaskPhase::AwaitRepeat { .. } => TaskEnd::Lost,
                TaskPhase::WantSlot { .. } | TaskPhase::Backoff { .. } => TaskEnd::Failed,
                _ => continue,
            };
            self.set_phase(origin, TaskPhase::Concluded { end, cause: Some(cause.clone()) }, at);
        }
    }

    /// What the task's retry repeats before it; `None` when its policy has no such retry left.
    fn chain_of_retry(&self, index: TaskIndex) -> Option<Vec<TaskIndex>> {
        let planned = self.plan.task(index);
        let from = planned.retry.from.as_ref()?;
        if self.is_repeated(index) || !self.will_try_again(index) {
            return None;
        }
        if planned.name == *from {
            return Some(Vec::new());
        }
        let chain = self.between(from, index);
        let has_from = chain.iter().any(|index| self.plan.task(*index).name == *from);
        has_from.then(|| chain.into_iter().filter(|index| self.leaves_work(*index)).collect())
    }

    /// Whether a task that loses its workspace now tries again: its policy says so, or it is about to already.
    fn will_try_again(&self, index: TaskIndex) -> bool {
        let policy = &self.plan.task(index).retry;
        let made = self.tasks[index.get()].attempts();
        match self.phase_of(index) {
            TaskPhase::Running(attempt) => {
                attempt.stopping.is_none() && made < policy.attempts && policy.on.contains(&RetryOn::Lost)
            }
            TaskPhase::WantSlot { .. } | TaskPhase::Backoff { .. } | TaskPhase::Settling { .. } => made > 0,
            _ => false,
        }
    }

    /// Whether the task did something in the workspace that others may need.
    fn leaves_work(&self, index: TaskIndex) -> bool {
        self.tasks[index.get()].worked_in().is_some()
            && needs_shared_workspace(self.plan.task(index))
            && matches!(self.phase_of(index), TaskPhase::Finished { .. })
    }

    /// The tasks from `from` up to the task, without it, in the order in which they ended.
    fn between(&self, from: &TaskName, task: TaskIndex) -> Vec<TaskIndex> {
        let mut ancestors = self.ancestors(task);
        ancestors.sort_by_key(|index| self.tasks[index.get()].rank);
        let mut chosen = vec![false; self.tasks.len()];
        let mut first_stage = u32::MAX;
        ancestors.retain(|index| {
            let planned = self.plan.task(*index);
            let follows = planned.needs.iter().any(|need| chosen[need.get()])
                || planned.after.is_some_and(|after| after.0 >= first_stage);
            chosen[index.get()] = follows || planned.name == *from;
            if let (true, Section::Stage(stage)) = (chosen[index.get()], planned.section) {
                first_stage = first_stage.min(stage.0);
            }
            chosen[index.get()]
        });
        ancestors
    }

    /// Everything for which the task waited.
    fn ancestors(&self, task: TaskIndex) -> Vec<TaskIndex> {
        let mut seen = vec![false; self.tasks.len()];
        let (mut found, mut open, mut stages) = (Vec::new(), vec![task], 0..0);
        while let Some(index) = open.pop() {
            let planned = self.plan.task(index);
            let mut before = planned.needs.clone();
            if let Some(after) = planned.after {
                for stage in stages.end..=after.0 {
                    before.extend(self.plan.stages[stage as usize].tasks.clone().map(TaskIndex));
                    stages.end = stage + 1;
                }
            }
            for index in before {
                if !std::mem::replace(&mut seen[index.get()], true) {
                    found.push(index);
                    open.push(index);
                }
            }
        }
        found
    }
}
