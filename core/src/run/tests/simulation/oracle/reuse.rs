//! What becomes of tasks that an earlier run did.

use super::{Oracle, SLACK, Verdict, demand};
use crate::run::{Cause, RunEvent, TaskEnd};

/// A task as an earlier run left it.
pub(super) struct Copied {
    end: TaskEnd,
    exit_code: Option<i32>,
    cause: Option<Cause>,
    ran: bool,
    /// When everything before it was there and the run went on.
    turn: Option<u64>,
}

impl Oracle<'_> {
    /// A task is taken over once, before the start, and only one of the stages that ended well there.
    pub(super) fn take_over(&mut self, at: usize, event: &RunEvent) -> Verdict {
        let RunEvent::TaskReused { state, exit_code, cause, attempt, .. } = event else { return Ok(()) };
        let (task, in_time) = (self.task(at), !self.started && self.cancels == 0);
        let well = match state {
            TaskEnd::Succeeded => true,
            TaskEnd::Failed | TaskEnd::TimedOut | TaskEnd::Lost => task.definition.allow_failure,
            TaskEnd::Skipped | TaskEnd::Cancelled => false,
        };
        let fits = in_time && well && self.stage(at).is_some() && self.tasks[at].reused.is_none();
        demand(fits, || format!("{} cannot be taken over", task.id))?;
        let (end, exit_code, cause, ran) = (*state, *exit_code, cause.clone(), *attempt > 0);
        self.tasks[at].reused = Some(Copied { end, exit_code, cause, ran, turn: None });
        Ok(())
    }

    /// A checkout says which commit it brought while it runs, or has said so in the run that is repeated; the first one counts.
    pub(super) fn learn_commit(&mut self, at: usize) -> Verdict {
        let seen = &self.tasks[at];
        let fits = if self.started { seen.running.is_some() } else { seen.reused.is_some() };
        demand(fits, || format!("{} says a commit and did not run", self.task(at).id))?;
        demand(self.checkout.is_none_or(|first| first == at), || {
            "two checkouts decide for which commit it is".to_owned()
        })?;
        self.checkout = Some(at);
        Ok(())
    }

    /// Nothing happens to a reused task before its end, and nobody hears of a start.
    pub(super) fn nothing_starts_again(&self, at: usize, event: &RunEvent) -> Verdict {
        let seen = &self.tasks[at];
        let idle = seen.reused.is_none() || seen.end.is_some() || matches!(event, RunEvent::TaskFinished { .. });
        demand(idle, || format!("{} of {}, which was done before", event.kind(), self.task(at).id))
    }

    /// It ends in its turn and as it did there, or is left out because the run ended before that.
    pub(super) fn ends_as_it_did(&mut self, at: usize, event: &RunEvent) -> Verdict {
        let RunEvent::TaskFinished { task, state, exit_code, cause, duration_ms } = event else { return Ok(()) };
        let Some(copied) = &self.tasks[at].reused else { return Ok(()) };
        if *state == TaskEnd::Skipped {
            let by_condition = cause.as_ref().is_some_and(|cause| cause.code == "conditionFalse");
            return demand(copied.turn.is_none() && !by_condition, || format!("{task} is left out in its turn"));
        }
        let same = (state, exit_code, cause) == (&copied.end, &copied.exit_code, &copied.cause) && *duration_ms == 0;
        demand(same, || format!("{task} does not end as it did there"))?;
        demand(copied.turn.is_some(), || format!("{task} is over before its turn"))?;
        let ran = copied.ran;
        self.tasks[at].succeeded_in = u32::from(ran && *state == TaskEnd::Succeeded);
        Ok(())
    }

    /// Notes whose turn has come.
    pub(super) fn mark_turns(&mut self) {
        for at in 0..self.tasks.len() {
            let waits = matches!(&self.tasks[at].reused, Some(copied) if copied.turn.is_none());
            if waits && self.may_start(at).is_ok() {
                let now = self.now;
                self.tasks[at].reused.iter_mut().for_each(|copied| copied.turn = Some(now));
            }
        }
    }

    /// A reused task is over as soon as its turn comes.
    pub(super) fn no_reused_task_lingers(&self, now: u64) -> Verdict {
        let late = |turn: u64| now > turn + SLACK;
        let lingers = self.tasks.iter().position(|seen| {
            seen.end.is_none() && seen.reused.as_ref().and_then(|copied| copied.turn).is_some_and(late)
        });
        demand(lingers.is_none(), || format!("{:?} was done before and lingers", lingers.map(|at| &self.task(at).id)))
    }
}
