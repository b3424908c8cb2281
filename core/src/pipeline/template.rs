//! Texts in which variables are replaced: `$NAME`, `${NAME}`, `${NAME:-default}`, `${task.KEY}`, `${task.KEY:-default}`,
//! `${hash:FILES}` and `$$`.

mod parse;
mod rename;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text in which variables are replaced; its syntax has been checked.
///
/// What is put in is never looked at again: a value with a `$` in it stays as it is.
#[derive(Clone, Default)]
pub struct Template {
    source: Arc<str>,
    parts: Arc<[Part]>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Reference { to: Reference, default: Option<String> },
}

/// A piece of a cache's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyPiece {
    /// As it is.
    Text(String),
    /// A digest of the content of files: globs, separated by commas.
    FilesHash(String),
}

/// What a template asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `$NAME` or `${NAME}`.
    Variable(String),
    /// `${task.KEY}`: what a task wrote to `$WINDLASS_OUTPUT`.
    Output {
        /// The task's name in the document, or that of a matrix instance.
        task: String,
        /// The output.
        key: String,
    },
    /// `${hash:FILES}`: a digest of the content of files.
    Hash {
        /// Globs, separated by commas.
        files: String,
    },
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "${{{name}}}"),
            Self::Output { task, key } => write!(f, "${{{task}.{key}}}"),
            Self::Hash { files } => write!(f, "${{hash:{files}}}"),
        }
    }
}

/// Where a template is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// The offset in the text, in bytes.
    pub at: usize,
    /// What is wrong there, and what to write instead.
    pub message: String,
}

/// Why a value that is only known during the run cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadValue {
    /// What failed and why.
    pub message: String,
    /// What to do next. Empty when there is nothing to say.
    pub advice: String,
}

impl BadValue {
    /// A bad value from its two parts.
    pub fn new(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { message: message.into(), advice: advice.into() }
    }
}

/// Where a template's values come from.
pub trait Scope {
    /// The value, `None` when there is none (a default then takes its place), an error when it cannot be known.
    fn value(&self, reference: &Reference) -> Result<Option<Cow<'_, str>>, BadValue>;
}

impl Template {
    /// Reads a text; the error says where a `$` is not understood.
    pub fn parse(source: impl Into<String>) -> Result<Self, TemplateError> {
        let source = source.into();
        let parts = parse::parts(&source)?;
        Ok(Self { source: source.into(), parts: parts.into() })
    }

    /// The template that gives exactly this text, whatever is in it.
    pub fn literal(text: &str) -> Self {
        let parts = if text.is_empty() { Vec::new() } else { vec![Part::Text(text.to_owned())] };
        Self { source: text.replace('$', "$$").into(), parts: parts.into() }
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it asks for, each with whether there is a default.
    pub fn references(&self) -> impl Iterator<Item = (&Reference, bool)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Reference { to, default } => Some((to, default.is_some())),
        })
    }

    /// The text with all values put in but digests of files, which stay pieces of their own: they are known only when the
    /// files are read.
    pub(crate) fn resolve_key(&self, scope: &dyn Scope) -> Result<Vec<KeyPiece>, BadValue> {
        let pieces = self.parts.iter().map(|part| match part {
            Part::Reference { to: Reference::Hash { files }, .. } => Ok(KeyPiece::FilesHash(files.clone())),
            part => Self { source: self.source.clone(), parts: Arc::from([part.clone()]) }
                .resolve(scope)
                .map(KeyPiece::Text),
        });
        pieces.collect()
    }

    /// The text with all values put in. A default takes the place of a value that is missing or empty.
    pub fn resolve(&self, scope: &dyn Scope) -> Result<String, BadValue> {
        let mut text = String::with_capacity(self.source.len());
        for part in self.parts.iter() {
            match part {
                Part::Text(piece) => text.push_str(piece),
                Part::Reference { to, default: Some(default) } => match scope.value(to)? {
                    Some(value) if !value.is_empty() => text.push_str(&value),
                    _ => text.push_str(default),
                },
                Part::Reference { to, default: None } => {
                    text.push_str(&scope.value(to)?.ok_or_else(|| no_value(to, &self.source))?);
                }
            }
        }
        Ok(text)
    }
}

fn no_value(to: &Reference, source: &str) -> BadValue {
    let message = format!("{to} in {source:?} has no value");
    match to {
        Reference::Variable(name) => BadValue::new(
            message,
            format!(
                "declare a parameter {name}, or write ${{{name}:-default}} with a value for the case that there is none"
            ),
        ),
        Reference::Output { task, key } => BadValue::new(
            message,
            format!("let {task:?} write {key}=… to \"$WINDLASS_OUTPUT\", or write ${{{task}.{key}:-default}}"),
        ),
        Reference::Hash { .. } => BadValue::new(message, "only the keys of caches can have ${hash:FILES}"),
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Template {}

impl std::hash::Hash for Template {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.source.hash(state);
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.source)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A text in which $NAME, ${NAME}, ${NAME:-default} and ${task.KEY} are replaced; $$ is a dollar sign.",
        })
    }
}
