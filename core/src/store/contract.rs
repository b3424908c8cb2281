//! What every store promises. Each sentence is a test in `testing::store_conformance`.

use std::fmt::Debug;
use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use jiff::Timestamp;

use super::credentials::{CredentialChange, CredentialOwner, CredentialRecord};
use super::error::StoreError;
use super::pipelines::{PipelineChange, PipelineFilter, PipelineListing, PipelineRecord, PipelineVersion};
use crate::audit::AuditEntry;
use crate::run::{Elapsed, Now, RunEvent, RunId, RunStatus, Seq, Sequenced};

/// What is kept of a run beside its events: what never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// The unique id.
    pub id: RunId,
    /// The number in its pipeline: 1, 2, 3 …
    pub number: u64,
    /// The pipeline's name.
    pub pipeline: String,
    /// The definition as it was, as JSON of `pipeline::Pipeline`.
    pub definition: serde_json::Value,
    /// What the run was given, as JSON of the engine's request.
    pub request: serde_json::Value,
    /// The run that this one repeats.
    pub rerun_of: Option<RunId>,
    /// When it was made.
    pub created: Now,
}

/// What listings show of a run. A digest of its events, kept beside them so that no listing reads events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDigest {
    /// Where it is.
    pub status: RunStatus,
    /// When the queue let it go.
    pub started: Option<Now>,
    /// When it ended.
    pub finished: Option<Now>,
    /// Whether the executor's things are freed. A run that is final but not released is still unfinished for the engine.
    pub released: bool,
}

/// A run in a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct RunListing {
    /// The unique id.
    pub id: RunId,
    /// The number in its pipeline.
    pub number: u64,
    /// The pipeline's name.
    pub pipeline: String,
    /// What started it: `manual`, `schedule`, …
    pub trigger: String,
    /// Who started it; may be empty.
    pub actor: String,
    /// The run that it repeats.
    pub rerun_of: Option<RunId>,
    /// When it was made.
    pub created: Now,
    /// Where it is.
    pub digest: RunDigest,
    /// The number of its newest event.
    pub last: Seq,
}

/// Which runs a listing shows. Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RunFilter {
    /// Only runs of this pipeline.
    pub pipeline: Option<String>,
    /// Only runs in one of these states; all when empty.
    pub status: Vec<RunStatus>,
    /// Only runs that this started: `manual`, `schedule`, …
    pub trigger: Option<String>,
    /// Only runs that this actor started.
    pub actor: Option<String>,
    /// Only runs that were made at this moment or later.
    pub since: Option<Timestamp>,
    /// Only runs that were made before this moment.
    pub until: Option<Timestamp>,
    /// Only runs older than this one: the last of the page before.
    pub before: Option<RunId>,
    /// At most so many. 0 stands for 50.
    pub limit: usize,
}

/// An event with its moment, not yet numbered.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamped {
    /// When it was decided.
    pub at: Now,
    /// What happened.
    pub event: RunEvent,
}

/// Events to append to one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// The run.
    pub run: RunId,
    /// The number of the newest event that the writer knows. Another one in the store refuses the whole batch.
    pub expected: Seq,
    /// The events, in order.
    pub events: Vec<Stamped>,
    /// The run's digest after them, when it changed.
    pub digest: Option<RunDigest>,
}

/// What is written at once: all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// New runs, made before the events are appended.
    pub runs: Vec<(RunRecord, RunDigest)>,
    /// Events of several runs.
    pub appends: Vec<Append>,
    /// Settings of the installation, such as the clock's origin.
    pub settings: Vec<(String, String)>,
    /// Changes of pipelines.
    pub pipelines: Vec<PipelineChange>,
    /// Workspaces of runs that ended, to be kept for a while. One that is kept already is kept in this way from now on.
    /// [`StoreError::NoSuchRun`] when its run is not there.
    pub keep: Vec<KeptWorkspace>,
    /// Workspaces that are kept no longer. [`StoreError::NotKept`] for one that is not.
    pub unkeep: Vec<RunId>,
    /// Changes of credentials, in order.
    pub credentials: Vec<CredentialChange>,
    /// Runs that go with their events, definitions, kept workspaces and credentials. [`StoreError::Unfinished`] for one that is not
    /// final and released, [`StoreError::NoSuchRun`] for one that is not there (any more). Done last, so that a batch may end the run that it deletes.
    pub deletes: Vec<RunId>,
    /// Who changed what. An entry gets its position after the events of the batch.
    pub audit: Vec<AuditEntry>,
}

