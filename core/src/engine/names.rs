//! One lock for each pipeline's name: runs of a pipeline are made one after another, so that their numbers have no gaps, and
//! never while the pipeline is changed or deleted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// The locks of all names that were used.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: Mutex<HashMap<String, Arc<Name>>>,
}

#[derive(Debug, Default)]
struct Name {
    /// The number of the newest run, as far as it is known.
    newest: Arc<tokio::sync::Mutex<Option<u64>>>,
    /// How many deletions of the pipeline wait for the ends of its runs.
    deletions: AtomicUsize,
}

/// A name that nobody else makes runs of, or changes the pipeline of, until this is dropped.
#[derive(Debug)]
pub(crate) struct Locked {
    name: Arc<Name>,
    newest: OwnedMutexGuard<Option<u64>>,
}

/// No run of the name is made until this is dropped, also while nothing is locked.
#[derive(Debug)]
pub(crate) struct Deleting {
    name: Arc<Name>,
}

impl Names {
    /// Waits until nobody else has the name.
    pub(crate) async fn lock(&self, name: &str) -> Locked {
        let name = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            names.entry(name.to_owned()).or_default().clone()
        };
        let newest = name.newest.clone().lock_owned().await;
        Locked { name, newest }
    }
}

impl Locked {
    /// The number of the newest run. Nobody knows it until it is [set](Self::set_newest) again: whoever was interrupted
    /// while a run was written does not know whether it was.
    pub(crate) fn take_newest(&mut self) -> Option<u64> {
        self.newest.take()
    }

    /// The newest run has this number.
    pub(crate) fn set_newest(&mut self, number: u64) {
        *self.newest = Some(number);
    }

    /// Whether the pipeline is being deleted.
    pub(crate) fn is_being_deleted(&self) -> bool {
        self.name.deletions.load(Ordering::Relaxed) > 0
    }

    /// Lets go of the name, and lets nobody make runs of it meanwhile.
    pub(crate) fn deleting(self) -> Deleting {
        self.name.deletions.fetch_add(1, Ordering::Relaxed);
        Deleting { name: self.name }
    }
}

impl Drop for Deleting {
    fn drop(&mut self) {
        self.name.deletions.fetch_sub(1, Ordering::Relaxed);
    }
}
