//! The stream of a run's events: replay from the store, then live, without a gap or a double.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::archive::Archive;
use super::event::Event;
use super::feed::{Feed, FeedEnd, FeedState};
use crate::error::{Error, ErrorKind, Result};
use crate::run::{RunEvent, RunId, Seq, Sequenced};

/// How many events are read from the store at once.
const PAGE: usize = 500;

/// The events of a run. Ends when the run is over and everything it held is freed.
///
/// To go on later, keep the `seq` of the newest event that was dealt with and ask for the events after it.
#[derive(Debug)]
pub struct EventStream {
    archive: Archive,
    run: RunId,
    cursor: Seq,
    ready: VecDeque<Arc<Sequenced>>,
    live: Option<(Arc<Feed>, watch::Receiver<FeedState>)>,
    over: bool,
}

impl EventStream {
    pub(crate) fn new(archive: Archive, run: RunId, after: Seq, feed: Option<Arc<Feed>>) -> Self {
        let live = feed.map(|feed| {
            let watch = feed.watch();
            (feed, watch)
        });
        Self { archive, run, cursor: after, ready: VecDeque::new(), live, over: false }
    }

    /// The next event; `None` after the last one. Dropping the future loses nothing: the next call gives the same event.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        while let Some(fact) = self.peek_fact().await? {
            let event = self.archive.event(&fact).await?;
            self.take_fact();
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// The next event as it is stored, also those that are only for the engine. It stays the next one until it is taken.
    pub(super) async fn peek_fact(&mut self) -> Result<Option<Arc<Sequenced>>> {
        loop {
            if let Some(fact) = self.ready.front() {
                return Ok(Some(fact.clone()));
            }
            if self.over || !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// The next event, its log left empty: for tests under a clock that would not wait until a log is read from a disk.
    pub(crate) async fn next_without_log(&mut self) -> Result<Option<Event>> {
        while let Some(fact) = self.peek_fact().await? {
            self.take_fact();
            if let Some(event) = Event::from_fact(&fact, Bytes::new()) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Goes on behind the event that was looked at.
    pub(super) fn take_fact(&mut self) {
        if let Some(fact) = self.ready.pop_front() {
            self.cursor = fact.seq;
            self.over |= matches!(fact.event, RunEvent::RunReleased);
        }
    }

    /// Waits until there is something after the cursor. False when nothing more can come.
    async fn fill(&mut self) -> Result<bool> {
        loop {
            let state = self.live.as_mut().map(|(_, watch)| watch.borrow_and_update().clone());
            let recent = self.live.as_ref().and_then(|(feed, _)| feed.after(self.cursor));
            match recent {
                Some(events) => self.ready.extend(events),
                None => {
                    let page = self.archive.store.read(self.run, self.cursor, PAGE).await?;
                    self.ready.extend(page.into_iter().map(Arc::new));
                }
            }
            if !self.ready.is_empty() {
                return Ok(true);
            }
            match state.map(|state| state.end) {
                None | Some(Some(FeedEnd::Released | FeedEnd::Closed)) => return Ok(false),
                Some(Some(FeedEnd::Broken(why))) => return Err(broken(&why)),
                Some(None) => {}
            }
            if let Some((_, watch)) = &mut self.live
                && watch.changed().await.is_err()
            {
                self.live = None;
            }
        }
    }
}

pub(crate) fn broken(why: &str) -> Error {
    Error::new(
        ErrorKind::Internal,
        "runStuck",
        "follow",
        format!("the engine cannot drive the run any further: {why}. Open the data directory again to take the run up"),
    )
}
