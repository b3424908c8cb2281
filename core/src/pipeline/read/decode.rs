//! The kit that turns a tree into typed values and goes on after a mistake: what cannot be read is reported, and a
//! stand-in takes its place, so that the rest is looked at as well.

use std::num::NonZeroU32;

use indexmap::IndexMap;

use super::scalar::{json_number, whole_number};
use super::tree::{Entry, Kind, Node, shorten};
use crate::pipeline::check::Broken;
use crate::pipeline::condition::Condition;
use crate::pipeline::duration::HumanDuration;
use crate::pipeline::name::{CredentialName, ExecutorName, PipelineName, StageName, TaskName, VariableName};
use crate::pipeline::path::{Path, Segment};
use crate::pipeline::problem::{Finding, Findings, Position, nearest};
use crate::pipeline::template::Template;

/// A type that can be read from a tree.
pub(super) trait Decode: Sized {
    /// Reads the value; reports what is wrong and gives a stand-in then.
    fn decode(node: &Node, decoder: &mut Decoder) -> Self;
    /// What stands for a value that could not be read. A definition with one in it is never handed out.
    fn stand_in() -> Self;
}

/// What has been found so far, and where the reading is.
#[derive(Default)]
pub(super) struct Decoder {
    pub(super) findings: Findings,
    /// Names that were written but cannot be names; references to them are not reported a second time.
    pub(super) broken: Broken,
    path: Path,
}

impl Decoder {
    pub(super) fn report(&mut self, at: Position, message: impl Into<String>) {
        let finding =
            Finding { path: self.path.clone(), position: Some(at), message: message.into(), suggestion: None };
        self.findings.push(finding);
    }

    pub(super) fn wanted<T: Decode>(&mut self, wanted: &str, node: &Node) -> T {
        let found = node.describe();
        let advice = match &node.kind {
            Kind::Null => "; write one, or leave the key out".to_owned(),
            Kind::Bool(value) if wanted.contains("text") => format!("; put it in quotes: \"{value}\""),
            Kind::Number(text) if wanted.contains("text") => format!("; put it in quotes: \"{text}\""),
            _ => String::new(),
        };
        self.report(node.at, format!("{wanted} is wanted here, found {found}{advice}"));
        T::stand_in()
    }

    pub(super) fn inside<T>(&mut self, segment: Segment, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(segment);
        let value = read(self);
        self.path.pop();
        value
    }

    /// Reports a key that is not known, with the nearest that is; gives that one.
    fn unknown_key(&mut self, entry: &Entry, keys: &[&'static str]) -> Option<String> {
        let suggestion = nearest(&entry.key, keys.iter().copied());
        let known = if suggestion.is_none() { format!("; known are {}", keys.join(", ")) } else { String::new() };
        self.findings.push(Finding {
            path: self.path.clone(),
            position: Some(entry.key_at),
            message: format!("unknown key {:?}{known}", shorten(&entry.key)),
            suggestion: suggestion.clone(),
        });
        suggestion
    }
}

/// The entries of a mapping with known keys.
pub(super) struct Fields<'a> {
    at: Position,
    entries: Vec<&'a Entry>,
    is_map: bool,
    /// The known keys that were probably meant by unknown ones.
    pub(super) meant: Vec<String>,
}

