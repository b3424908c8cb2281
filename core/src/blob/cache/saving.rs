//! Which caches are being saved now, so that no two tasks of one engine do the same work.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The caches that are being saved.
#[derive(Debug, Default)]
pub(crate) struct Saving {
    stems: Mutex<HashSet<String>>,
}

impl Saving {
    /// Begins to save a cache, until what is returned is dropped; `None` while somebody else saves it.
    pub(crate) fn begin(&self, stem: &str) -> Option<Saver<'_>> {
        let begun = self.stems.lock().unwrap_or_else(PoisonError::into_inner).insert(stem.to_owned());
        begun.then(|| Saver { saving: self, stem: stem.to_owned() })
    }
}

/// See [`Saving::begin`].
#[derive(Debug)]
pub(crate) struct Saver<'a> {
    saving: &'a Saving,
    stem: String,
}

impl Drop for Saver<'_> {
    fn drop(&mut self) {
        self.saving.stems.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.stem);
    }
}
