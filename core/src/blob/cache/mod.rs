//! Caches: folders kept between runs, found again by a key.
//!
//! A cache is an archive, never changed once it is there, and beside it a small entry that says what it is. The entry comes
//! after its archive and goes before it, so that what is found is whole. When an entry was used last is when it was written
//! last: using one writes it again as it is.

mod choice;
mod entry;
mod saving;
mod scope;
mod shelf;

pub(crate) use choice::{choose, evict};
pub(crate) use entry::CacheEntry;
pub(crate) use saving::Saving;
pub(crate) use scope::{CacheScope, may_save, scopes};
pub(crate) use shelf::{Found, Shelf, lost_archives, make_room};

#[cfg(test)]
mod tests;
