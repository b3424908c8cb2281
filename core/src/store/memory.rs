//! A store that forgets: for tests, and for embedders who need no durability.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::contract::{
    Append, AuditFilter, Audited, Batch, KeptWorkspace, LogEntry, Position, Positioned, RunFilter, RunListing,
    RunRecord, Store,
};
use super::error::StoreError;
use super::pipelines::{PipelineChange, PipelineFilter, PipelineListing, PipelineRecord, PipelineVersion};
use super::prefix;
use crate::audit::AuditEntry;
use crate::run::{RunId, Seq, Sequenced};

/// Keeps everything in memory, and nothing longer than the process lives. Otherwise it behaves as every store does.
#[derive(Debug, Default)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    runs: BTreeMap<RunId, KeptRun>,
    numbers: HashMap<(String, u64), RunId>,
    last_numbers: HashMap<String, u64>,
    settings: HashMap<String, String>,
    pipelines: BTreeMap<String, KeptPipeline>,
    last_versions: HashMap<String, u64>,
    workspaces: BTreeMap<RunId, KeptWorkspace>,
    position: u64,
    /// Which event has which place. Those of deleted runs go.
    order: BTreeMap<u64, (RunId, Seq)>,
    audit: BTreeMap<u64, AuditEntry>,
}

#[derive(Debug)]
struct KeptPipeline {
    active: bool,
    /// Never empty, oldest first.
    versions: Vec<PipelineVersion>,
}

#[derive(Debug)]
struct KeptRun {
    record: RunRecord,
    listing: RunListing,
    events: Vec<Sequenced>,
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

impl Kept {
    fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut lasts: HashMap<RunId, Seq> = HashMap::new();
        let mut numbers: HashMap<(&str, u64), RunId> = HashMap::new();
        for (record, _) in &batch.runs {
            if self.runs.contains_key(&record.id) || lasts.insert(record.id, Seq::ZERO).is_some() {
                return Err(StoreError::Duplicate { what: record.id.to_string() });
            }
            let number = (record.pipeline.as_str(), record.number);
            let taken = self.numbers.contains_key(&(record.pipeline.clone(), record.number));
            if taken || numbers.insert(number, record.id).is_some() {
                return Err(StoreError::Duplicate { what: format!("{} of {}", record.number, record.pipeline) });
            }
        }
        for append in &batch.appends {
            let known = lasts.get(&append.run).copied().or_else(|| Some(self.runs.get(&append.run)?.listing.last));
            let found = known.ok_or(StoreError::NoSuchRun { run: append.run })?;
            if found != append.expected {
                return Err(StoreError::Stale { run: append.run, expected: append.expected, found });
            }
            lasts.insert(append.run, Seq(found.0 + append.events.len() as u64));
        }
        self.check_pipelines(&batch.pipelines)?;
        self.check_workspaces(batch)?;
        self.check_deletes(batch)
    }

    fn check_pipelines(&self, changes: &[PipelineChange]) -> Result<(), StoreError> {
        let mut versions: HashMap<&str, (Option<u64>, u64)> = HashMap::new();
        for change in changes {
            let name = change.name();
            let current = self.pipelines.get(name).map(KeptPipeline::version);
            let last = self.last_versions.get(name).copied().unwrap_or_default();
            let (current, last) = versions.entry(name).or_insert((current, last));
            match (change, *current) {
                (PipelineChange::Create(_), Some(_)) => {
                    return Err(StoreError::PipelineExists { name: name.to_owned() });
                }
                (PipelineChange::Create(new), None) => expect_version(new, *last)?,
                (_, None) => return Err(StoreError::NoSuchPipeline { name: name.to_owned() }),
                (PipelineChange::Update(new), Some(found)) => expect_version(new, found)?,
                _ => {}
            }
            match change {
                PipelineChange::Create(new) | PipelineChange::Update(new) => {
                    (*current, *last) = (Some(new.version), new.version);
                }
                PipelineChange::Delete { .. } => *current = None,
                PipelineChange::SetActive { .. } => {}
            }
        }
        Ok(())
    }

    fn check_workspaces(&self, batch: &Batch) -> Result<(), StoreError> {
        let new: Vec<RunId> = batch.runs.iter().map(|(record, _)| record.id).collect();
        for kept in &batch.keep {
            if !self.runs.contains_key(&kept.run) && !new.contains(&kept.run) {
                return Err(StoreError::NoSuchRun { run: kept.run });
            }
        }
        for run in &batch.unkeep {
            if !self.workspaces.contains_key(run) && !batch.keep.iter().any(|kept| kept.run == *run) {
                return Err(StoreError::NotKept { run: *run });
            }
        }
        Ok(())
    }

