//! Gauges as sums of shares, so that nothing stays counted when a run is left.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::Gauge;

use crate::run::RunId;
use crate::telemetry;

/// What one run adds to a gauge, until it is dropped.
///
/// It keeps the gauge of the recorder with which it began: it takes back what it gave, and nothing else.
pub(super) struct Share {
    gauge: Gauge,
    count: u32,
}

impl Share {
    pub(super) fn of(gauge: Gauge, count: u32) -> Self {
        let mut share = Self { gauge, count: 0 };
        share.set(count);
        share
    }

    pub(super) fn set(&mut self, count: u32) {
        if count > self.count {
            self.gauge.increment(count - self.count);
        } else if count < self.count {
            self.gauge.decrement(self.count - count);
        }
        self.count = count;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// A share of the runs in a state.
pub(super) fn active(pipeline: &Arc<str>, state: &'static str) -> Share {
    let labels = [(telemetry::PIPELINE, pipeline.clone().into()), (telemetry::RUN_STATE, state.into())];
    let labels = labels.map(|(key, value): (_, metrics::SharedString)| metrics::Label::new(key, value));
    Share::of(metrics::gauge!(telemetry::RUNS_ACTIVE, labels.to_vec()), 1)
}

/// The runs that wait for their turn, with a driver or without one. `None` once the engine is closed.
pub(in crate::engine) struct Waiting {
    runs: Mutex<Option<HashMap<RunId, [Share; 2]>>>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}

impl Waiting {
    /// Tells the recorder what there is.
    pub(in crate::engine) fn new() -> Self {
        super::measures::describe();
        Self { runs: Mutex::new(Some(HashMap::new())) }
    }

    /// Counts a run that is in the queue.
    pub(in crate::engine) fn enter(&self, run: RunId, pipeline: &str) {
        if let Some(runs) = self.runs().as_mut() {
            let length = Share::of(metrics::gauge!(telemetry::QUEUE_LENGTH), 1);
            runs.insert(run, [length, active(&Arc::from(pipeline), "pending")]);
        }
    }

    /// The run waits no more; nothing when it did not.
    pub(in crate::engine) fn leave(&self, run: RunId) {
        let left = self.runs().as_mut().and_then(|runs| runs.remove(&run));
        drop(left);
    }

    /// Counts nothing more: the engine is closed.
    pub(in crate::engine) fn close(&self) {
        let runs = self.runs().take();
        drop(runs);
    }

    fn runs(&self) -> MutexGuard<'_, Option<HashMap<RunId, [Share; 2]>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
