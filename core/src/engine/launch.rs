//! Making a run: its record and its first events in one batch, then its place in the queue and its driver.

use std::sync::Arc;

use super::core::Core;
use super::request::StoredRequest;
use super::run::Run;
use crate::audit::Change;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::pipeline::{OnConflict, Pipeline, Plan};
use crate::run::{RunEvent, RunId, RunState, RunStatus, Seq};
use crate::store::{Append, Batch, RunDigest, RunRecord, Stamped};

/// A run that is to be made.
pub(super) struct NewRun<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) plan: Plan,
    pub(super) request: StoredRequest,
    /// The run that it repeats.
    pub(super) rerun_of: Option<RunId>,
    /// What it takes from that run: events that follow its first one.
    pub(super) reused: Vec<RunEvent>,
}

/// A run that was made.
struct Made {
    state: RunState,
    record: RunRecord,
    last: Seq,
}

impl Core {
    /// Makes a run and lets it go. Returns when it is durable.
    pub(super) async fn launch(self: &Arc<Self>, new: NewRun<'_>) -> Result<Run> {
        let rejects = new.plan.concurrency.as_ref().is_some_and(|c| c.on_conflict == OnConflict::Reject);
        if rejects && self.queue().is_full(&new.request) {
            return Err(group_full(&new.request));
        }
        let (request, name) = (new.request.clone(), new.pipeline.name.clone());
        let Made { state, record, last } = self.make(new).await?;
        let pipeline = Arc::from(record.pipeline.as_str());
        let run = Run { core: self.clone(), id: record.id, pipeline, number: record.number };
        failpoint::crash("run.created");
        self.queue().enter(run.id, name, &request);
        self.waiting.enter(run.id, &run.pipeline);
        self.drive(request, state, last, Vec::new());
        self.admit();
        Ok(run)
    }

    /// Writes a new run with its first events. A workspace that it takes over is its own from here on.
    async fn make(&self, new: NewRun<'_>) -> Result<Made> {
        let name = new.plan.pipeline.to_string();
        let internal =
            |error: serde_json::Error| Error::new(ErrorKind::Internal, "unwritable", "start", error.to_string());
        let definition = serde_json::to_value(new.pipeline).map_err(internal)?;
        let request = serde_json::to_value(&new.request).map_err(internal)?;
        let unkeep = new.request.adopt.map(|kept| kept.run).into_iter().collect();

        let mut numbers = self.numbering.lock().await;
        let newest = match numbers.get(&name) {
            Some(newest) => *newest,
            None => self.archive.store.last_number(&name).await?,
        };
        let number = newest + 1;
        let id = RunId::new(self.clock.new_id());
        let now = self.clock.now();
        let mut state = RunState::new(id, Arc::new(new.plan));
        let mut events = vec![RunEvent::RunQueued { number, pipeline: name.clone() }];
        events.extend(new.reused);
        for event in &events {
            state
                .apply(now, event)
                .map_err(|error| Error::new(ErrorKind::Internal, "illegalTransition", "start", error.to_string()))?;
        }
        let rerun_of = new.rerun_of;
        let record = RunRecord { id, number, pipeline: name.clone(), definition, request, rerun_of, created: now };
        let digest = RunDigest { status: RunStatus::Queued, started: None, finished: None, released: false };
        let last = Seq(events.len() as u64);
        let events = events.into_iter().map(|event| Stamped { at: now, event }).collect();
        let append = Append { run: id, expected: Seq::ZERO, events, digest: None };
        let change = Change::RunRequested { run: id, pipeline: name.clone(), number, rerun_of };
        let audit = vec![self.audited(record.actor(), change)];
        let runs = vec![(record.clone(), digest)];
        self.commit(Batch { runs, appends: vec![append], unkeep, audit, ..Batch::default() }).await?;
        numbers.insert(name, number);
        Ok(Made { state, record, last })
    }
}

fn group_full(request: &StoredRequest) -> Error {
    let group = request.concurrency.as_ref().map_or("", |concurrency| concurrency.group.as_str());
    let message = format!("the concurrency group {group:?} is full, and its pipeline says `onConflict: reject`");
    Error::new(ErrorKind::Conflict, "concurrencyLimit", "start", message)
}