/// A place in the order in which everything was committed, over all runs and changes. Positions rise and are never used
/// twice, also when the newest things are deleted; not every number is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

/// Something with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Positioned {
    /// Its place.
    pub position: Position,
    /// What it is.
    pub entry: LogEntry,
}

/// One entry of what was committed.
#[derive(Clone, Debug, PartialEq)]
pub enum LogEntry {
    /// An event of a run, with the name of the run's pipeline.
    Event(Sequenced, std::sync::Arc<str>),
    /// A change.
    Change(AuditEntry),
}

/// An entry of the audit trail with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Audited {
    /// Its place.
    pub position: Position,
    /// The entry.
    pub entry: AuditEntry,
}

/// Which entries of the audit trail are listed. Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AuditFilter {
    /// Only what this actor did.
    pub by: Option<String>,
    /// Only what is about this pipeline or its runs.
    pub pipeline: Option<String>,
    /// Only what is about this run.
    pub run: Option<RunId>,
    /// Only entries before this place: the last one of the page before.
    pub before: Option<Position>,
    /// At most so many. 0 stands for 50.
    pub limit: usize,
}

/// The workspace of a run that ended, kept for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptWorkspace {
    /// The run.
    pub run: RunId,
    /// The executor that holds it.
    pub executor: String,
    /// The generation that is kept.
    pub generation: u32,
    /// Until when.
    pub until: Elapsed,
}

