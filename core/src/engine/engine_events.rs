//! The stream of everything that is committed, over all runs: from any position, without a gap or a double.
//!
//! Nobody is waited for, and nothing is kept for those who are slow: whoever comes later finds in the store what it missed.

use std::collections::VecDeque;

use tokio::sync::watch;

use super::Engine;
use super::archive::Archive;
use super::core::Core;
use super::engine_event::{EngineEvent, EngineEventKind};
use super::event_filter::EventFilter;
use crate::audit::AuditEntry;
use crate::error::{Error, ErrorKind, Result};
use crate::run::{RunEvent, Sequenced};
use crate::store::{LogEntry, Position, Positioned};

/// How many entries are read from the store at once, and are at most in memory for each subscriber.
const PAGE: usize = 256;

/// The events of an engine. Ends when the engine is closed; that of a [`super::Reader`] with what there is now.
///
/// To go on later, also with another engine on the same data directory, keep the position of the newest event that was
/// dealt with, or [`EngineEvents::position`], and ask for the events after it.
#[derive(Debug)]
pub struct EngineEvents {
    archive: Archive,
    filter: EventFilter,
    position: Position,
    page: VecDeque<Positioned>,
    page_size: usize,
    /// `None` beside an engine: nobody tells of what is new.
    live: Option<Live>,
}

/// How a stream hears of what is new, and of the end.
#[derive(Debug)]
pub(super) struct Live {
    commits: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
}

impl Engine {
    /// Everything that happened from the first event on, of all runs and pipelines, and what happens from now on.
    ///
    /// # Errors
    /// `unknownEventType` for a filter with a word that no event has.
    pub async fn events(&self, filter: EventFilter) -> Result<EngineEvents> {
        self.events_after(Position::default(), filter).await
    }

    /// What happened after a position, and what happens from now on.
    ///
    /// # Errors
    /// As [`Engine::events`]; `unknownPosition` for one that this data directory never had.
    pub async fn events_after(&self, position: Position, filter: EventFilter) -> Result<EngineEvents> {
        let core = &self.handle.core;
        EngineEvents::new(core.archive.clone(), position, filter, Some(Live::of(core))).await
    }

    /// The position of what was committed last. Events after it are those that are still to come.
    pub async fn newest(&self) -> Result<Position> {
        Ok(self.handle.core.archive.store.newest().await?)
    }
}

impl EngineEvents {
    pub(super) async fn new(
        archive: Archive,
        position: Position,
        filter: EventFilter,
        live: Option<Live>,
    ) -> Result<Self> {
        filter.check()?;
        if position > Position::default() {
            let newest = archive.store.newest().await?;
            if position > newest {
                return Err(unknown_position(position, newest));
            }
        }
        Ok(Self { archive, filter, position, page: VecDeque::new(), page_size: PAGE, live })
    }

    /// The next event that the filter takes; `None` at the end. Dropping the future loses nothing: the next call goes on
    /// where this one was. After an error it can be called again as well.
    pub async fn next(&mut self) -> Result<Option<EngineEvent>> {
        loop {
            while let Some(entry) = self.page.front() {
                let event = match self.event_of(entry).await {
                    Err(_) if self.is_closed() => return Ok(None),
                    event => event?,
                };
                self.position = entry.position;
                self.page.pop_front();
                if event.is_some() {
                    return Ok(event);
                }
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// How far this stream has come, what the filter left out included. To go on from here skips nothing that is wanted, and
    /// does not look again at what was left out.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The entry as subscribers see it; `None` for one that the filter leaves out, and for a piece of log that is gone with
    /// its run.
    async fn event_of(&self, entry: &Positioned) -> Result<Option<EngineEvent>> {
        if !self.filter.takes(&entry.entry) {
            return Ok(None);
        }
        let position = entry.position;
        Ok(match &entry.entry {
            LogEntry::Event(fact, pipeline) => {
                let event = match self.archive.event(fact).await {
                    Ok(event) if !is_short(fact, event.as_ref()) => event,
                    _ if self.is_gone(fact).await? => None,
                    found => found?,
                };
                let pipeline = Some(pipeline.clone());
                event.map(|event| EngineEvent { position, pipeline, kind: EngineEventKind::Run(event) })
            }
            LogEntry::Change(entry) => Some(of_change(position, entry.clone())),
        })
    }

    /// Whether the run of a fact was deleted after the fact was read.
    async fn is_gone(&self, fact: &Sequenced) -> Result<bool> {
        Ok(self.archive.store.listing(fact.run).await?.is_none())
    }

    /// Waits until there is something after the position. False when nothing more comes.
    async fn fill(&mut self) -> Result<bool> {
        loop {
            if self.is_closed() {
                return Ok(false);
            }
            if let Some(live) = &mut self.live {
                // Before reading: what is committed while the store is being read is then seen as new.
                live.commits.mark_unchanged();
            }
            match self.archive.store.committed(self.position, self.page_size).await {
                Ok(page) => self.page.extend(page),
                Err(_) if self.is_closed() => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            if !self.page.is_empty() {
                // A filter that leaves out nearly everything would otherwise keep the thread for itself.
                tokio::task::yield_now().await;
                return Ok(true);
            }
            let Some(live) = &mut self.live else { return Ok(false) };
            if !live.something_new().await {
                return Ok(false);
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.live.as_ref().is_some_and(|live| *live.closing.borrow())
    }
}

impl Live {
    fn of(core: &Core) -> Self {
        Self { commits: core.commits.subscribe(), closing: core.closing.subscribe() }
    }

    /// Waits for the next commit. False when there will be none.
    async fn something_new(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.closing.wait_for(|closing| *closing) => false,
            changed = self.commits.changed() => changed.is_ok(),
        }
    }
}

fn of_change(position: Position, entry: AuditEntry) -> EngineEvent {
    let pipeline = entry.change.pipeline().map(Into::into);
    EngineEvent { position, pipeline, kind: EngineEventKind::Change(entry) }
}

/// Whether bytes of a piece of log are missing.
fn is_short(fact: &Sequenced, event: Option<&super::Event>) -> bool {
    match (&fact.event, event.map(|event| &event.kind)) {
        (RunEvent::LogAppended { from, to, .. }, Some(super::EventKind::Log { bytes, .. })) => {
            (bytes.len() as u64) < to - from
        }
        _ => false,
    }
}

fn unknown_position(position: Position, newest: Position) -> Error {
    let message = format!(
        "position {} is after the newest one, which is {}: it is of another data directory, or this one was restored from an \
         older backup. Look at everything again, and go on from the newest position",
        position.0, newest.0
    );
    Error::new(ErrorKind::Invalid, "unknownPosition", "events", message)
}

#[cfg(test)]
#[cfg(unix)]
impl EngineEvents {
    /// With pages of another size.
    pub(super) fn with_pages_of(mut self, entries: usize) -> Self {
        self.page_size = entries;
        self
    }

    /// How many entries are in memory.
    pub(super) fn buffered(&self) -> usize {
        self.page.len()
    }
}

#[cfg(test)]
#[cfg(unix)]
impl Live {
    pub(super) fn new(commits: watch::Receiver<u64>, closing: watch::Receiver<bool>) -> Self {
        Self { commits, closing }
    }
}
