//! The engine's queue of runs: who waits and who runs. The decisions are those of `run::queue::RunQueue`; this only tells it of
//! requests.

use super::request::StoredRequest;
use crate::pipeline::PipelineName;
use crate::run::RunId;
use crate::run::queue::{ActiveRun, Admitted, QueuedRun, RunLimits, RunQueue};

/// Who waits and who runs.
#[derive(Debug)]
pub(crate) struct Queue {
    runs: RunQueue,
    /// Whether nobody is let go any more.
    stopped: bool,
}

impl Queue {
    pub(crate) fn new(limits: RunLimits) -> Self {
        Self { runs: RunQueue::new(limits), stopped: false }
    }

    /// Lets nobody go any more. Whoever waits, and whoever comes, stays in the queue.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether the run waits for its turn.
    pub(crate) fn is_waiting(&self, run: RunId) -> bool {
        self.runs.is_waiting(run)
    }

    /// The runs that were let go and are not over.
    pub(crate) fn active(&self) -> impl Iterator<Item = RunId> {
        self.runs.going()
    }

    /// Puts a run at its place in the queue.
    pub(crate) fn enter(&mut self, run: RunId, pipeline: PipelineName, request: &StoredRequest) {
        let concurrency = request.concurrency.clone();
        self.runs.enter(QueuedRun { run, pipeline, priority: request.priority, concurrency });
    }

    /// Counts a run that goes on already, as after a crash.
    pub(crate) fn resume(&mut self, run: RunId, pipeline: PipelineName, request: &StoredRequest) {
        let group = request.concurrency.as_ref().map(|concurrency| concurrency.group.clone());
        self.runs.resume(ActiveRun { run, pipeline, group, cancelling: false });
    }

    /// Takes a run that is over out of the queue.
    pub(crate) fn finished(&mut self, run: RunId) {
        self.runs.finished(run);
    }

    /// Who may go now. They count as running from here on.
    pub(crate) fn admit(&mut self) -> Admitted {
        if self.stopped { Admitted::default() } else { self.runs.admit() }
    }

    /// How many runs go on, and how many wait.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only who asks over the socket wants to know"))]
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.runs.active(), self.runs.waiting())
    }

    /// Whether a new run of this group would find no room, now.
    pub(crate) fn is_full(&self, request: &StoredRequest) -> bool {
        request.concurrency.as_ref().is_some_and(|concurrency| self.runs.is_full(concurrency))
    }
}