    fn check_deletes(&self, batch: &Batch) -> Result<(), StoreError> {
        for run in &batch.deletes {
            let appended = batch.appends.iter().rev().filter(|append| append.run == *run);
            let digest = appended.filter_map(|append| append.digest.as_ref()).next();
            let digest = digest.or_else(|| {
                let new = batch.runs.iter().find(|(record, _)| record.id == *run).map(|(_, digest)| digest);
                new.or_else(|| self.runs.get(run).map(|kept| &kept.listing.digest))
            });
            match digest {
                None => return Err(StoreError::NoSuchRun { run: *run }),
                Some(digest) if !digest.is_finished() => return Err(StoreError::Unfinished { run: *run }),
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn apply(&mut self, batch: Batch) {
        for (record, digest) in batch.runs {
            let highest = self.last_numbers.entry(record.pipeline.clone()).or_default();
            *highest = record.number.max(*highest);
            self.numbers.insert((record.pipeline.clone(), record.number), record.id);
            let listing = record.listing(digest, Seq::ZERO);
            self.runs.insert(record.id, KeptRun { record, listing, events: Vec::new() });
        }
        for append in batch.appends {
            if let Some(run) = self.runs.get_mut(&append.run) {
                for offset in 1..=append.events.len() as u64 {
                    self.position += 1;
                    self.order.insert(self.position, (append.run, Seq(run.listing.last.0 + offset)));
                }
                run.append(append);
            }
        }
        self.settings.extend(batch.settings);
        for change in batch.pipelines {
            self.change(change);
        }
        self.workspaces.extend(batch.keep.into_iter().map(|kept| (kept.run, kept)));
        for run in batch.unkeep {
            self.workspaces.remove(&run);
        }
        for run in batch.deletes {
            self.delete(run);
        }
        for entry in batch.audit {
            self.position += 1;
            self.audit.insert(self.position, entry);
        }
    }

    fn change(&mut self, change: PipelineChange) {
        match change {
            PipelineChange::Create(new) => {
                self.last_versions.insert(new.name.clone(), new.version);
                self.pipelines.insert(new.name.clone(), KeptPipeline { active: true, versions: vec![new] });
            }
            PipelineChange::Update(new) => {
                self.last_versions.insert(new.name.clone(), new.version);
                if let Some(kept) = self.pipelines.get_mut(&new.name) {
                    kept.versions.push(new);
                }
            }
            PipelineChange::SetActive { name, active } => {
                if let Some(kept) = self.pipelines.get_mut(&name) {
                    kept.active = active;
                }
            }
            PipelineChange::Delete { name } => {
                self.pipelines.remove(&name);
            }
        }
    }

    fn delete(&mut self, run: RunId) {
        if let Some(kept) = self.runs.remove(&run) {
            self.numbers.remove(&(kept.record.pipeline, kept.record.number));
            self.order.retain(|_, (of, _)| *of != run);
        }
        self.workspaces.remove(&run);
    }

    fn positioned(&self, position: u64, run: RunId, seq: Seq) -> Option<Positioned> {
        let kept = self.runs.get(&run)?;
        let event = kept.events.get(usize::try_from(seq.0).ok()?.checked_sub(1)?)?.clone();
        let entry = LogEntry::Event(event, kept.record.pipeline.as_str().into());
        Some(Positioned { position: Position(position), entry })
    }
}

fn expect_version(new: &PipelineVersion, found: u64) -> Result<(), StoreError> {
    if new.version == found + 1 {
        return Ok(());
    }
    Err(StoreError::StaleVersion { pipeline: new.name.clone(), expected: new.version.saturating_sub(1), found })
}

impl KeptPipeline {
    fn version(&self) -> u64 {
        self.versions.last().map_or(0, |version| version.version)
    }

    fn record(&self) -> Option<PipelineRecord> {
        let (first, last) = (self.versions.first()?, self.versions.last()?);
        Some(PipelineRecord {
            name: last.name.clone(),
            version: last.version,
            active: self.active,
            definition: last.definition.clone(),
            created: first.at,
            changed: last.at,
            changed_by: last.by.clone(),
        })
    }
}

impl KeptRun {
    fn append(&mut self, append: Append) {
        for stamped in append.events {
            self.listing.last = self.listing.last.next();
            let (run, seq) = (append.run, self.listing.last);
            self.events.push(Sequenced { run, seq, at: stamped.at, event: stamped.event });
        }
        if let Some(digest) = append.digest {
            self.listing.digest = digest;
        }
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

    async fn snapshot(&self, path: &std::path::Path) -> Result<(), StoreError> {
        let doing = format!("writing a snapshot to {}", path.display());
        Err(StoreError::Io { doing, why: "this store is only in memory; a backup needs one on disk".to_owned() })
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.kept().settings.get(name).cloned())
    }
}
