//! The attempts of a run with their logs, as its events have them.

use std::collections::HashMap;

use super::archive::Archive;
use crate::error::Result;
use crate::pipeline::{StageName, TaskId};
use crate::run::{AttemptState, Now, RunEvent, RunId, Seq, Sequenced, StepKey};

/// How many events are read at once.
const PAGE: usize = 1000;

/// One attempt at a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttemptLog {
    pub(crate) task: TaskId,
    /// `None` in `finally`.
    pub(crate) stage: Option<StageName>,
    pub(crate) attempt: u32,
    pub(crate) started: Now,
    /// `None` while it goes on.
    pub(crate) state: Option<AttemptState>,
    /// How much of its log is committed, in bytes.
    pub(crate) stored: u64,
}

impl AttemptLog {
    pub(crate) fn key(&self, run: RunId) -> StepKey {
        StepKey { run, task: self.task.clone(), attempt: self.attempt }
    }
}

impl Archive {
    /// The attempts of a run in the order of their start.
    pub(crate) async fn attempts(&self, run: RunId) -> Result<Vec<AttemptLog>> {
        let mut attempts = Attempts::default();
        let mut last = Seq::ZERO;
        loop {
            let page = self.store.read(run, last, PAGE).await?;
            for fact in &page {
                attempts.note(fact);
                last = fact.seq;
            }
            if page.len() < PAGE {
                return Ok(attempts.all);
            }
        }
    }
}

/// What events say of attempts. Pure.
#[derive(Default)]
struct Attempts {
    all: Vec<AttemptLog>,
    stages: HashMap<TaskId, Option<StageName>>,
    places: HashMap<(TaskId, u32), usize>,
}

impl Attempts {
    fn note(&mut self, fact: &Sequenced) {
        match &fact.event {
            RunEvent::TaskStarted { stage, task } => {
                self.stages.insert(task.clone(), stage.clone());
            }
            RunEvent::AttemptStarted { task, attempt, .. } => {
                let stage = self.stages.get(task).cloned().flatten();
                let (task, attempt) = (task.clone(), *attempt);
                self.places.insert((task.clone(), attempt), self.all.len());
                self.all.push(AttemptLog { task, stage, attempt, started: fact.at, state: None, stored: 0 });
            }
            RunEvent::LogAppended { task, attempt, to, .. } => {
                if let Some(log) = self.get(task, *attempt) {
                    log.stored = *to;
                }
            }
            RunEvent::AttemptFinished { task, attempt, state, .. } => {
                if let Some(log) = self.get(task, *attempt) {
                    log.state = Some(*state);
                }
            }
            _ => {}
        }
    }

    fn get(&mut self, task: &TaskId, attempt: u32) -> Option<&mut AttemptLog> {
        let place = *self.places.get(&(task.clone(), attempt))?;
        self.all.get_mut(place)
    }
}
