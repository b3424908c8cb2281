//! JSON to the tree.

use jsonc_parser::ast::{ObjectPropName, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};

use super::Broken;
use super::budget::{MAX_DEPTH, MAX_NODES};
use super::tree::{Entry, Kind, Node};
use crate::pipeline::problem::Position;

pub(super) fn parse(text: &str) -> Result<Node, Broken> {
    depth(text)?;
    let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false };
    let parsed = parse_to_ast(text, &collect, &strict()).map_err(|error| {
        let what = error.kind().to_string();
        Broken::new(
            Some(Cursor::default().position(text, error.range().start)),
            format!("not JSON: {}", lower_first(&what)),
        )
    })?;
    // The parser that knows places lets control characters and numbers such as 01 pass.
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let place = Position { line: error.line() as u32, column: error.column() as u32 };
        let what = error.to_string();
        let what = what.split_once(" at line ").map_or(what.as_str(), |(what, _)| what);
        return Err(Broken::new(Some(place), format!("not JSON: {what}")));
    }
    let Some(value) = parsed.value else {
        return Err(Broken::new(None, "the file holds no value; a pipeline begins with {\"name\": …"));
    };
    let mut builder = Builder { text, cursor: Cursor::default(), nodes: 0 };
    builder.node(value)
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// Refuses deep nesting before a parser that recurses sees it.
fn depth(text: &str) -> Result<(), Broken> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                if depth > MAX_DEPTH {
                    let message = format!("values are nested more than {MAX_DEPTH} deep");
                    return Err(Broken::new(Some(Cursor::default().position(text, at)), message));
                }
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

struct Builder<'a> {
    text: &'a str,
    cursor: Cursor,
    nodes: usize,
}

impl Builder<'_> {
    fn node(&mut self, value: Value<'_>) -> Result<Node, Broken> {
        let at = self.cursor.position(self.text, value.range().start);
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Broken::new(Some(at), format!("the document has more than {MAX_NODES} values")));
        }
        let kind = match value {
            Value::NullKeyword(_) => Kind::Null,
            Value::BooleanLit(literal) => Kind::Bool(literal.value),
            Value::NumberLit(literal) => Kind::Number(literal.value.to_owned()),
            Value::StringLit(literal) => Kind::Text(literal.value.into_owned()),
            Value::Array(array) => {
                Kind::List(array.elements.into_iter().map(|item| self.node(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(object) => Kind::Map(
                object
                    .properties
                    .into_iter()
                    .map(|property| {
                        let key_at = self.cursor.position(self.text, property.name.range().start);
                        let key = match property.name {
                            ObjectPropName::String(name) => name.value.into_owned(),
                            ObjectPropName::Word(name) => name.value.to_owned(),
                        };
                        Ok(Entry { key, key_at, value: self.node(property.value)? })
                    })
                    .collect::<Result<_, Broken>>()?,
            ),
        };
        Ok(Node { kind, at })
    }
}

/// Turns offsets into lines and columns. Offsets mostly grow, and one long line must not be counted again for each value.
#[derive(Default)]
struct Cursor {
    offset: usize,
    position: Option<Position>,
}

impl Cursor {
    fn position(&mut self, text: &str, offset: usize) -> Position {
        let (start, mut position) = match self.position {
            Some(position) if self.offset <= offset => (self.offset, position),
            _ => (0, Position { line: 1, column: 1 }),
        };
        for character in text.get(start..offset).unwrap_or_default().chars() {
            if character == '\n' {
                position = Position { line: position.line + 1, column: 1 };
            } else {
                position.column += 1;
            }
        }
        *self = Self { offset, position: Some(position) };
        position
    }
}