impl<'a> Fields<'a> {
    /// Looks at the keys: unknown and duplicate ones are reported.
    pub(super) fn open(node: &'a Node, decoder: &mut Decoder, keys: &[&'static str]) -> Self {
        let mut fields = Self { at: node.at, entries: Vec::new(), is_map: true, meant: Vec::new() };
        let Kind::Map(entries) = &node.kind else {
            let found = node.describe();
            // All keys of a task are more than anybody reads.
            let known = if keys.len() <= 8 { format!(" with the keys {}", keys.join(", ")) } else { String::new() };
            decoder.report(node.at, format!("a mapping{known} is wanted here, found {found}"));
            fields.is_map = false;
            return fields;
        };
        for entry in unique(entries, decoder) {
            if keys.contains(&entry.key.as_str()) {
                fields.entries.push(entry);
            } else {
                fields.meant.extend(decoder.unknown_key(entry, keys));
            }
        }
        fields
    }

    pub(super) fn is_map(&self) -> bool {
        self.is_map
    }

    pub(super) fn required<T: Decode>(&self, key: &'static str, decoder: &mut Decoder) -> T {
        if let Some(value) = self.optional(key, decoder) {
            return value;
        }
        if self.is_map && !self.meant.iter().any(|meant| meant == key) {
            decoder.report(self.at, format!("the key {key:?} is missing"));
        }
        T::stand_in()
    }

    pub(super) fn optional<T: Decode>(&self, key: &'static str, decoder: &mut Decoder) -> Option<T> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(decoder.inside(Segment::Key(key.into()), |decoder| T::decode(&entry.value, decoder)))
    }

    pub(super) fn default<T: Decode>(&self, key: &'static str, decoder: &mut Decoder, default: T) -> T {
        self.optional(key, decoder).unwrap_or(default)
    }
}

/// The entries whose key did not come before; the others are reported.
fn unique<'a>(entries: &'a [Entry], decoder: &mut Decoder) -> Vec<&'a Entry> {
    let mut seen: std::collections::HashMap<&str, Position> = std::collections::HashMap::new();
    let mut kept = Vec::with_capacity(entries.len());
    for entry in entries {
        match seen.get(entry.key.as_str()) {
            None => {
                seen.insert(&entry.key, entry.key_at);
                kept.push(entry);
            }
            Some(first) => {
                let line = first.line;
                decoder.report(entry.key_at, format!("duplicate key {:?}, first on line {line}", shorten(&entry.key)));
            }
        }
    }
    kept
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        let Kind::List(items) = &node.kind else { return decoder.wanted("a list", node) };
        items
            .iter()
            .enumerate()
            .map(|(at, item)| decoder.inside(Segment::Item(at), |decoder| T::decode(item, decoder)))
            .collect()
    }
    fn stand_in() -> Self {
        Self::new()
    }
}

impl<T: Decode> Decode for IndexMap<String, T> {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        let Kind::Map(entries) = &node.kind else { return decoder.wanted("a mapping", node) };
        unique(entries, decoder)
            .into_iter()
            .map(|entry| {
                let segment = Segment::Key(entry.key.clone().into());
                (entry.key.clone(), decoder.inside(segment, |decoder| T::decode(&entry.value, decoder)))
            })
            .collect()
    }
    fn stand_in() -> Self {
        Self::new()
    }
}

impl<T: Decode> Decode for IndexMap<VariableName, T> {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        let Kind::Map(entries) = &node.kind else { return decoder.wanted("a mapping", node) };
        unique(entries, decoder)
            .into_iter()
            .map(|entry| {
                let segment = Segment::Key(entry.key.clone().into());
                let key = Node { kind: Kind::Text(entry.key.clone()), at: entry.key_at };
                decoder
                    .inside(segment, |decoder| (VariableName::decode(&key, decoder), T::decode(&entry.value, decoder)))
            })
            .collect()
    }
    fn stand_in() -> Self {
        Self::new()
    }
}

/// A text that must follow a rule; the error says which one it breaks.
fn checked<T: Decode, E: std::fmt::Display>(
    wanted: &str,
    node: &Node,
    decoder: &mut Decoder,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> T {
    let Kind::Text(text) = &node.kind else { return decoder.wanted(wanted, node) };
    match read(text) {
        Ok(value) => value,
        Err(error) => {
            decoder.report(node.at, error.to_string());
            T::stand_in()
        }
    }
}

impl Decode for String {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        checked("a text", node, decoder, |text| Ok::<_, std::convert::Infallible>(text.to_owned()))
    }
    fn stand_in() -> Self {
        Self::new()
    }
}

