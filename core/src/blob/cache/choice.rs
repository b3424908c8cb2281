//! Which cache will do, and which one goes. Pure.

use jiff::Timestamp;

use super::CacheEntry;

/// The newest cache whose key begins so, with the same folders in it.
pub(crate) fn choose<'a>(entries: &'a [CacheEntry], beginning: &str, paths: &[String]) -> Option<&'a CacheEntry> {
    let fits = entries.iter().filter(|entry| entry.key.starts_with(beginning) && entry.paths == paths);
    fits.max_by(|one, other| (one.created, &one.key).cmp(&(other.created, &other.key)))
}

/// A cache as eviction sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shelved {
    /// Names it.
    pub(crate) stem: String,
    /// What it takes.
    pub(crate) size: u64,
    /// When it was used last.
    pub(crate) used: Timestamp,
}

/// The caches that go, so that the others fit into `limit` together: those first that were used longest ago.
pub(crate) fn evict(mut caches: Vec<Shelved>, limit: u64) -> Vec<Shelved> {
    caches.sort_by(|one, other| (other.used, &one.stem).cmp(&(one.used, &other.stem)));
    let mut room = limit;
    let mut full = false;
    caches.retain(|cache| {
        // Once one does not fit, nothing older stays: what is kept is what was used last, not what is small.
        full |= cache.size > room;
        if !full {
            room -= cache.size;
        }
        full
    });
    caches
}
