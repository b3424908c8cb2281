//! How followers of a run hear of new events: a short memory of the newest ones and a number that rises.
//!
//! Nobody is ever waited for: a follower that is slow finds what it missed in the store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::run::{Seq, Sequenced};

/// How many of the newest events are kept in memory for each live run.
const RECENT: usize = 512;

/// The newest events of a live run.
#[derive(Debug)]
pub(crate) struct Feed {
    recent: Mutex<VecDeque<Arc<Sequenced>>>,
    last: watch::Sender<FeedState>,
}

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeedState {
    /// The number of the newest committed event.
    pub(crate) last: Seq,
    /// Set when no more events come from this engine.
    pub(crate) end: Option<FeedEnd>,
}

/// Why no more events come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FeedEnd {
    /// The run is over and released.
    Released,
    /// The engine was closed; the run goes on with the next one.
    Closed,
    /// The driver of the run could not go on.
    Broken(Arc<str>),
}

impl Feed {
    pub(crate) fn new(last: Seq) -> Self {
        Self { recent: Mutex::default(), last: watch::Sender::new(FeedState { last, end: None }) }
    }

    /// Makes committed events known.
    pub(crate) fn publish(&self, events: Vec<Arc<Sequenced>>) {
        let Some(last) = events.last().map(|event| event.seq) else { return };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.extend(events);
        let surplus = recent.len().saturating_sub(RECENT);
        recent.drain(..surplus);
        drop(recent);
        self.last.send_modify(|state| state.last = last);
    }

    /// Says that no more events come.
    pub(crate) fn end(&self, end: FeedEnd) {
        self.last.send_modify(|state| {
            state.end.get_or_insert(end);
        });
    }

    pub(crate) fn watch(&self) -> watch::Receiver<FeedState> {
        self.last.subscribe()
    }

    /// The events after a number when all of them are still in memory.
    pub(crate) fn after(&self, seq: Seq) -> Option<Vec<Arc<Sequenced>>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?;
        if first.seq > seq.next() {
            return None;
        }
        Some(recent.iter().skip_while(|event| event.seq <= seq).cloned().collect())
    }
}
