//! Finding, keeping and removing caches in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::choice::Shelved;
use super::entry::{CACHES, Part, archive_object, entry_object, folder, stem, stem_of};
use super::{CacheEntry, CacheScope, choose, evict};
use crate::blob::{BlobError, BlobStore};
use crate::run::StepKey;

/// How many entries are read at once.
const TOGETHER: usize = 16;
/// An archive without an entry is being written, or was left by a crash. After so long it is the latter.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// The caches of one pipeline, as one task wants them.
#[derive(Debug)]
pub(crate) struct Shelf<'a> {
    pub(crate) store: &'a BlobStore,
    pub(crate) pipeline: &'a str,
    /// The scopes in which is looked, the own one first.
    pub(crate) scopes: &'a [CacheScope],
    /// The folders that are kept.
    pub(crate) paths: &'a [String],
}

/// A cache that will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) entry: CacheEntry,
    /// The object of the entry.
    object: String,
}

impl Shelf<'_> {
    /// The cache of this key, or else the newest one whose key begins as one of the fallback keys says. The key matters more
    /// than the scope.
    pub(crate) async fn find(&self, key: &str, fallbacks: &[String]) -> Result<Option<Found>, BlobError> {
        for scope in self.scopes {
            let object = entry_object(&stem(self.pipeline, scope, key, self.paths));
            if let Some(entry) = self.entry(&object).await? {
                return Ok(Some(Found { entry, object }));
            }
        }
        if fallbacks.is_empty() {
            return Ok(None);
        }
        let mut shelves = Vec::new();
        for scope in self.scopes {
            shelves.push((scope, self.entries(scope).await?));
        }
        for beginning in fallbacks {
            for (scope, entries) in &shelves {
                if let Some(entry) = choose(entries, beginning, self.paths) {
                    let object = entry_object(&stem(self.pipeline, scope, &entry.key, self.paths));
                    return Ok(Some(Found { entry: entry.clone(), object }));
                }
            }
        }
        Ok(None)
    }

    /// Whether the key is kept in the own scope.
    pub(crate) async fn has(&self, key: &str) -> Result<bool, BlobError> {
        let Some(own) = self.scopes.first() else { return Ok(false) };
        Ok(self.entry(&entry_object(&stem(self.pipeline, own, key, self.paths))).await?.is_some())
    }

    /// Where an attempt stores the archive of a key.
    pub(crate) fn archive(&self, key: &str, step: &StepKey) -> String {
        archive_object(&self.own_stem(key), step)
    }

    /// Makes an archive that is stored findable. False when somebody else was faster, whose archive stays.
    pub(crate) async fn keep(&self, entry: &CacheEntry) -> Result<bool, BlobError> {
        if self.has(&entry.key).await? {
            self.store.delete(&entry.archive).await?;
            return Ok(false);
        }
        self.store.put_bytes(&entry_object(&self.own_stem(&entry.key)), as_bytes(entry)).await?;
        Ok(true)
    }

    /// What names the cache of a key in the own scope.
    pub(crate) fn own_stem(&self, key: &str) -> String {
        stem(self.pipeline, self.scopes.first().unwrap_or(&CacheScope::Unknown), key, self.paths)
    }

    /// The entry of this name. One that cannot be read is none: it is written again by who saves the key next.
    async fn entry(&self, object: &str) -> Result<Option<CacheEntry>, BlobError> {
        let bytes = self.store.get_bytes(object).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    async fn entries(&self, scope: &CacheScope) -> Result<Vec<CacheEntry>, BlobError> {
        let listed = self.store.list(&folder(self.pipeline, scope)).await?;
        let names = listed.into_iter().map(|object| object.location.to_string()).filter(|name| name.ends_with(".json"));
        let read = stream::iter(names).map(|name| async move { self.entry(&name).await }).buffer_unordered(TOGETHER);
        let entries: Vec<Option<CacheEntry>> = read.try_collect().await?;
        Ok(entries.into_iter().flatten().collect())
    }
}

