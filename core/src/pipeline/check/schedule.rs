//! Triggers: ranges, times of day, time zones and cron expressions.

use crate::pipeline::path::Path;
use crate::pipeline::problem::Findings;
use crate::pipeline::trigger::{Schedule, ScheduleRule, Trigger};

pub(super) fn check(triggers: &[Trigger], findings: &mut Findings) {
    for (at, trigger) in triggers.iter().enumerate() {
        if let Trigger::Schedule(trigger) = trigger {
            schedule(&trigger.schedule, &Path::root().key("triggers").item(at).key("schedule"), findings);
        }
    }
}

fn schedule(schedule: &Schedule, path: &Path, findings: &mut Findings) {
    match &schedule.rule {
        ScheduleRule::EveryMinutes(minutes) => range(*minutes, 1, 59, path.key("everyMinutes"), findings),
        ScheduleRule::EveryHours { hours, minute } => {
            range(*hours, 1, 23, path.key("everyHours"), findings);
            range(*minute, 0, 59, path.key("minute"), findings);
        }
        ScheduleRule::Daily(at) => time_of_day(at, path.key("daily"), findings),
        ScheduleRule::Weekly(weekly) => time_of_day(&weekly.at, path.key("weekly").key("at"), findings),
        ScheduleRule::Monthly(monthly) => {
            range(monthly.day, 1, 31, path.key("monthly").key("day"), findings);
            time_of_day(&monthly.at, path.key("monthly").key("at"), findings);
        }
        ScheduleRule::Cron(expression) => {
            if let Err(message) = cron(expression) {
                findings.report(path.key("cron"), message);
            }
        }
    }
    if let Some(zone) = &schedule.time_zone
        && !is_zone(zone)
    {
        let message = format!("{zone:?} is not a time zone; write an IANA name such as Europe/Berlin, or UTC");
        findings.report(path.key("timeZone"), message);
    }
}

fn range(number: u8, from: u8, to: u8, path: Path, findings: &mut Findings) {
    if !(from..=to).contains(&number) {
        findings.report(path, format!("{number} is out of range; write a number from {from} to {to}"));
    }
}

fn time_of_day(text: &str, path: Path, findings: &mut Findings) {
    let number = |part: &str, below: u8| {
        part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()) && part.parse::<u8>().is_ok_and(|n| n < below)
    };
    if !text.split_once(':').is_some_and(|(hour, minute)| number(hour, 24) && number(minute, 60)) {
        findings.report(path, format!("{text:?} is not a time of day; write HH:MM, such as 08:30"));
    }
}

/// The form only: whether the machine knows the zone is seen when the schedule is set up.
fn is_zone(text: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
    };
    text.len() <= 64 && text.split('/').all(part)
}

const FIELDS: [(&str, u32, u32, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]),
    ("day of the week", 0, 7, &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]),
];

fn cron(expression: &str) -> Result<(), String> {
    let parts: Vec<&str> = expression.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!(
            "a cron expression has five fields (minute, hour, day of the month, month, day of the week), {expression:?} has {}",
            parts.len()
        ));
    }
    for (part, (name, from, to, words)) in parts.into_iter().zip(FIELDS) {
        let value = |text: &str| match words.iter().position(|word| word.eq_ignore_ascii_case(text)) {
            Some(at) => Some(at as u32 + from),
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok().filter(|n| (from..=to).contains(n)),
            None => None,
        };
        if !part.split(',').all(|item| is_cron_item(item, &value)) {
            return Err(format!(
                "{part:?} is not understood as the {name} of a cron expression; it goes from {from} to {to}"
            ));
        }
    }
    Ok(())
}

/// `*`, `5`, `1-5`, and each of them with `/2`.
fn is_cron_item(item: &str, value: &dyn Fn(&str) -> Option<u32>) -> bool {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    let range_fits = match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => matches!((value(from), value(to)), (Some(from), Some(to)) if from <= to),
        None => value(range).is_some(),
    };
    range_fits && step.is_none_or(|step| step.len() <= 2 && step.parse::<u8>().is_ok_and(|n| n > 0))
}
