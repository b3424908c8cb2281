//! Texts in which variables are replaced: `$NAME`, `${NAME}`, `${NAME:-default}`, `${task.KEY}`, `${hash:FILES}`, `$$`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text in which variables are replaced; its syntax has been checked.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Template {
    source: String,
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

impl Template {
    /// Reads a text; the error says where a `$` is not understood.
    pub fn parse(source: impl Into<String>) -> Result<Self, TemplateError> {
        Ok(Self { source: source.into() })
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
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
