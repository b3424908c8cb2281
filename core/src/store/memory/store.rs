//! The store itself.

use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::kept::{Kept, KeptPipeline};
use crate::run::{RunId, Seq, Sequenced};
use crate::store::{
    AuditFilter, Audited, Batch, CredentialOwner, CredentialRecord, KeptWorkspace, LogEntry, PipelineFilter,
    PipelineListing, PipelineRecord, PipelineVersion, Position, Positioned, RunFilter, RunListing, RunRecord, Store,
    StoreError, prefix,
};

/// Keeps everything in memory, and nothing longer than the process lives. Otherwise it behaves as every store does.
#[derive(Debug, Default)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A panic elsewhere cannot leave half a batch here: checks come first, and applying cannot fail.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.check(&batch)?;
        kept.apply(batch);
        Ok(())
    }

    async fn read(&self, run: RunId, after: Seq, limit: usize) -> Result<Vec<Sequenced>, StoreError> {
        let kept = self.kept();
        let events = &kept.runs.get(&run).ok_or(StoreError::NoSuchRun { run })?.events;
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        Ok(events.iter().skip(skipped).take(limit).cloned().collect())
    }

    async fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        Ok(self.kept().runs.get(&run).map(|kept| kept.record.clone()))
    }

    async fn records(&self, runs: &[RunId]) -> Result<Vec<RunRecord>, StoreError> {
        let kept = self.kept();
        Ok(runs.iter().filter_map(|run| Some(kept.runs.get(run)?.record.clone())).collect())
    }

    async fn listing(&self, run: RunId) -> Result<Option<RunListing>, StoreError> {
        Ok(self.kept().runs.get(&run).map(|kept| kept.listing.clone()))
    }

    async fn list(&self, filter: &RunFilter) -> Result<Vec<RunListing>, StoreError> {
        let kept = self.kept();
        let newest_first = kept.runs.values().rev().map(|run| &run.listing);
        let wanted = newest_first
            .filter(|listing| filter.takes(listing) && filter.before.is_none_or(|before| listing.id < before));
        Ok(wanted.take(filter.page()).cloned().collect())
    }

    async fn find(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        let Some((low, high)) = prefix::range(prefix) else { return Ok(Vec::new()) };
        Ok(self.kept().runs.range(low..=high).rev().take(limit).map(|(id, _)| *id).collect())
    }

    async fn numbered(&self, pipeline: &str, number: u64) -> Result<Option<RunId>, StoreError> {
        Ok(self.kept().numbers.get(&(pipeline.to_owned(), number)).copied())
    }

    async fn last_number(&self, pipeline: &str) -> Result<u64, StoreError> {
        Ok(self.kept().last_numbers.get(pipeline).copied().unwrap_or(0))
    }

    async fn unfinished(&self) -> Result<Vec<RunListing>, StoreError> {
        let kept = self.kept();
        let listings = kept.runs.values().map(|run| &run.listing);
        Ok(listings.filter(|listing| !listing.digest.is_finished()).cloned().collect())
    }

    async fn pipeline(&self, name: &str) -> Result<Option<PipelineRecord>, StoreError> {
        Ok(self.kept().pipelines.get(name).and_then(KeptPipeline::record))
    }

    async fn pipelines(&self, filter: &PipelineFilter) -> Result<Vec<PipelineListing>, StoreError> {
        let kept = self.kept();
        let after = filter.after.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let found = kept.pipelines.range::<String, _>((after, Bound::Unbounded)).map(|(_, pipeline)| pipeline);
        let found = found.filter(|pipeline| filter.active.is_none_or(|active| pipeline.active == active));
        Ok(found.filter_map(|kept| Some(kept.record()?.listing())).take(filter.page()).collect())
    }

    async fn history(&self, name: &str, before: Option<u64>, limit: usize) -> Result<Vec<PipelineVersion>, StoreError> {
        let kept = self.kept();
        let versions = kept.pipelines.get(name).into_iter().flat_map(|kept| kept.versions.iter().rev());
        Ok(versions
            .filter(|version| before.is_none_or(|before| version.version < before))
            .take(limit)
            .cloned()
            .collect())
    }

    async fn version(&self, name: &str, version: u64) -> Result<Option<PipelineVersion>, StoreError> {
        let kept = self.kept();
        let versions = kept.pipelines.get(name).map(|kept| kept.versions.as_slice()).unwrap_or_default();
        Ok(versions.iter().find(|known| known.version == version).cloned())
    }

    async fn last_version(&self, name: &str) -> Result<u64, StoreError> {
        Ok(self.kept().last_versions.get(name).copied().unwrap_or_default())
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Audited>, StoreError> {
        let kept = self.kept();
        let before = filter.before.map_or(u64::MAX, |before| before.0);
        let found = kept.audit.range(..before).rev().filter(|(_, entry)| filter.takes(entry)).take(filter.page());
        Ok(found.map(|(position, entry)| Audited { position: Position(*position), entry: entry.clone() }).collect())
    }

    async fn committed(&self, after: Position, limit: usize) -> Result<Vec<Positioned>, StoreError> {
        let kept = self.kept();
        let from = after.0.saturating_add(1);
        let events = kept.order.range(from..).take(limit);
        let events = events.filter_map(|(position, (run, seq))| kept.positioned(*position, *run, *seq));
        let changes = kept.audit.range(from..).take(limit).map(|(position, entry)| Positioned {
            position: Position(*position),
            entry: LogEntry::Change(entry.clone()),
        });
        let mut all: Vec<_> = events.chain(changes).collect();
        all.sort_by_key(|entry| entry.position);
        all.truncate(limit);
        Ok(all)
    }

    async fn newest(&self) -> Result<Position, StoreError> {
        Ok(Position(self.kept().position))
    }

    async fn kept(&self) -> Result<Vec<KeptWorkspace>, StoreError> {
        let mut all: Vec<_> = self.kept().workspaces.values().cloned().collect();
        all.sort_by_key(|kept| (kept.until, kept.run));
        Ok(all)
    }

    async fn credential(&self, owner: CredentialOwner, name: &str) -> Result<Option<CredentialRecord>, StoreError> {
        Ok(self.kept().credentials.get(&(owner, name.to_owned())).cloned())
    }

    async fn credentials(&self, owner: Option<CredentialOwner>) -> Result<Vec<CredentialRecord>, StoreError> {
        let kept = self.kept();
        let wanted = kept.credentials.values().filter(|record| owner.is_none_or(|owner| record.owner == owner));
        Ok(wanted.cloned().collect())
    }

    async fn snapshot(&self, path: &std::path::Path) -> Result<(), StoreError> {
        let doing = format!("writing a snapshot to {}", path.display());
        Err(StoreError::Io { doing, why: "this store is only in memory; a backup needs one on disk".to_owned() })
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.kept().settings.get(name).cloned())
    }
}
