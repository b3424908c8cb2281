//! Times as people type them.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A time, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    At(Timestamp),
    Ago(SignedDuration),
}

impl Moment {
    /// The time, seen from now.
    pub(super) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(length) => now.saturating_sub(length).unwrap_or(Timestamp::MIN),
        }
    }
}

impl FromStr for Moment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        if let Ok(day) = text.parse::<Date>()
            && let Ok(midnight) = day.to_zoned(TimeZone::UTC)
        {
            return Ok(Self::At(midnight.timestamp()));
        }
        let length = humantime::parse_duration(text).ok().and_then(|length| SignedDuration::try_from(length).ok());
        length.map(Self::Ago).ok_or_else(|| {
            "write a day in UTC, such as 2026-11-21, a time, such as 2026-11-21T08:00:00Z, or how long ago, such as 2d"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> String {
        let now = "2026-11-21T08:00:00Z".parse().unwrap();
        text.parse::<Moment>().unwrap().at(now).to_string()
    }

    #[test]
    fn days_times_and_how_long_ago() {
        assert_eq!(at("2026-11-01"), "2026-11-01T00:00:00Z");
        assert_eq!(at("2026-11-01T12:30:00+02:00"), "2026-11-01T10:30:00Z");
        assert_eq!(at("90m"), "2026-11-21T06:30:00Z");
        assert_eq!(at("2d"), "2026-11-19T08:00:00Z");
    }

    #[test]
    fn what_is_no_time_is_explained() {
        for text in ["", "soon", "2026-13-01", "-5m", "2026-11-01T25:00:00Z"] {
            assert!(text.parse::<Moment>().unwrap_err().contains("such as 2026-11-21"), "{text}");
        }
    }
}
