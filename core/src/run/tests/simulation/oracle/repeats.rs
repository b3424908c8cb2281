//! What a retry with `from` must have done again before it starts.

use super::{Oracle, Verdict, demand};
use crate::pipeline::{Action, Plan, PlannedTask, RetryOn, Section, WorkspaceUse};

impl Oracle<'_> {
    /// A retry with `from` finds everything from there on in its own workspace.
    pub(super) fn has_been_repeated(&self, at: usize, generation: u32) -> Verdict {
        let (seen, task) = (&self.tasks[at], self.task(at));
        let needs_it = self.shared(at) && seen.attempts > 0 && seen.end.is_none();
        let lost_with_workspace = seen.generation < generation && needs_it;
        if seen.end.is_some() {
            return self.repeats_in_order(at, generation);
        }
        if task.retry.from.is_none() || !lost_with_workspace {
            return Ok(());
        }
        let missing =
            (0..self.tasks.len()).find(|other| self.in_chain(at, *other) && !self.is_there(*other, generation));
        demand(missing.is_none(), || {
            format!("{} starts again without {:?}", task.id, missing.map(|missing| &self.task(missing).id))
        })
    }

    /// What is done again comes after what it needs and is done again as well.
    fn repeats_in_order(&self, at: usize, generation: u32) -> Verdict {
        let early = (0..self.tasks.len()).filter(|origin| self.tasks[*origin].repeats).any(|origin| {
            let before = |other: usize| self.in_chain(origin, other) && self.waits_for(at, other);
            (0..self.tasks.len()).any(|other| before(other) && !self.is_there(other, generation))
        });
        demand(!early, || format!("{} is repeated before what it needs", self.task(at).id))
    }

    /// Whether the retry of a task repeats another one.
    fn in_chain(&self, origin: usize, other: usize) -> bool {
        let from = &self.task(origin).retry.from;
        let is_from = |at: usize| Some(&self.task(at).name) == from.as_ref();
        let starts = |start: usize| is_from(start) && (start == other || self.waits_for(other, start));
        self.waits_for(origin, other) && (0..self.tasks.len()).any(starts)
    }

    /// Whether what a task left in the workspace is in this one.
    fn is_there(&self, at: usize, generation: u32) -> bool {
        let done = self.tasks[at].succeeded_in;
        !self.shared(at) || self.task(at).allow_failure() || done == 0 || done == generation
    }

    /// Whether a task waits for another one, directly or not.
    fn waits_for(&self, at: usize, other: usize) -> bool {
        self.ancestors[at][other]
    }

    pub(super) fn shared(&self, at: usize) -> bool {
        let task = self.task(at);
        task.definition.workspace == WorkspaceUse::Shared && !matches!(task.action(), Action::Approve(_))
    }

    /// Whether a retry brings back everything that is left: a running task repeats from an earlier one.
    pub(super) fn a_retry_repeats(&self) -> bool {
        self.stopping.is_none()
            && !self.tasks.iter().any(|seen| seen.repeats)
            && self.in_stages().any(|(at, seen)| {
                let policy = &self.task(at).retry;
                let found = policy.from.as_ref().is_some_and(|from| {
                    (0..self.tasks.len())
                        .any(|other| self.task(other).name == *from && (other == at || self.waits_for(at, other)))
                });
                let going_on = matches!(seen.running, Some((_, _, false))) && seen.end.is_none();
                found && going_on && policy.on.contains(&RetryOn::Lost) && seen.attempts < policy.attempts
            })
    }
}

/// For each task, for which ones it waits, directly or not.
pub(in super::super) fn ancestors(plan: &Plan) -> Vec<Vec<bool>> {
    let count = plan.tasks.len();
    let mut found = vec![vec![false; count]; count];
    for (at, task) in plan.tasks.iter().enumerate() {
        let before = |other: &PlannedTask| match (other.section, task.after) {
            (Section::Stage(stage), Some(after)) => stage <= after,
            _ => false,
        };
        (0..count).for_each(|other| {
            let direct = task.needs.iter().any(|need| need.get() == other) || before(&plan.tasks[other]);
            found[at][other] = direct;
        });
    }
    for through in 0..count {
        for at in 0..count {
            for other in 0..count {
                found[at][other] |= found[at][through] && found[through][other];
            }
        }
    }
    found
}
