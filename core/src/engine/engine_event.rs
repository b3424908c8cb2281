//! An event of the whole engine: of any of its runs, or a change that somebody made.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::event::{Event, EventKind};
use crate::audit::{AuditEntry, Change};
use crate::store::Position;

/// Something that happened in an engine, with its place in the order of everything.
///
/// Its JSON is one line: that of the event or the change, with `position` and, where it is about one, `pipeline`. Events of
/// runs have `seq`, changes do not.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineEvent {
    /// Its place. Keep that of the newest one that was dealt with, to go on from there.
    pub position: Position,
    /// The pipeline that it is about, or whose run it is about.
    pub pipeline: Option<Arc<str>>,
    /// What happened.
    pub kind: EngineEventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineEventKind {
    /// A fact about a run.
    Run(Event),
    /// A change that somebody made.
    Change(AuditEntry),
}

impl EngineEvent {
    /// The word in the JSON's `type`.
    pub fn type_name(&self) -> &'static str {
        match &self.kind {
            EngineEventKind::Run(event) => event.type_name(),
            EngineEventKind::Change(entry) => entry.change.kind(),
        }
    }
}

#[derive(Serialize)]
struct RunLine<'a> {
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<&'a str>,
    #[serde(flatten)]
    event: &'a Event,
}

#[derive(Serialize)]
struct ChangeLine<'a> {
    position: Position,
    time: String,
    by: &'a str,
    #[serde(flatten)]
    change: &'a Change,
}

impl Serialize for EngineEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let position = self.position;
        match &self.kind {
            EngineEventKind::Run(event) => {
                // This one has the name among its own fields.
                let has_it = matches!(event.kind, EventKind::RunQueued { .. });
                let pipeline = self.pipeline.as_deref().filter(|_| !has_it);
                RunLine { position, pipeline, event }.serialize(serializer)
            }
            EngineEventKind::Change(AuditEntry { at, by, change }) => {
                ChangeLine { position, time: format!("{:.3}", at.wall), by, change }.serialize(serializer)
            }
        }
    }
}

impl fmt::Display for EngineEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            EngineEventKind::Run(event) => {
                write!(f, "{} {}: {event}", self.pipeline.as_deref().unwrap_or_default(), event.run)
            }
            EngineEventKind::Change(AuditEntry { by, change, .. }) => {
                let about = match (change.run(), change.pipeline()) {
                    (Some(run), pipeline) => format!(": {} {run}", pipeline.unwrap_or_default()),
                    (None, Some(pipeline)) => format!(": {pipeline}"),
                    (None, None) => String::new(),
                };
                let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
                write!(f, "{}{by}{about}", Words(change.kind()))
            }
        }
    }
}

/// A camelCase word as words.
struct Words(&'static str);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if character.is_ascii_uppercase() {
                f.write_str(" ")?;
            }
            write!(f, "{}", character.to_ascii_lowercase())?;
        }
        Ok(())
    }
}
