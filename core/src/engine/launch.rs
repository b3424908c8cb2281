//! Making a run: its record and its first events in one batch, then its place in the queue and its driver.

use std::sync::Arc;

use super::core::Core;
use super::names::Locked;
use super::request::StoredRequest;
use super::run::Run;
use super::secret_check::OwnCredentials;
use crate::audit::Change;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::pipeline::{OnConflict, Pipeline, PipelineName, Plan};
use crate::run::{RunEvent, RunId, RunState, RunStatus, Seq};
use crate::store::{Append, Batch, CredentialChange, CredentialOwner, RunDigest, RunRecord, Stamped};

/// A run that is to be made.
pub(super) struct NewRun<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) plan: Plan,
    pub(super) request: StoredRequest,
    /// The run that it repeats.
    pub(super) rerun_of: Option<RunId>,
    /// What it takes from that run: events that follow its first one.
    pub(super) reused: Vec<RunEvent>,
    /// Credentials that only it may use.
    pub(super) secrets: OwnCredentials,
}

/// A run that is only written down so far, in a batch that is not committed yet.
struct Draft {
    name: PipelineName,
    request: StoredRequest,
    plan: Arc<Plan>,
    rerun_of: Option<RunId>,
    reused: Vec<RunEvent>,
    definition: serde_json::Value,
    secrets: OwnCredentials,
    batch: Batch,
}

impl Core {
    /// Makes a run and lets it go. Returns when it is durable.
    pub(super) async fn launch(self: &Arc<Self>, new: NewRun<'_>) -> Result<Run> {
        let locked = self.names.lock(new.pipeline.name.as_str()).await;
        self.launch_with(new, locked, Batch::default()).await
    }

    /// The same under a lock that is held already, and together with what else is in the batch. Once it has begun it comes
    /// to its end, also when nobody waits for it any more: a run that is durable goes.
    pub(super) async fn launch_with(self: &Arc<Self>, new: NewRun<'_>, locked: Locked, batch: Batch) -> Result<Run> {
        let hold = self.writing("start")?;
        if locked.is_being_deleted() {
            return Err(being_deleted(new.pipeline.name.as_str()));
        }
        let rejects = new.plan.concurrency.as_ref().is_some_and(|c| c.on_conflict == OnConflict::Reject);
        if rejects && self.queue().is_full(&new.request) {
            return Err(group_full(&new.request));
        }
        let draft = Draft {
            name: new.pipeline.name.clone(),
            definition: serde_json::to_value(new.pipeline).map_err(unwritable)?,
            request: new.request,
            plan: Arc::new(new.plan),
            rerun_of: new.rerun_of,
            reused: new.reused,
            secrets: new.secrets,
            batch,
        };
        let core = self.clone();
        let job = async move {
            let run = core.make(draft, locked).await;
            drop(hold);
            run
        };
        self.to_the_end("start", job).await
    }

    async fn make(self: &Arc<Self>, mut draft: Draft, mut locked: Locked) -> Result<Run> {
        let number = match locked.take_newest() {
            Some(newest) => newest + 1,
            None => self.archive.store.last_number(draft.name.as_str()).await? + 1,
        };
        let (name, request) = (draft.name.clone(), draft.request.clone());
        let secrets = std::mem::take(&mut draft.secrets);
        let (state, last, mut batch) = self.first_batch(draft, number)?;
        // Nobody changes the key between the sealing and the commit.
        let sealing = if secrets.is_empty() { None } else { Some(self.sealing.lock().await) };
        for (name, credential) in &secrets {
            let at = (self.clock.now(), request.trigger.actor.as_str());
            let sealed = self.vault.seal(CredentialOwner::Run(state.run()), name, credential, at).await?;
            batch.credentials.push(CredentialChange::Set(sealed));
        }
        self.commit(batch).await?;
        drop(sealing);
        locked.set_newest(number);
        drop(locked);
        let run = Run { core: self.clone(), id: state.run(), pipeline: Arc::from(name.as_str()), number };
        failpoint::crash("run.created");
        self.queue().enter(run.id, name, &request);
        self.waiting.enter(run.id, &run.pipeline);
        self.drive(request, state, last, Vec::new());
        self.admit();
        Ok(run)
    }

    /// The run with its first events, the number of the last one, and the batch with all of it.
    fn first_batch(&self, draft: Draft, number: u64) -> Result<(RunState, Seq, Batch)> {
        let Draft { name, request, plan, rerun_of, reused, definition, mut batch, .. } = draft;
        let pipeline = name.to_string();
        // A workspace that it takes over is its own from here on.
        batch.unkeep.extend(request.adopt.map(|kept| kept.run));
        let request = serde_json::to_value(&request).map_err(unwritable)?;
        let id = RunId::new(self.clock.new_id());
        let now = self.clock.now();
        let mut state = RunState::new(id, plan);
        let mut events = vec![RunEvent::RunQueued { number, pipeline: pipeline.clone() }];
        events.extend(reused);
        for event in &events {
            state
                .apply(now, event)
                .map_err(|error| Error::new(ErrorKind::Internal, "illegalTransition", "start", error.to_string()))?;
        }
        let record = RunRecord { id, number, pipeline: pipeline.clone(), definition, request, rerun_of, created: now };
        let digest = RunDigest { status: RunStatus::Queued, started: None, finished: None, released: false };
        let last = Seq(events.len() as u64);
        let events = events.into_iter().map(|event| Stamped { at: now, event }).collect();
        batch.audit.push(self.audited(record.actor(), Change::RunRequested { run: id, pipeline, number, rerun_of }));
        batch.runs.push((record, digest));
        batch.appends.push(Append { run: id, expected: Seq::ZERO, events, digest: None });
        Ok((state, last, batch))
    }
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "unwritable", "start", error.to_string())
}

fn being_deleted(name: &str) -> Error {
    let message = format!("the pipeline {name:?} is being deleted, and cannot be run any more");
    Error::new(ErrorKind::Conflict, "pipelineInactive", "start", message)
}

fn group_full(request: &StoredRequest) -> Error {
    let group = request.concurrency.as_ref().map_or("", |concurrency| concurrency.group.as_str());
    let message = format!("the concurrency group {group:?} is full, and its pipeline says `onConflict: reject`");
    Error::new(ErrorKind::Conflict, "concurrencyLimit", "start", message)
}
