//! YAML to the tree. Events come one by one, so that nesting and aliases are bounded before anything is built.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, Tag, options};

use super::Broken;
use super::budget::{MAX_ALIASED, MAX_DEPTH, MAX_NODES};
use super::scalar;
use super::tree::{Entry, Kind, Node};
use crate::pipeline::problem::Position;

pub(super) fn parse(text: &str) -> Result<Node, Broken> {
    let options: Options = options! { flow_nesting_limit: MAX_DEPTH as _, block_nesting_limit: MAX_DEPTH as _ };
    let mut builder = Builder::default();
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| scan_error(&error))?;
        match event {
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    return Err(Broken::new(
                        position(&span),
                        "a second document begins here; a file holds one pipeline",
                    ));
                }
            }
            event => builder.event(event, &span)?,
        }
    }
    builder.root.ok_or_else(|| Broken::new(None, "the file holds no value; a pipeline begins with name: and stages:"))
}

fn position(span: &Span) -> Option<Position> {
    Some(place(span))
}

fn place(span: &Span) -> Position {
    Position { line: span.start.line() as u32, column: span.start.col() as u32 + 1 }
}

fn scan_error(error: &ScanError) -> Broken {
    let at = error.marker();
    let place = Position { line: at.line() as u32, column: at.col() as u32 + 1 };
    let what = error.kind().to_string();
    let message = match what.as_str() {
        what if what.contains("nesting") || what.contains("recursion") => too_deep(),
        what if what.contains("tab") => format!("not YAML: {what}; indent with spaces"),
        what => format!("not YAML: {what}"),
    };
    Broken::new(Some(place), message)
}

fn too_deep() -> String {
    format!("values are nested more than {MAX_DEPTH} deep")
}

/// A list or mapping that is not closed yet.
enum Open {
    List { items: Vec<Node>, at: Position, anchor: usize },
    Map { entries: Vec<Entry>, key: Option<(String, Position)>, at: Position, anchor: usize },
}

/// A finished value with what it would cost to have it once more.
struct Anchored {
    node: Node,
    size: usize,
    depth: usize,
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    aliased: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Broken> {
        let at = place(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.no_merge_key(&text, style, at)?;
                let kind = scalar_kind(&text, style, tag.as_deref(), at)?;
                self.value(Node { kind, at }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                collection_tag(tag, "seq", at)?;
                self.start(Open::List { items: Vec::new(), at, anchor }, at)
            }
            Event::MappingStart(_, anchor, tag) => {
                collection_tag(tag, "map", at)?;
                self.start(Open::Map { entries: Vec::new(), key: None, at, anchor }, at)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { items, at, anchor }) => self.value(Node { kind: Kind::List(items), at }, anchor),
                Some(Open::Map { entries, at, anchor, .. }) => {
                    self.value(Node { kind: Kind::Map(entries), at }, anchor)
                }
                None => Ok(()),
            },
            Event::Alias(id) => self.alias(id, at),
            _ => Ok(()),
        }
    }

    /// In quotes `<<` is a key like any other.
    fn no_merge_key(&self, text: &str, style: ScalarStyle, at: Position) -> Result<(), Broken> {
        let is_key = matches!(self.open.last(), Some(Open::Map { key: None, .. }));
        if !is_key || style != ScalarStyle::Plain || text != "<<" {
            return Ok(());
        }
        let message = "merge keys (<<) are not part of YAML 1.2 and not read; write the keys out, or use an alias for a whole value";
        Err(Broken::new(Some(at), message))
    }

    fn start(&mut self, open: Open, at: Position) -> Result<(), Broken> {
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err(Broken::new(Some(at), "a key must be a text, not a list or mapping"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Broken::new(Some(at), too_deep()));
        }
        self.open.push(open);
        Ok(())
    }

    fn alias(&mut self, id: usize, at: Position) -> Result<(), Broken> {
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(Broken::new(Some(at), "this alias stands inside the value that it names"));
        };
        if self.open.len() + anchored.depth > MAX_DEPTH {
            return Err(Broken::new(Some(at), too_deep()));
        }
        self.aliased += anchored.size;
        if self.aliased > MAX_ALIASED {
            let message =
                format!("the aliases up to here unfold to more than {MAX_ALIASED} values; write them out, or fewer");
            return Err(Broken::new(Some(at), message));
        }
        let node = anchored.node.clone();
        self.value(node, 0)
    }

    fn value(&mut self, node: Node, anchor: usize) -> Result<(), Broken> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Broken::new(Some(node.at), format!("the document has more than {MAX_NODES} values")));
        }
        if anchor != 0 {
            let (size, depth) = measure(&node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, depth });
            self.aliased += size;
            if self.aliased > MAX_ALIASED {
                let message = format!("anchors and aliases hold more than {MAX_ALIASED} values; use fewer of them");
                return Err(Broken::new(Some(node.at), message));
            }
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some((key, key_at)) => entries.push(Entry { key, key_at, value: node }),
                None => *key = Some(key_of(node)?),
            },
        }
        Ok(())
    }
}

/// How many values it holds, and how deep it is.
fn measure(node: &Node) -> (usize, usize) {
    let below: Vec<(usize, usize)> = match &node.kind {
        Kind::List(items) => items.iter().map(measure).collect(),
        Kind::Map(entries) => entries.iter().map(|entry| measure(&entry.value)).collect(),
        _ => return (1, 0),
    };
    let size = below.iter().map(|(size, _)| size).sum::<usize>();
    (size + 1, below.iter().map(|(_, depth)| *depth).max().unwrap_or(0) + 1)
}

fn key_of(node: Node) -> Result<(String, Position), Broken> {
    let at = node.at;
    match node.kind {
        Kind::Text(text) | Kind::Number(text) => Ok((text, at)),
        Kind::Bool(value) => Ok((value.to_string(), at)),
        Kind::Null => Err(Broken::new(Some(at), "a key is missing here")),
        Kind::List(_) | Kind::Map(_) => Err(Broken::new(Some(at), "a key must be a text, not a list or mapping")),
    }
}

fn scalar_kind(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> Result<Kind, Broken> {
    match tag {
        None if style == ScalarStyle::Plain => Ok(scalar::plain(text)),
        None => Ok(Kind::Text(text.to_owned())),
        Some(tag) => match tag.core_suffix() {
            Some("str") => Ok(Kind::Text(text.to_owned())),
            Some("int" | "float" | "bool" | "null") => Ok(scalar::plain(text)),
            _ => Err(unknown_tag(tag, at)),
        },
    }
}

fn collection_tag(tag: Option<Cow<'_, Tag>>, expected: &str, at: Position) -> Result<(), Broken> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(expected) => Err(unknown_tag(&tag, at)),
        _ => Ok(()),
    }
}

fn unknown_tag(tag: &Tag, at: Position) -> Broken {
    Broken::new(Some(at), format!("the tag {:?} has no meaning in a pipeline; leave it out", tag.original()))
}
