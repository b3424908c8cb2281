//! What the state wants done, and when it wants to be asked again.

use super::super::machine::Effect;
use super::super::time::Elapsed;
use super::task::TaskPhase;
use super::workspace::Workspace;
use super::{RunPhase, RunState};
use crate::pipeline::TaskIndex;

/// The most requests for a slot that [`RunState::effects`] lists. Others are in [`RunState::slots_wanted`].
pub const MAX_SLOT_REQUESTS: usize = 64;

impl RunState {
    /// What is wanted now; the same answer until an event changes it. As long as the running attempts, not as the plan.
    pub fn effects(&self) -> Vec<Effect> {
        if matches!(self.phase, RunPhase::Ended(_)) {
            return vec![Effect::Release];
        }
        let mut effects = Vec::new();
        if let Workspace::Preparing { generation } = self.workspace
            && self.phase.is_live()
            && self.index.open > 0
        {
            effects.push(Effect::Prepare { generation });
        }
        effects.extend(self.slots_wanted().take(MAX_SLOT_REQUESTS).map(|task| Effect::RequestSlot { task }));
        for &task in &self.index.running {
            let TaskPhase::Running(attempt) = self.phase_of(task) else { continue };
            effects.push(Effect::Run { task, attempt: attempt.number, generation: attempt.generation });
            if let Some(stopping) = &attempt.stopping {
                effects.push(Effect::Stop { task, attempt: attempt.number, state: stopping.state });
            }
        }
        effects
    }

    /// The tasks that want a slot, in the order of the plan. A grant for a task that no longer wants one starts nothing:
    /// the driver keeps a slot only when an attempt of the task is running afterwards.
    pub fn slots_wanted(&self) -> impl Iterator<Item = TaskIndex> + '_ {
        let open = self.phase.is_live() && self.workspace_ready();
        self.index.wanting.iter().copied().filter(move |index| open && self.has_its_workspace(*index))
    }

    /// How many tasks want a slot, without going through them.
    pub fn slots_wanted_count(&self) -> usize {
        match (&self.repeat, self.phase.is_live() && self.workspace_ready()) {
            (_, false) => 0,
            (None, true) => self.index.wanting.len(),
            (Some(_), true) => self.slots_wanted().count(),
        }
    }

    /// The next moment at which time alone makes something happen: then the driver sends a tick.
    pub fn next_deadline(&self) -> Option<Elapsed> {
        let tasks = self.index.deadlines.first().map(|(at, _)| *at);
        [tasks, self.run_deadline(), self.finally_deadline()].into_iter().flatten().min()
    }

    /// The moment of the pipeline's timeout, while its clock goes.
    pub(super) fn run_deadline(&self) -> Option<Elapsed> {
        let stopped = self.drain.as_ref().is_some_and(|drain| drain.spared.is_none());
        if self.phase != RunPhase::Stages || stopped {
            return None;
        }
        self.busy.since.map(|since| since + self.plan.timeout.saturating_sub(self.busy.spent))
    }

    /// The moment at which the budget of `finally` is used up.
    pub(super) fn finally_deadline(&self) -> Option<Elapsed> {
        match self.phase {
            RunPhase::Finally { since, .. } if self.finally_halt.is_none() => Some(since + self.plan.finally_timeout),
            _ => None,
        }
    }
}
