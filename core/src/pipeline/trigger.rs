//! What starts a run beside a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

/// When a scheduled run starts.
///
/// In the document the rule is a key of the schedule itself: `{everyHours: 2, minute: 28, timeZone: Europe/Berlin}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "ScheduleDocument", into = "ScheduleDocument")]
#[schemars(with = "ScheduleDocument")]
pub struct Schedule {
    /// The rule.
    pub rule: ScheduleRule,
    /// An IANA time zone, such as `Europe/Berlin`. UTC when unset.
    pub time_zone: Option<String>,
}

/// The rule of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleRule {
    /// At whole multiples of so many minutes, 1 to 59.
    EveryMinutes(u8),
    /// At whole multiples of so many hours.
    EveryHours {
        /// How many hours, 1 to 23.
        hours: u8,
        /// The minute of the hour, 0 to 59.
        minute: u8,
    },
    /// Every day at a time of day, `HH:MM`.
    Daily(String),
    /// Once a week.
    Weekly(Weekly),
    /// Once a month.
    Monthly(Monthly),
    /// By a cron expression of five fields.
    Cron(String),
}

/// The form of a schedule in the document: exactly one rule, and perhaps a time zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Schedule")]
pub(super) struct ScheduleDocument {
    /// At whole multiples of so many minutes, 1 to 59.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 59))]
    pub(super) every_minutes: Option<u8>,
    /// At whole multiples of so many hours, 1 to 23.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 23))]
    pub(super) every_hours: Option<u8>,
    /// With `everyHours`: the minute of the hour, 0 to 59. 0 when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 59))]
    pub(super) minute: Option<u8>,
    /// Every day at a time of day, `HH:MM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) daily: Option<String>,
    /// Once a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) weekly: Option<Weekly>,
    /// Once a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) monthly: Option<Monthly>,
    /// By a cron expression of five fields: minute, hour, day of the month, month, day of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cron: Option<String>,
    /// An IANA time zone, such as `Europe/Berlin`. UTC when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) time_zone: Option<String>,
}

/// Why the keys of a schedule do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScheduleError {
    #[error(
        "a schedule has exactly one of everyMinutes, everyHours, daily, weekly, monthly and cron, this one has {0}"
    )]
    Rules(usize),
    #[error("minute goes only with everyHours")]
    Minute,
}

impl TryFrom<ScheduleDocument> for Schedule {
    type Error = ScheduleError;
    fn try_from(document: ScheduleDocument) -> Result<Self, ScheduleError> {
        let ScheduleDocument { every_minutes, every_hours, minute, daily, weekly, monthly, cron, time_zone } = document;
        if minute.is_some() && every_hours.is_none() {
            return Err(ScheduleError::Minute);
        }
        let mut rules: Vec<ScheduleRule> = [
            every_minutes.map(ScheduleRule::EveryMinutes),
            every_hours.map(|hours| ScheduleRule::EveryHours { hours, minute: minute.unwrap_or(0) }),
            daily.map(ScheduleRule::Daily),
            weekly.map(ScheduleRule::Weekly),
            monthly.map(ScheduleRule::Monthly),
            cron.map(ScheduleRule::Cron),
        ]
        .into_iter()
        .flatten()
        .collect();
        match (rules.pop(), rules.len()) {
            (Some(rule), 0) => Ok(Self { rule, time_zone }),
            (last, others) => Err(ScheduleError::Rules(others + usize::from(last.is_some()))),
        }
    }
}

impl From<Schedule> for ScheduleDocument {
    fn from(schedule: Schedule) -> Self {
        let empty = Self { time_zone: schedule.time_zone, ..Self::default() };
        match schedule.rule {
            ScheduleRule::EveryMinutes(minutes) => Self { every_minutes: Some(minutes), ..empty },
            ScheduleRule::EveryHours { hours, minute } => {
                Self { every_hours: Some(hours), minute: (minute > 0).then_some(minute), ..empty }
            }
            ScheduleRule::Daily(at) => Self { daily: Some(at), ..empty },
            ScheduleRule::Weekly(weekly) => Self { weekly: Some(weekly), ..empty },
            ScheduleRule::Monthly(monthly) => Self { monthly: Some(monthly), ..empty },
            ScheduleRule::Cron(expression) => Self { cron: Some(expression), ..empty },
        }
    }
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
