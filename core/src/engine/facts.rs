//! What a task's texts and conditions can refer to, taken from the state of its run.

use crate::pipeline::{BadValue, RunFacts};
use crate::run::{Cause, RunState};

/// The facts of a run at this moment, for an attempt.
pub(super) fn of<'a>(state: &'a RunState, attempt: u32, base_url: Option<&'a str>) -> RunFacts<'a> {
    state.facts(attempt, base_url)
}

/// A bad value as the cause of a task's failure.
pub(super) fn cause_of(bad: &BadValue) -> Cause {
    Cause::new("badValue", bad.message.clone(), bad.advice.clone())
}
