//! The store on disk: one SQLite database, one writer, any number of readers.
//!
//! Nobody else in this process may open the database file with anything but SQLite: closing any descriptor of it would
//! take SQLite's locks away.

mod audit;
mod change;
mod checksum;
mod credentials;
mod failure;
mod kept;
mod pipelines;
mod plans;
mod positions;
mod query;
mod question;
mod readers;
mod row;
mod runs;
mod schema;
mod snapshot;
mod steps;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rusqlite::Connection;

use self::change::Change;
pub use self::plans::QueryPlan;
use self::readers::Readers;
use self::writer::Writer;
use super::contract::{
    AuditFilter, Audited, Batch, KeptWorkspace, Position, Positioned, RunFilter, RunListing, RunRecord, Store,
};
use super::credentials::{CredentialOwner, CredentialRecord};
use super::error::StoreError;
use super::pipelines::{PipelineFilter, PipelineListing, PipelineRecord, PipelineVersion};
use super::prefix;
use crate::run::{RunId, Seq, Sequenced};

/// Runs and events in an SQLite database: write-ahead log, a disk flush for each commit, and commits that arrive at the
/// same time share one flush. Reading does not wait for writing.
///
/// One process may have it open for writing ([`super::DataDir`] sees to that), any number for reading. Not meant for
/// network file systems.
pub struct SqliteStore {
    path: PathBuf,
    writer: Option<Writer>,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the database for writing, makes it when there is none, and brings it to this version's format.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_path_buf();
        let connection = schema::open_for_writing(&path)?;
        let writer = Writer::spawn(path.clone(), connection)?;
        Ok(Self { readers: Readers::new(path.clone()), path, writer: Some(writer) })
    }

    /// Opens the database for reading: beside a writer in another process, or after one that crashed.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_path_buf();
        let readers = Readers::new(path.clone());
        readers.keep(schema::open_for_reading(&path)?);
        Ok(Self { readers, path, writer: None })
    }

    /// Looks through the whole database for damage. Takes as long as reading all of it.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.query(query::check).await
    }

    /// How SQLite finds what listings and cursors ask for: for whoever wonders why one is slow.
    pub async fn plans(&self) -> Result<Vec<QueryPlan>, StoreError> {
        self.query(plans::all).await
    }

    async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, failure::Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.query(query).await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read_only = self.writer.is_none();
        f.debug_struct("SqliteStore").field("path", &self.path).field("read_only", &read_only).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let Some(writer) = &self.writer else {
            return Err(StoreError::ReadOnly { path: self.path.clone(), why: "it was opened for reading".to_owned() });
        };
        let change = Change::encode(batch).map_err(|failure| failure.explain(&self.path))?;
        writer.commit(change).await
    }

    async fn read(&self, run: RunId, after: Seq, limit: usize) -> Result<Vec<Sequenced>, StoreError> {
        self.query(move |db| query::events(db, run, after, limit)).await
    }

    async fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        self.query(move |db| query::record(db, run)).await
    }

    async fn records(&self, runs: &[RunId]) -> Result<Vec<RunRecord>, StoreError> {
        let runs = runs.to_vec();
        self.query(move |db| query::records(db, &runs)).await
    }

    async fn listing(&self, run: RunId) -> Result<Option<RunListing>, StoreError> {
        self.query(move |db| Ok(row::find(db, run)?.map(|row| row.listing))).await
    }

    async fn list(&self, filter: &RunFilter) -> Result<Vec<RunListing>, StoreError> {
        let filter = filter.clone();
        self.query(move |db| query::list(db, &filter)).await
    }

    async fn find(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        let Some((low, high)) = prefix::range(prefix) else { return Ok(Vec::new()) };
        self.query(move |db| query::between(db, low, high, limit)).await
    }

    async fn numbered(&self, pipeline: &str, number: u64) -> Result<Option<RunId>, StoreError> {
        let pipeline = pipeline.to_owned();
        self.query(move |db| query::numbered(db, &pipeline, number)).await
    }

    async fn last_number(&self, pipeline: &str) -> Result<u64, StoreError> {
        let pipeline = pipeline.to_owned();
        self.query(move |db| query::last_number(db, &pipeline)).await
    }

    async fn unfinished(&self) -> Result<Vec<RunListing>, StoreError> {
        self.query(query::unfinished).await
    }

    async fn pipeline(&self, name: &str) -> Result<Option<PipelineRecord>, StoreError> {
        let name = name.to_owned();
        self.query(move |db| pipelines::record(db, &name)).await
    }

    async fn pipelines(&self, filter: &PipelineFilter) -> Result<Vec<PipelineListing>, StoreError> {
        let filter = filter.clone();
        self.query(move |db| pipelines::list(db, &filter)).await
    }

    async fn history(&self, name: &str, before: Option<u64>, limit: usize) -> Result<Vec<PipelineVersion>, StoreError> {
        let name = name.to_owned();
        self.query(move |db| pipelines::history(db, &name, before, limit)).await
    }

    async fn version(&self, name: &str, version: u64) -> Result<Option<PipelineVersion>, StoreError> {
        let name = name.to_owned();
        self.query(move |db| pipelines::version(db, &name, version)).await
    }

    async fn last_version(&self, name: &str) -> Result<u64, StoreError> {
        let name = name.to_owned();
        self.query(move |db| pipelines::last_version(db, &name)).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Audited>, StoreError> {
        let filter = filter.clone();
        self.query(move |db| audit::list(db, &filter)).await
    }

    async fn committed(&self, after: Position, limit: usize) -> Result<Vec<Positioned>, StoreError> {
        self.query(move |db| positions::committed(db, after, limit)).await
    }

    async fn newest(&self) -> Result<Position, StoreError> {
        self.query(positions::newest).await
    }

    async fn kept(&self) -> Result<Vec<KeptWorkspace>, StoreError> {
        self.query(kept::list).await
    }

    async fn credential(&self, owner: CredentialOwner, name: &str) -> Result<Option<CredentialRecord>, StoreError> {
        let name = name.to_owned();
        self.query(move |db| Ok(credentials::list(db, Some(owner), Some(name))?.pop())).await
    }

    async fn credentials(&self, owner: Option<CredentialOwner>) -> Result<Vec<CredentialRecord>, StoreError> {
        self.query(move |db| credentials::list(db, owner, None)).await
    }

    async fn snapshot(&self, path: &Path) -> Result<(), StoreError> {
        let path = path.to_path_buf();
        self.readers.with(move |db| snapshot::write(db, &path)).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.query(move |db| query::setting(db, &name)).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.readers.close();
        match &self.writer {
            Some(writer) => writer.close().await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
