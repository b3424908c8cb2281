//! Reading beside an engine: listings, runs, events and logs of a data directory that somebody else may hold.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::archive::Archive;
use super::artifacts::RunArtifact;
use super::engine_events::EngineEvents;
use super::event_filter::EventFilter;
use super::events::EventStream;
use super::summary::RunSummary;
use crate::blob::BlobStore;
use crate::error::Result;
use crate::log::LogStore;
use crate::pipeline::TaskId;
use crate::report::TestReport;
use crate::run::{RunId, Seq, StepKey};
use crate::store::{DataDir, Position, RunFilter, RunListing};

/// Reads a data directory without holding it. Changes nothing, and never waits for the engine that does.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) archive: Archive,
}

impl Reader {
    /// Opens a data directory for reading.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let data_dir = DataDir::open_read_only(path.as_ref())?;
        let store = Arc::new(crate::store::SqliteStore::open_read_only(data_dir.db())?);
        Ok(Self {
            archive: Archive {
                store,
                logs: LogStore::new(data_dir.logs()),
                blobs: BlobStore::folder(data_dir.blobs()),
            },
        })
    }

    /// The run that a person means: an id, the beginning of one, `PIPELINE#NUMBER`, `PIPELINE#latest`, or `latest`.
    pub async fn find(&self, text: &str) -> Result<RunId> {
        self.archive.find(text).await
    }

    /// Runs, newest first; 50 unless the filter says otherwise.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunListing>> {
        Ok(self.archive.store.list(filter).await?)
    }

    /// A run as listings show it.
    pub async fn listing(&self, run: RunId) -> Result<RunListing> {
        self.archive.listing(run).await
    }

    /// A run and its tasks as they are now.
    pub async fn summary(&self, run: RunId) -> Result<RunSummary> {
        self.archive.summary(run).await
    }

    /// The events of a run after a number, as far as there are any now.
    pub fn run_events_after(&self, run: RunId, seq: Seq) -> EventStream {
        EventStream::new(self.archive.clone(), run, seq, None)
    }

    /// Everything that happened so far, of all runs and pipelines.
    ///
    /// # Errors
    /// `unknownEventType` for a filter with a word that no event has.
    pub async fn events(&self, filter: EventFilter) -> Result<EngineEvents> {
        self.events_after(Position::default(), filter).await
    }

    /// What happened after a position so far. After its end the stream can be asked again for what has come meanwhile.
    ///
    /// # Errors
    /// As [`Reader::events`]; `unknownPosition` for one that this data directory never had.
    pub async fn events_after(&self, position: Position, filter: EventFilter) -> Result<EngineEvents> {
        EngineEvents::new(self.archive.clone(), position, filter, None).await
    }

    /// The artifacts of a run, in the order of its tasks; see [`Run::artifacts`](super::Run::artifacts). Only those that are
    /// kept in the data directory can be fetched.
    pub async fn artifacts(&self, run: RunId) -> Result<Vec<RunArtifact>> {
        self.archive.artifacts(run).await
    }

    /// What the tests of a task said; see [`Run::test_report`](super::Run::test_report).
    pub async fn test_report(&self, run: RunId, task: &str) -> Result<Option<TestReport>> {
        self.archive.test_report(run, task).await
    }

    /// The position of what was committed last.
    pub async fn newest(&self) -> Result<Position> {
        Ok(self.archive.store.newest().await?)
    }

    /// A piece of a stored log, at most `max` bytes; empty at the end of what there is. `attempt` 0 stands for the newest one.
    /// The log of a task that was not done again is that of the run that did it.
    pub async fn log(&self, run: RunId, task: &str, attempt: u32, from: u64, max: usize) -> Result<Bytes> {
        let named = || StepKey { run, task: TaskId::new(task), attempt };
        let key = self.archive.logged(run, task, attempt).await?.unwrap_or_else(named);
        self.archive.log_bytes(key, from, max).await
    }
}
