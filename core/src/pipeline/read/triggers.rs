//! Triggers: a mapping with `schedule`, or one with `event`.

use super::decode::{Decode, Decoder, Fields};
use super::record::{record, words};
use super::tree::{Kind, Node};
use crate::pipeline::trigger::*;

impl Decode for Trigger {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        let is_schedule =
            matches!(&node.kind, Kind::Map(entries) if entries.iter().any(|entry| entry.key == "schedule"));
        let is_event = matches!(&node.kind, Kind::Map(entries) if entries.iter().any(|entry| entry.key == "event"));
        match (is_schedule, is_event) {
            (true, false) => Self::Schedule(ScheduleTrigger::decode(node, decoder)),
            (false, true) => Self::Event(EventTrigger::decode(node, decoder)),
            (true, true) => {
                decoder.report(node.at, "a trigger has schedule or event, not both; make two triggers");
                Self::stand_in()
            }
            (false, false) => {
                let fields = Fields::open(node, decoder, &["schedule", "event", "branches", "paths"]);
                if fields.is_map() && fields.meant.is_empty() {
                    decoder.report(node.at, "the key \"schedule\" or \"event\" is missing");
                }
                Self::stand_in()
            }
        }
    }
    fn stand_in() -> Self {
        Self::Event(EventTrigger::stand_in())
    }
}

record!(ScheduleTrigger { schedule: "schedule" = required });

impl Decode for Schedule {
    fn decode(node: &Node, decoder: &mut Decoder) -> Self {
        let document = ScheduleDocument::decode(node, decoder);
        if !matches!(&node.kind, Kind::Map(_)) {
            return Self::stand_in();
        }
        match Self::try_from(document) {
            Ok(schedule) => schedule,
            Err(error) => {
                decoder.report(node.at, error.to_string());
                Self::stand_in()
            }
        }
    }
    fn stand_in() -> Self {
        Self { rule: ScheduleRule::EveryMinutes(1), time_zone: None }
    }
}

record!(ScheduleDocument {
    every_minutes: "everyMinutes" = optional,
    every_hours: "everyHours" = optional,
    minute: "minute" = optional,
    daily: "daily" = optional,
    weekly: "weekly" = optional,
    monthly: "monthly" = optional,
    cron: "cron" = optional,
    time_zone: "timeZone" = optional,
});

record!(Weekly { day: "day" = required, at: "at" = required });

record!(Monthly { day: "day" = required, at: "at" = required });

record!(EventTrigger {
    event: "event" = required,
    branches: "branches" = default(Vec::new()),
    paths: "paths" = default(Vec::new()),
});

words!(CodeEvent { Push = "push", Merge = "merge", Tag = "tag" });

words!(Weekday {
    Monday = "monday",
    Tuesday = "tuesday",
    Wednesday = "wednesday",
    Thursday = "thursday",
    Friday = "friday",
    Saturday = "saturday",
    Sunday = "sunday",
});
