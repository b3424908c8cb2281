//! Durations as people write them: `90s`, `10m`, `1h 30m`, `14days`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time, written as in `10m` or `1h 30m`; never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(Duration);

/// The longest duration that is accepted, so that adding it to a moment is always a moment.
const MAX_DURATION: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a duration ({why}); write a number and a unit, such as 90s, 10m, 1h 30m or 14days")]
pub struct DurationError {
    /// The text as it was given.
    pub text: String,
    /// What the parser stumbled over.
    pub why: String,
}

impl HumanDuration {
    /// Reads `90s`, `10m`, `1h 30m`, `14days`.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let wrong = |why: String| DurationError { text: text.to_owned(), why };
        let trimmed = text.trim();
        if trimmed.starts_with('-') {
            return Err(wrong("it is negative".to_owned()));
        }
        let duration = humantime::parse_duration(trimmed).map_err(|why| wrong(why.to_string()))?;
        if duration > MAX_DURATION {
            return Err(wrong("it is longer than 10 years".to_owned()));
        }
        Ok(Self(duration))
    }

    /// The same length as the standard library has it.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for HumanDuration {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl fmt::Debug for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for HumanDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time: a number and a unit, such as 90s, 10m, 1h 30m or 14days.",
            "examples": ["90s", "10m", "1h 30m", "14days"],
        })
    }
}