impl Found {
    /// Notes that it was used.
    pub(crate) async fn touch(&self, store: &BlobStore) -> Result<(), BlobError> {
        store.put_bytes(&self.object, as_bytes(&self.entry)).await
    }

    /// Removes it: it is damaged, or its archive is gone. Who saves the key next makes it again.
    pub(crate) async fn discard(&self, store: &BlobStore) -> Result<(), BlobError> {
        store.delete(&self.object).await?;
        store.delete(&self.entry.archive).await
    }
}

fn as_bytes(entry: &CacheEntry) -> Bytes {
    serde_json::to_vec(entry).unwrap_or_default().into()
}

/// An archive without an entry: it is being saved, or a crash left it.
#[derive(Debug)]
pub(crate) struct LostArchive {
    stem: String,
    object: String,
}

impl LostArchive {
    /// What names its cache.
    pub(crate) fn stem(&self) -> &str {
        &self.stem
    }

    /// Removes it unless it has an entry by now. Nobody may save the cache meanwhile.
    pub(crate) async fn remove(&self, store: &BlobStore) -> Result<(), BlobError> {
        match store.get_bytes(&entry_object(&self.stem)).await? {
            Some(_) => Ok(()),
            None => store.delete(&self.object).await,
        }
    }
}

/// The archives without an entry.
pub(crate) async fn lost_archives(store: &BlobStore) -> Result<Vec<LostArchive>, BlobError> {
    let (mut entries, mut archives) = (BTreeSet::new(), Vec::new());
    for object in store.list(CACHES).await? {
        let name = object.location.to_string();
        match stem_of(&name) {
            Some((stem, Part::Entry)) => drop(entries.insert(stem.to_owned())),
            Some((stem, Part::Archive)) => archives.push(LostArchive { stem: stem.to_owned(), object: name.clone() }),
            None => {}
        }
    }
    archives.retain(|archive| !entries.contains(&archive.stem));
    Ok(archives)
}

/// Removes what was used longest ago until the rest fits into `limit`, and what a crash left. Returns how many caches went.
pub(crate) async fn make_room(store: &BlobStore, limit: u64, now: Timestamp) -> Result<usize, BlobError> {
    let mut shelved: BTreeMap<String, Shelved> = BTreeMap::new();
    let mut archives: BTreeMap<String, Vec<(String, Timestamp)>> = BTreeMap::new();
    for object in store.list(CACHES).await? {
        let name = object.location.to_string();
        let changed = Timestamp::from_second(object.last_modified.timestamp()).unwrap_or_default();
        let Some((stem, part)) = stem_of(&name) else { continue };
        let cache = shelved.entry(stem.to_owned());
        let cache = cache.or_insert_with(|| Shelved { stem: stem.to_owned(), size: 0, used: Timestamp::UNIX_EPOCH });
        cache.size += object.size;
        match part {
            Part::Entry => cache.used = exact(object.last_modified.timestamp_micros(), changed),
            Part::Archive => archives.entry(stem.to_owned()).or_default().push((name.clone(), changed)),
        }
    }
    let mut gone = 0;
    let (known, lost): (Vec<_>, Vec<_>) = shelved.into_values().partition(|cache| cache.used > Timestamp::UNIX_EPOCH);
    for cache in lost {
        for (name, changed) in archives.remove(&cache.stem).unwrap_or_default() {
            if age(now, changed) > ABANDONED {
                store.delete(&name).await?;
            }
        }
    }
    for cache in evict(known, limit) {
        store.delete(&entry_object(&cache.stem)).await?;
        for (name, _) in archives.remove(&cache.stem).unwrap_or_default() {
            store.delete(&name).await?;
        }
        gone += 1;
    }
    Ok(gone)
}

fn exact(micros: i64, otherwise: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(otherwise)
}

fn age(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}
