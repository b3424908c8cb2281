//! What every store promises. Each sentence is a test in `testing::store_conformance`.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use crate::run::{Now, RunEvent, RunId, RunStatus, Seq, Sequenced};

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
    /// When it was made.
    pub created: Now,
    /// Where it is.
    pub digest: RunDigest,
    /// The number of its newest event.
    pub last: Seq,
}

/// Which runs a listing shows. Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only runs of this pipeline.
    pub pipeline: Option<String>,
    /// Only runs in one of these states; all when empty.
    pub status: Vec<RunStatus>,
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
}

/// Where runs and events are kept.
///
/// What `commit` has returned for survives the death of the process and of the machine.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// Writes the batch: all of it, or nothing and an error. [`StoreError::Stale`] when a run's newest event is not the
    /// expected one, [`StoreError::Duplicate`] when a run's id or its number in the pipeline is taken,
    /// [`StoreError::NoSuchRun`] when events are for a run that is not there. Commits at the same time may share one write
    /// to the disk. Dropping the future does not take the batch back.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError>;

    /// The events of a run after a number, in order, at most `limit`. [`StoreError::NoSuchRun`] when there is no such run.
    async fn read(&self, run: RunId, after: Seq, limit: usize) -> Result<Vec<Sequenced>, StoreError>;

    /// What never changes of a run; `None` when there is no such run.
    async fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError>;

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

    /// A setting of the installation.
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Waits for what is being written and lets go of files. Afterwards everything else may fail.
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl RunFilter {
    /// The number of runs of a page when none is given.
    pub const DEFAULT_LIMIT: usize = 50;

    /// How many runs the page has at most.
    pub fn page(&self) -> usize {
        if self.limit == 0 { Self::DEFAULT_LIMIT } else { self.limit }
    }
}

impl RunRecord {
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
