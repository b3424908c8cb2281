//! Which of everything that is committed a subscriber gets. Pure.

use serde::Deserialize;

use super::event::{Event, LOG};
use crate::audit::Change;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::nearest;
use crate::run::RunId;
use crate::store::LogEntry;

/// Which events of an engine come. The default: everything but pieces of log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EventFilter {
    /// Only what is about these pipelines or their runs; all when empty. Changes that are about none, such as a backup, come
    /// only when it is empty.
    pub pipelines: Vec<String>,
    /// Only what is about this run.
    pub run: Option<RunId>,
    /// Only events and changes with one of these words in `type` ([`Event::TYPES`], [`Change::KINDS`]); all when empty.
    pub types: Vec<String>,
    /// Whether pieces of log come as well, also beside `types`. Otherwise they come only when `types` names `log`, and are
    /// not read from the disk.
    pub logs: bool,
    /// Whether changes that somebody made come: what the audit trail has.
    pub changes: bool,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self { pipelines: Vec::new(), run: None, types: Vec::new(), logs: false, changes: true }
    }
}

impl EventFilter {
    /// Refuses words that no event has.
    pub(super) fn check(&self) -> Result<()> {
        let known = || Event::TYPES.iter().chain(Change::KINDS).copied();
        let Some(unknown) = self.types.iter().find(|word| !known().any(|known| known == *word)) else { return Ok(()) };
        let advice = match nearest(unknown, known()) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("there is no type of event {unknown:?}: {advice}");
        Err(Error::new(ErrorKind::Invalid, "unknownEventType", "events", message))
    }

    /// Whether an entry is wanted. What concerns only the engine never is.
    pub(super) fn takes(&self, entry: &LogEntry) -> bool {
        match entry {
            LogEntry::Event(fact, pipeline) => {
                let word = Event::type_of(&fact.event);
                self.takes_place(Some(pipeline), Some(fact.run)) && word.is_some_and(|word| self.takes_event(word))
            }
            LogEntry::Change(entry) => {
                let change = &entry.change;
                self.changes && self.takes_place(change.pipeline(), change.run()) && self.takes_type(change.kind())
            }
        }
    }

    fn takes_event(&self, word: &str) -> bool {
        if word == LOG { self.logs || self.types.iter().any(|wanted| wanted == LOG) } else { self.takes_type(word) }
    }

    fn takes_type(&self, word: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|wanted| wanted == word)
    }

    fn takes_place(&self, pipeline: Option<&str>, run: Option<RunId>) -> bool {
        let pipelines = &self.pipelines;
        (pipelines.is_empty() || pipeline.is_some_and(|name| pipelines.iter().any(|wanted| wanted == name)))
            && (self.run.is_none() || self.run == run)
    }
}
