//! A store that several engines can use one after another, that can be full, and that counts what it is asked.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::run::{RunId, Seq, Sequenced};
use crate::store::{
    AuditFilter, Audited, Batch, CredentialOwner, CredentialRecord, KeptWorkspace, MemoryStore, PipelineFilter,
    PipelineListing, PipelineRecord, PipelineVersion, Position, Positioned, RunFilter, RunListing, RunRecord, Store,
    StoreError,
};

/// Clones are the same store.
#[derive(Clone, Debug)]
pub(super) struct TestStore {
    inner: Arc<dyn Store>,
    full: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    first: Arc<Mutex<Option<Batch>>>,
    single_records: Arc<AtomicUsize>,
}

impl TestStore {
    pub(super) fn in_memory() -> Self {
        Self {
            inner: Arc::new(MemoryStore::new()),
            full: Arc::default(),
            refused: Arc::default(),
            first: Arc::default(),
            single_records: Arc::default(),
        }
    }

    /// Says whether there is room.
    pub(super) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// Lets somebody else write this just before the next write.
    pub(super) fn before_next_commit(&self, batch: Batch) {
        *self.first.lock().unwrap() = Some(batch);
    }

    /// How many writes were refused because there was no room.
    pub(super) fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    /// How many records were read one by one.
    pub(super) fn single_records(&self) -> usize {
        self.single_records.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Store for TestStore {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        // A disk takes its time, and callers may go away meanwhile.
        tokio::task::yield_now().await;
        if self.full.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError::Full { path: "the disk of this test".into() });
        }
        let first = self.first.lock().unwrap().take();
        if let Some(first) = first {
            self.inner.commit(first).await?;
        }
        self.inner.commit(batch).await
    }

    async fn read(&self, run: RunId, after: Seq, limit: usize) -> Result<Vec<Sequenced>, StoreError> {
        self.inner.read(run, after, limit).await
    }

    async fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        self.single_records.fetch_add(1, Ordering::SeqCst);
        self.inner.run(run).await
    }

    async fn records(&self, runs: &[RunId]) -> Result<Vec<RunRecord>, StoreError> {
        self.inner.records(runs).await
    }

    async fn listing(&self, run: RunId) -> Result<Option<RunListing>, StoreError> {
        self.inner.listing(run).await
    }

    async fn list(&self, filter: &RunFilter) -> Result<Vec<RunListing>, StoreError> {
        self.inner.list(filter).await
    }

    async fn find(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        self.inner.find(prefix, limit).await
    }

    async fn numbered(&self, pipeline: &str, number: u64) -> Result<Option<RunId>, StoreError> {
        self.inner.numbered(pipeline, number).await
    }

    async fn last_number(&self, pipeline: &str) -> Result<u64, StoreError> {
        self.inner.last_number(pipeline).await
    }

    async fn unfinished(&self) -> Result<Vec<RunListing>, StoreError> {
        self.inner.unfinished().await
    }

    async fn pipeline(&self, name: &str) -> Result<Option<PipelineRecord>, StoreError> {
        self.inner.pipeline(name).await
    }

    async fn pipelines(&self, filter: &PipelineFilter) -> Result<Vec<PipelineListing>, StoreError> {
        self.inner.pipelines(filter).await
    }

    async fn history(&self, name: &str, before: Option<u64>, limit: usize) -> Result<Vec<PipelineVersion>, StoreError> {
        self.inner.history(name, before, limit).await
    }

    async fn version(&self, name: &str, version: u64) -> Result<Option<PipelineVersion>, StoreError> {
        self.inner.version(name, version).await
    }

    async fn last_version(&self, name: &str) -> Result<u64, StoreError> {
        self.inner.last_version(name).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Audited>, StoreError> {
        self.inner.audit(filter).await
    }

    async fn committed(&self, after: Position, limit: usize) -> Result<Vec<Positioned>, StoreError> {
        self.inner.committed(after, limit).await
    }

    async fn newest(&self) -> Result<Position, StoreError> {
        self.inner.newest().await
    }

    async fn kept(&self) -> Result<Vec<KeptWorkspace>, StoreError> {
        self.inner.kept().await
    }

    async fn credential(&self, owner: CredentialOwner, name: &str) -> Result<Option<CredentialRecord>, StoreError> {
        self.inner.credential(owner, name).await
    }

    async fn credentials(&self, owner: Option<CredentialOwner>) -> Result<Vec<CredentialRecord>, StoreError> {
        self.inner.credentials(owner).await
    }

    async fn snapshot(&self, path: &Path) -> Result<(), StoreError> {
        self.inner.snapshot(path).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.inner.setting(name).await
    }
}