impl Decode for bool {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        match node.kind {
            Kind::Bool(value) => value,
            _ => decoder.wanted("true or false", node),
        }
    }
    fn stand_in() -> Self {
        false
    }
}

/// A whole number between two others.
fn whole<T: Decode + TryFrom<i64>>(node: &Node, decoder: &mut Decoder, from: i64, to: i64) -> T {
    let wanted = format!("a whole number from {from} to {to}");
    let number = match &node.kind {
        Kind::Number(text) => whole_number(text).filter(|number| (from..=to).contains(number)),
        _ => None,
    };
    match number.and_then(|number| T::try_from(number).ok()) {
        Some(number) => number,
        None => decoder.wanted(&wanted, node),
    }
}

impl Decode for u8 {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        whole(node, decoder, 0, 255)
    }
    fn stand_in() -> Self {
        1
    }
}

impl Decode for u16 {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        whole(node, decoder, 1, 65_535)
    }
    fn stand_in() -> Self {
        1
    }
}

impl Decode for NonZeroU32 {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        let number: Positive = whole(node, decoder, 1, i64::from(u32::MAX));
        number.0
    }
    fn stand_in() -> Self {
        Self::MIN
    }
}

struct Positive(NonZeroU32);

impl TryFrom<i64> for Positive {
    type Error = ();
    fn try_from(number: i64) -> Result<Self, ()> {
        u32::try_from(number).ok().and_then(NonZeroU32::new).map(Self).ok_or(())
    }
}

impl Decode for Positive {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        Self(NonZeroU32::decode(node, decoder))
    }
    fn stand_in() -> Self {
        Self(NonZeroU32::MIN)
    }
}

impl Decode for Template {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        checked("a text", node, decoder, |text| {
            Template::parse(text).map_err(|error| format!("in {:?} at byte {}: {error}", shorten(text), error.at))
        })
    }
    fn stand_in() -> Self {
        Self::default()
    }
}

impl Decode for Condition {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        checked("a text with a CEL expression", node, decoder, |text| Condition::parse(text))
    }
    fn stand_in() -> Self {
        Self::always()
    }
}

impl Decode for HumanDuration {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        match &node.kind {
            Kind::Number(text) => {
                let message =
                    format!("{text} is not a duration (the unit is missing); write for example {text}s or {text}m");
                decoder.report(node.at, message);
                Self::stand_in()
            }
            _ => checked("a duration such as 90s, 10m or 1h 30m", node, decoder, Self::parse),
        }
    }
    fn stand_in() -> Self {
        std::time::Duration::ZERO.into()
    }
}

impl Decode for serde_json::Value {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        match &node.kind {
            Kind::Null => Self::Null,
            Kind::Bool(value) => Self::Bool(*value),
            Kind::Number(text) => match json_number(text) {
                Some(number) => Self::Number(number),
                None => decoder.wanted("a finite number", node),
            },
            Kind::Text(text) => Self::String(text.clone()),
            Kind::List(_) => Self::Array(Vec::decode(node, decoder)),
            Kind::Map(_) => Self::Object(IndexMap::<String, Self>::decode(node, decoder).into_iter().collect()),
        }
    }
    fn stand_in() -> Self {
        Self::Null
    }
}

macro_rules! names {
    ($($name:ident $(=> $broken:ident)?),*) => {$(
        impl Decode for $name {
            fn decode(node: &Node, decoder: &mut Decoder) -> Self {
                $(if let Kind::Text(text) | Kind::Number(text) = &node.kind && $name::new(text).is_err() {
                    decoder.broken.$broken.insert(text.clone());
                })?
                checked("a text", node, decoder, |text| $name::new(text))
            }
            fn stand_in() -> Self {
                $name::stand_in()
            }
        }
    )*};
}

names!(PipelineName, StageName, TaskName => tasks, ExecutorName, CredentialName, VariableName => variables);
