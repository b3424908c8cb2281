//! Whether another attempt follows.

use std::time::Duration;

use super::super::outcome::AttemptState;
use super::RunState;
use crate::pipeline::{RetryOn, TaskIndex};

/// The end of an attempt as a retry names it; `None` for ends that no retry answers.
fn kind(state: AttemptState, infrastructure: bool) -> Option<RetryOn> {
    match state {
        AttemptState::Failed if infrastructure => Some(RetryOn::Infrastructure),
        AttemptState::Failed => Some(RetryOn::Failure),
        AttemptState::TimedOut => Some(RetryOn::Timeout),
        AttemptState::Lost => Some(RetryOn::Lost),
        AttemptState::Succeeded | AttemptState::Cancelled => None,
    }
}

impl RunState {
    /// The pause before the next attempt, when one follows an attempt that ended so.
    pub(super) fn retry(&self, index: TaskIndex, state: AttemptState, infrastructure: bool) -> Option<Duration> {
        let made = self.tasks[index.get()].attempts();
        let policy = &self.plan.task(index).retry;
        let wanted = kind(state, infrastructure).is_some_and(|kind| policy.on.contains(&kind));
        let possible = made < policy.attempts && self.halted(index).is_none();
        (wanted && possible).then(|| policy.pause_before(made + 1))
    }
}