/// Where runs and events are kept.
///
/// What `commit` has returned for survives the death of the process and of the machine.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// Writes the batch: all of it, or nothing and an error. [`StoreError::Stale`] when a run's newest event is not the
    /// expected one, [`StoreError::Duplicate`] when a run's id or its number in the pipeline is taken,
    /// [`StoreError::NoSuchRun`] when events are for a run that is not there, and what [`Batch`] says. Commits at the same time may share one write
    /// to the disk. Dropping the future does not take the batch back.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError>;

    /// The events of a run after a number, in order, at most `limit`. [`StoreError::NoSuchRun`] when there is no such run.
    async fn read(&self, run: RunId, after: Seq, limit: usize) -> Result<Vec<Sequenced>, StoreError>;

    /// What never changes of a run; `None` when there is no such run.
    async fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError>;

    /// What never changes of several runs, in the order in which they are asked for; those that are not there are left out.
    async fn records(&self, runs: &[RunId]) -> Result<Vec<RunRecord>, StoreError>;

    /// A run as listings show it.
    async fn listing(&self, run: RunId) -> Result<Option<RunListing>, StoreError>;

    /// Runs, newest first. Ids made later sort later, so newest means highest id.
    async fn list(&self, filter: &RunFilter) -> Result<Vec<RunListing>, StoreError>;

    /// Runs whose id starts with these characters (with or without the dashes), at most `limit`, newest first.
    async fn find(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError>;

    /// The run with this number in a pipeline.
    async fn numbered(&self, pipeline: &str, number: u64) -> Result<Option<RunId>, StoreError>;

    /// The highest number of a pipeline's runs, also of deleted ones; 0 when it never had any.
    async fn last_number(&self, pipeline: &str) -> Result<u64, StoreError>;

    /// Runs that are not final or not released, oldest first.
    async fn unfinished(&self) -> Result<Vec<RunListing>, StoreError>;

    /// A pipeline as it is now; `None` when there is none of this name.
    async fn pipeline(&self, name: &str) -> Result<Option<PipelineRecord>, StoreError>;

    /// Pipelines by name, in the order of their names (by code point).
    async fn pipelines(&self, filter: &PipelineFilter) -> Result<Vec<PipelineListing>, StoreError>;

    /// The definitions that a pipeline had, newest first: at most `limit`, and only versions below `before` when that is
    /// given. Empty when there is no such pipeline.
    async fn history(&self, name: &str, before: Option<u64>, limit: usize) -> Result<Vec<PipelineVersion>, StoreError>;

    /// One definition that a pipeline had.
    async fn version(&self, name: &str, version: u64) -> Result<Option<PipelineVersion>, StoreError>;

    /// The highest version that definitions of this name had, also of a deleted pipeline; 0 when there never was one.
    async fn last_version(&self, name: &str) -> Result<u64, StoreError>;

    /// The audit trail, newest first.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Audited>, StoreError>;

    /// Everything that was committed after a place, in order: events of all runs and changes, at most `limit`. What is
    /// committed later has a higher position, so nothing is missed by going on from the last one.
    async fn committed(&self, after: Position, limit: usize) -> Result<Vec<Positioned>, StoreError>;

    /// The place of the newest entry, also when that was deleted since; the origin when there never was one.
    async fn newest(&self) -> Result<Position, StoreError>;

    /// The workspaces that are kept, in the order in which their time is up.
    async fn kept(&self) -> Result<Vec<KeptWorkspace>, StoreError>;

    /// A credential of this owner; `None` when there is none of this name.
    async fn credential(&self, owner: CredentialOwner, name: &str) -> Result<Option<CredentialRecord>, StoreError>;

    /// The credentials of an owner, or all, by owner and name (by code point): those of the installation come first.
    async fn credentials(&self, owner: Option<CredentialOwner>) -> Result<Vec<CredentialRecord>, StoreError>;

    /// Writes everything as it is at one moment between two commits into a new file, while others go on reading and
    /// writing. [`StoreError::Io`] when there is something at that path, or the store is not one on disk.
    async fn snapshot(&self, path: &Path) -> Result<(), StoreError>;

    /// A setting of the installation.
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Waits for what is being written and lets go of files. Afterwards everything else may fail.
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl RunFilter {
    /// Whether a run is listed, `before` and `limit` apart.
    pub fn takes(&self, run: &RunListing) -> bool {
        self.pipeline.as_ref().is_none_or(|pipeline| *pipeline == run.pipeline)
            && (self.status.is_empty() || self.status.contains(&run.digest.status))
            && self.trigger.as_ref().is_none_or(|trigger| *trigger == run.trigger)
            && self.actor.as_ref().is_none_or(|actor| *actor == run.actor)
            && self.since.is_none_or(|since| run.created.wall >= since)
            && self.until.is_none_or(|until| run.created.wall < until)
    }

    /// The number of runs of a page when none is given.
    pub const DEFAULT_LIMIT: usize = 50;

    /// How many runs the page has at most.
    pub fn page(&self) -> usize {
        if self.limit == 0 { Self::DEFAULT_LIMIT } else { self.limit }
    }
}

impl AuditFilter {
    /// Whether an entry is listed.
    pub fn takes(&self, entry: &AuditEntry) -> bool {
        self.by.as_ref().is_none_or(|by| *by == entry.by)
            && self.run.is_none_or(|run| entry.change.run() == Some(run))
            && self.pipeline.as_ref().is_none_or(|pipeline| entry.change.pipeline() == Some(pipeline))
    }

    /// How many entries the page has at most.
    pub fn page(&self) -> usize {
        if self.limit == 0 { RunFilter::DEFAULT_LIMIT } else { self.limit }
    }
}

impl RunRecord {
    /// Who started the run, as its request says in `trigger.actor`.
    pub fn actor(&self) -> &str {
        self.request.pointer("/trigger/actor").and_then(serde_json::Value::as_str).unwrap_or_default()
    }

    /// What started the run, as its request says in `trigger.kind`; a request that says nothing was made by hand.
    pub fn trigger(&self) -> &str {
        self.request.pointer("/trigger/kind").and_then(serde_json::Value::as_str).unwrap_or("manual")
    }

    /// The run as listings show it.
    pub(super) fn listing(&self, digest: RunDigest, last: Seq) -> RunListing {
        RunListing {
            id: self.id,
            number: self.number,
            pipeline: self.pipeline.clone(),
            trigger: self.trigger().to_owned(),
            actor: self.actor().to_owned(),
            rerun_of: self.rerun_of,
            created: self.created,
            digest,
            last,
        }
    }
}

impl RunDigest {
    /// Whether the engine is done with the run.
    pub fn is_finished(&self) -> bool {
        self.status.is_final() && self.released
    }
}
