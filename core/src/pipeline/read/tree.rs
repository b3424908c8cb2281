//! A document as a tree in which every value knows its place.

use crate::pipeline::path::{Path, Segment};
use crate::pipeline::problem::Position;

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) at: Position,
}

/// A value. Its depth is bounded by the parsers, so that walking and dropping it may recurse.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    /// As it was written, since `3.10` shall be shown as `3.10`.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Position,
    pub(super) value: Node,
}

impl Node {
    /// The place of the value at a path; that of the nearest value above it when there is none.
    pub(super) fn locate(&self, path: &Path) -> Option<Position> {
        let mut node = self;
        let mut position = self.at;
        for segment in path.segments() {
            match (segment, &node.kind) {
                (Segment::Key(key), Kind::Map(entries)) => {
                    let Some(entry) = entries.iter().find(|entry| entry.key == *key) else { break };
                    node = &entry.value;
                    position = if matches!(node.kind, Kind::List(_) | Kind::Map(_)) { entry.key_at } else { node.at };
                }
                (Segment::Item(index), Kind::List(items)) => {
                    let Some(item) = items.get(*index) else { break };
                    node = item;
                    position = item.at;
                }
                _ => break,
            }
        }
        Some(position)
    }

    /// What it is, for messages.
    pub(super) fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Bool(value) => format!("{value}"),
            Kind::Number(text) => format!("the number {text}"),
            Kind::Text(text) => format!("the text {:?}", shorten(text)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// The beginning of a text, for messages.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
