//! What starts a run beside a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::is_default;

/// A rule that starts runs: a schedule, or an event of a code host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Trigger {
    /// At certain times.
    Schedule(ScheduleTrigger),
    /// When something happened in a repository.
    Event(EventTrigger),
}

/// Starts runs at certain times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleTrigger {
    /// When.
    pub schedule: Schedule,
    /// An IANA time zone, such as `Europe/Berlin`. UTC when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// When a scheduled run starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Schedule {
    /// At whole multiples of so many minutes, 1 to 59.
    EveryMinutes(u8),
    /// At whole multiples of so many hours, at a minute of the hour.
    EveryHours(EveryHours),
    /// Every day at a time of day, `HH:MM`.
    Daily(String),
    /// Once a week.
    Weekly(Weekly),
    /// Once a month.
    Monthly(Monthly),
    /// By a cron expression of five fields.
    Cron(String),
}

/// Every so many hours, at a minute of the hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EveryHours {
    /// How many hours, 1 to 23.
    pub hours: u8,
    /// The minute of the hour, 0 to 59. 0 when unset.
    #[serde(default, skip_serializing_if = "is_default")]
    pub minute: u8,
}

/// Once a week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Weekly {
    /// The day.
    pub day: Weekday,
    /// The time of day, `HH:MM`.
    pub at: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Once a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Monthly {
    /// The day of the month, 1 to 31; in a shorter month its last day.
    pub day: u8,
    /// The time of day, `HH:MM`.
    pub at: String,
}

/// Starts runs when something happened in a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventTrigger {
    /// What happened.
    pub event: CodeEvent,
    /// Globs of branches. All when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
    /// Globs of changed files. All when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

/// Something that happens in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CodeEvent {
    /// Commits were pushed.
    Push,
    /// A merge request was opened or changed.
    Merge,
    /// A tag was pushed.
    Tag,
}
