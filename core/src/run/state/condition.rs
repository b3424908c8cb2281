//! Expressions and texts, evaluated with what the run knows by now.

use super::super::outcome::Cause;
use super::RunState;
use super::causes::{self, code};
use super::task::TaskPhase;
use crate::pipeline::{BadValue, RunFacts, TaskHistory, TaskIndex};

impl TaskHistory for RunState {
    /// A task that is being repeated in a new workspace still counts as what it was.
    fn state(&self, task: TaskIndex) -> &str {
        let kept = self.tasks[task.get()].kept;
        kept.map_or_else(|| self.task(task).status(), |(end, _)| end.into()).as_str()
    }

    fn output(&self, task: TaskIndex, key: &str) -> Option<&str> {
        let over = matches!(self.phase_of(task), TaskPhase::Finished { .. }) || self.is_repeated(task);
        self.task(task).outputs().get(key).filter(|_| over).map(String::as_str)
    }
}

impl RunState {
    /// Calls back with what texts and conditions of an attempt can refer to. `url` is the run's address in the portal; empty
    /// when there is none.
    pub fn with_facts<T>(&self, attempt: u32, url: &str, then: impl FnOnce(&RunFacts<'_>) -> T) -> T {
        let run_id = self.run.to_string();
        let facts = RunFacts {
            run_id: &run_id,
            number: self.number,
            attempt,
            status: self.windlass_status(),
            url,
            commit: Some(self.commit()),
            tasks: self,
        };
        then(&facts)
    }

    /// Whether the task's conditions are all true; else how it ends without ever starting. Asked once, at the moment at
    /// which nothing is missing any more.
    pub(super) fn condition(&self, index: TaskIndex) -> Result<(), Refusal> {
        let when = &self.plan.task(index).when;
        if when.is_empty() {
            return Ok(());
        }
        match self.with_facts(1, "", |facts| self.plan.condition(index, facts)) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let sources: Vec<_> = when.iter().map(|condition| condition.source()).collect();
                Err(Refusal::Skip(causes::condition_false(&sources.join("  and  "))))
            }
            Err(bad) => Err(Refusal::Fail(bad.into())),
        }
    }

    /// What a person is asked, with all variables replaced.
    pub(super) fn approval_message(&self, index: TaskIndex) -> Result<String, Cause> {
        let resolved = self.with_facts(1, "", |facts| self.plan.resolve(index, facts))?;
        Ok(resolved.message.unwrap_or_default())
    }
}

impl From<BadValue> for Cause {
    fn from(bad: BadValue) -> Self {
        Self::new(code::BAD_VALUE, bad.message, bad.advice)
    }
}

/// How a task ends that never starts.
pub(super) enum Refusal {
    /// A condition is false.
    Skip(Cause),
    /// A condition could not be evaluated.
    Fail(Cause),
}
