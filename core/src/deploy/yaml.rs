//! Documents of YAML as JSON, the way Kubernetes' own tools read them, with variables replaced in scalars.

use std::collections::HashMap;
use std::iter::Peekable;

use serde_json::{Map, Number, Value};
use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, options};

use super::variables::{Replaced, Substitution};

/// Deeper values are no manifest.
const MAX_DEPTH: usize = 100;
/// More values than a cluster takes in one object, aliases unfolded.
const MAX_VALUES: usize = 200_000;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    pub(super) line: usize,
    pub(super) message: String,
}

/// The documents of a text; empty ones are `null`.
pub(super) fn documents(text: &str, substitution: Substitution<'_>) -> Result<Vec<Value>, YamlError> {
    let options: Options = options! { flow_nesting_limit: MAX_DEPTH as _, block_nesting_limit: MAX_DEPTH as _ };
    let events = Parser::new_from_str_with_options(text, options).peekable();
    let mut reader = Reader { events, substitution, anchors: HashMap::new(), values: 0 };
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::DocumentStart(..) => documents.push(Value::Null),
            Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
            event => {
                let value = reader.value(event, &span, &mut Vec::new())?;
                if let Some(document) = documents.last_mut() {
                    *document = value;
                }
            }
        }
    }
    Ok(documents)
}

struct Reader<'t, 'v, I: Iterator<Item = Result<(Event<'t>, Span), ScanError>>> {
    events: Peekable<I>,
    substitution: Substitution<'v>,
    anchors: HashMap<usize, (Value, usize)>,
    values: usize,
}

impl<'t, I: Iterator<Item = Result<(Event<'t>, Span), ScanError>>> Reader<'t, '_, I> {
    /// The next event that says something.
    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, YamlError> {
        let events = self.events.by_ref();
        let event = events.find(|event| !matches!(event, Ok((Event::Comment(..), _))));
        event.transpose().map_err(|error| YamlError {
            line: error.marker().line(),
            message: format!("this is not YAML: {}", error.kind()),
        })
    }

    /// `path` holds the keys that lead to the value.
    fn value(&mut self, event: Event<'t>, span: &Span, path: &mut Vec<String>) -> Result<Value, YamlError> {
        self.count(1, span)?;
        let before = self.values;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain =
                    style == ScalarStyle::Plain && tag.as_deref().is_none_or(|tag| tag.core_suffix() != Some("str"));
                (self.scalar(&text, plain, path), anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.sequence(path)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(span, path)?, anchor),
            Event::Alias(anchor) => {
                let found = self.anchors.get(&anchor).cloned();
                let (value, size) =
                    found.ok_or_else(|| wrong(span, "this alias stands inside the value that it names"))?;
                self.count(size, span)?;
                return Ok(value);
            }
            _ => return Err(wrong(span, "a value is missing here")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), self.values - before + 1));
        }
        Ok(value)
    }

    fn sequence(&mut self, path: &mut Vec<String>) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            items.push(self.value(event, &span, path)?);
        }
        Ok(Value::Array(items))
    }

    fn mapping(&mut self, begin: &Span, path: &mut Vec<String>) -> Result<Value, YamlError> {
        let mut entries = Map::new();
        let mut merged = Vec::new();
        while let Some((event, span)) = self.next()? {
            let (key, plain) = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, style, ..) => (text.into_owned(), style == ScalarStyle::Plain),
                _ => return Err(wrong(&span, "a key must be a text")),
            };
            let Some((event, at)) = self.next()? else { return Err(wrong(begin, "this mapping never ends")) };
            path.push(key.clone());
            let value = self.value(event, &at, path)?;
            path.pop();
            if plain && key == "<<" {
                merged.push(value);
            } else if entries.insert(key.clone(), value).is_some() {
                return Err(wrong(&span, format!("the key {key:?} stands here twice")));
            }
        }
        for value in merged {
            merge(&mut entries, value).map_err(|message| wrong(begin, message))?;
        }
        Ok(Value::Object(entries))
    }

    /// A scalar without quotes that is one variable and nothing else becomes what its value looks like, except where a text is
    /// wanted: `replicas: ${COUNT}` is a number, and the label `build: ${BUILD_NUMBER}` is not.
    fn scalar(&self, text: &str, plain: bool, path: &[String]) -> Value {
        match self.substitution.replace(text) {
            Replaced::Same if plain => resolve(text),
            Replaced::Same => Value::from(text),
            Replaced::Text(text) => Value::from(text),
            Replaced::Whole(value) if plain && !wants_text(path) => match resolve(&value) {
                resolved @ (Value::Number(_) | Value::Bool(_)) => resolved,
                _ => Value::from(value),
            },
            Replaced::Whole(value) => Value::from(value),
        }
    }

    fn count(&mut self, more: usize, span: &Span) -> Result<(), YamlError> {
        self.values += more;
        if self.values > MAX_VALUES {
            return Err(wrong(span, format!("the file holds more than {MAX_VALUES} values")));
        }
        Ok(())
    }
}

/// What a merge key brings: what stands there itself goes first.
fn merge(entries: &mut Map<String, Value>, value: Value) -> Result<(), &'static str> {
    match value {
        Value::Object(more) => {
            for (key, value) in more {
                entries.entry(key).or_insert(value);
            }
            Ok(())
        }
        Value::Array(items) => items.into_iter().try_for_each(|item| merge(entries, item)),
        _ => Err("a merge key (<<) takes a mapping, or a list of them"),
    }
}

/// Whether a place takes texts only, also those that look like a number.
fn wants_text(path: &[String]) -> bool {
    const MAPS: [&str; 8] =
        ["labels", "annotations", "matchLabels", "nodeSelector", "data", "stringData", "parameters", "selector"];
    const FIELDS: [&str; 8] = ["value", "args", "command", "name", "namespace", "image", "generateName", "host"];
    let last = path.last().map(String::as_str);
    let above = path.len().checked_sub(2).and_then(|at| path.get(at)).map(String::as_str);
    last.is_some_and(|last| FIELDS.contains(&last)) || above.is_some_and(|above| MAPS.contains(&above))
}

/// What a scalar without quotes is. A number with a leading zero is octal, as Kubernetes' tools have it: `defaultMode: 0644`.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::from(text), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok();
    let octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let whole = match digits.get(..2) {
        Some("0x") => radix(&digits[2..], 16),
        Some("0o") => radix(&digits[2..], 8),
        _ if octal => radix(digits, 8),
        _ => digits.parse::<i64>().ok(),
    };
    if let Some(whole) = whole {
        return Some(Number::from(if text.starts_with('-') { -whole } else { whole }));
    }
    let is_float = digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        && digits.bytes().any(|b| b.is_ascii_digit());
    is_float.then(|| text.trim_start_matches('+').parse().ok().and_then(Number::from_f64)).flatten()
}

fn wrong(span: &Span, message: impl Into<String>) -> YamlError {
    YamlError { line: span.start.line(), message: message.into() }
}
