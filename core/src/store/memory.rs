//! A store that forgets: for tests, and for embedders who need no durability.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::contract::{Append, Batch, RunFilter, RunListing, RunRecord, Store};
use super::error::StoreError;
use super::prefix;
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
                run.append(append);
            }
        }
        self.settings.extend(batch.settings);
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
        let wanted = newest_first.filter(|listing| {
            filter.pipeline.as_ref().is_none_or(|pipeline| *pipeline == listing.pipeline)
                && (filter.status.is_empty() || filter.status.contains(&listing.digest.status))
                && filter.before.is_none_or(|before| listing.id < before)
        });
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

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.kept().settings.get(name).cloned())
    }
}
