//! `when`: a CEL expression over `params`, `trigger`, `commit`, `tasks` and bare parameter names.

mod bounds;
mod evaluate;
mod rename;
mod uses;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use cel::Program;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use bounds::Weight;
pub use evaluate::{ConditionScope, TaskFacts};
pub(super) use uses::{COMMIT_FIELDS, TRIGGER_FIELDS, Use, clashes};

/// A CEL expression that has been parsed. Two are equal when their sources are.
///
/// What it may do is bounded, so that looking at it always ends soon: no `map`, no `all`, `exists` or `filter` inside
/// another one, and `tasks` only with a name in quotes.
#[derive(Clone)]
pub struct Condition {
    source: Arc<str>,
    compiled: Arc<Compiled>,
}

struct Compiled {
    /// `None` is always true: it stands for an expression that could not be read.
    program: Option<Program>,
    uses: Vec<Use>,
    weight: Weight,
}

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl ConditionError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl Condition {
    /// Parses an expression.
    pub fn parse(source: impl Into<String>) -> Result<Self, ConditionError> {
        let source: String = source.into();
        let weight = bounds::check(&source)?;
        let (program, uses) = weight.run(|| compile(&source)).unwrap_or_else(|| Err(not_cel(&source)))?;
        Ok(Self { source: source.into(), compiled: Arc::new(Compiled { program: Some(program), uses, weight }) })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Stands for an expression that could not be read.
    pub(super) fn always() -> Self {
        Self {
            source: "true".into(),
            compiled: Arc::new(Compiled { program: None, uses: Vec::new(), weight: Weight::Small }),
        }
    }

    /// What it looks at.
    pub(super) fn uses(&self) -> &[Use] {
        &self.compiled.uses
    }
}

fn compile(source: &str) -> Result<(Program, Vec<Use>), ConditionError> {
    let program = Program::compile(source).map_err(|errors| ConditionError::new(syntax_message(source, &errors)))?;
    let uses = uses::of(program.expression())?;
    Ok((program, uses))
}

fn not_cel(source: &str) -> ConditionError {
    ConditionError::new(format!("{source:?} is not a CEL expression"))
}

fn syntax_message(source: &str, errors: &cel::ParseErrors) -> String {
    let Some(first) = errors.errors.first() else { return not_cel(source).message };
    let what = first
        .msg
        .trim_start_matches("Syntax error: ")
        .replace("mismatched input '<EOF>'", "it ends too early")
        .replace("<EOF>", "the end");
    // The parser goes on to list every token that it knows.
    let what = what.split_once(" expecting ").map_or(what.as_str(), |(what, _)| what);
    let (line, column) = first.pos;
    let place = match (line, column) {
        (1, column) if column > 0 => format!(" at character {column}"),
        (line, column) if line > 1 => format!(" at line {line}, character {column}"),
        _ => String::new(),
    };
    format!("not a CEL expression: {what}{place}; an example is TARGET == 'prod' && commit.branch == 'main'")
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.source)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A CEL expression over params, trigger, commit, tasks and parameter names.",
            "examples": ["TARGET == 'prod' && commit.branch == 'main'"],
        })
    }
}
