//! The engine's queue of runs: who waits and who runs. The decision is `run::queue::admit`; this only keeps the lists.

use std::collections::BTreeMap;

use super::request::StoredRequest;
use crate::pipeline::PipelineName;
use crate::run::RunId;
use crate::run::queue::{ActiveRun, Admission, QueuedRun, RunLimits, admit};

/// Who waits and who runs.
#[derive(Debug)]
pub(crate) struct Queue {
    limits: RunLimits,
    waiting: BTreeMap<RunId, QueuedRun>,
    active: BTreeMap<RunId, ActiveRun>,
}

impl Queue {
    pub(crate) fn new(limits: RunLimits) -> Self {
        Self { limits, waiting: BTreeMap::new(), active: BTreeMap::new() }
    }

    /// Puts a run at its place in the queue.
    pub(crate) fn enter(&mut self, run: RunId, pipeline: PipelineName, request: &StoredRequest) {
        let concurrency = request.concurrency.clone();
        let entry = QueuedRun { run, pipeline, priority: request.priority, concurrency };
        self.waiting.insert(run, entry);
    }

    /// Counts a run that goes on already, as after a crash.
    pub(crate) fn resume(&mut self, run: RunId, pipeline: PipelineName, request: &StoredRequest) {
        let group = request.concurrency.as_ref().map(|concurrency| concurrency.group.clone());
        self.active.insert(run, ActiveRun { run, pipeline, group, cancelling: false });
    }

    /// Takes a run that is over out of both lists.
    pub(crate) fn finished(&mut self, run: RunId) {
        self.waiting.remove(&run);
        self.active.remove(&run);
    }

    /// Who may go now. They count as running from here on.
    pub(crate) fn admit(&mut self) -> Admission {
        let waiting: Vec<_> = self.waiting.values().cloned().collect();
        let active: Vec<_> = self.active.values().cloned().collect();
        let admission = admit(&waiting, &active, &self.limits);
        for run in &admission.start {
            if let Some(entry) = self.waiting.remove(run) {
                let group = entry.concurrency.map(|concurrency| concurrency.group);
                self.active.insert(*run, ActiveRun { run: *run, pipeline: entry.pipeline, group, cancelling: false });
            }
        }
        for run in admission.cancel.iter().chain(&admission.reject) {
            self.waiting.remove(run);
            if let Some(active) = self.active.get_mut(run) {
                active.cancelling = true;
            }
        }
        admission
    }

    /// Whether a new run of this group would find no room, now.
    pub(crate) fn is_full(&self, request: &StoredRequest) -> bool {
        let Some(concurrency) = &request.concurrency else { return false };
        let same = |group: Option<&String>| group == Some(&concurrency.group);
        let running = self.active.values().filter(|run| same(run.group.as_ref())).count();
        let waiting = self.waiting.values().filter(|run| same(run.concurrency.as_ref().map(|c| &c.group))).count();
        running + waiting >= concurrency.limit as usize
    }
}
