//! What listings and the audit trail look like to pages: JSON in camelCase, times in RFC 3339.

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::run::RunStatus;
use crate::store::{Audited, PipelineListing, RunListing};

/// A moment as every JSON of the engine shows it: RFC 3339 in UTC, with milliseconds.
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

impl RunListing {
    /// Where the run is.
    pub fn status(&self) -> RunStatus {
        self.digest.status
    }

    /// When the queue let it go; `None` while it waits.
    pub fn started(&self) -> Option<Timestamp> {
        self.digest.started.map(|now| now.wall)
    }

    /// When it ended.
    pub fn finished(&self) -> Option<Timestamp> {
        self.digest.finished.map(|now| now.wall)
    }

    /// From the start to the end in milliseconds, whatever happened to the date; `None` until it has ended, and for a run
    /// that never started.
    pub fn duration_ms(&self) -> Option<u64> {
        let (started, finished) = (self.digest.started?, self.digest.finished?);
        u64::try_from(finished.elapsed.since(started.elapsed).as_millis()).ok()
    }
}

impl Serialize for RunListing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("pipeline", &self.pipeline)?;
        map.serialize_entry("number", &self.number)?;
        map.serialize_entry("status", &self.digest.status)?;
        map.serialize_entry("trigger", &self.trigger)?;
        map.serialize_entry("actor", &self.actor)?;
        map.serialize_entry("rerunOf", &self.rerun_of)?;
        map.serialize_entry("created", &Time(self.created.wall))?;
        map.serialize_entry("started", &self.started().map(Time))?;
        map.serialize_entry("finished", &self.finished().map(Time))?;
        map.serialize_entry("durationMs", &self.duration_ms())?;
        map.end()
    }
}

impl Serialize for PipelineListing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("version", &self.version)?;
        map.serialize_entry("active", &self.active)?;
        map.serialize_entry("created", &Time(self.created.wall))?;
        map.serialize_entry("changed", &Time(self.changed.wall))?;
        map.serialize_entry("changedBy", &self.changed_by)?;
        map.end()
    }
}

impl Serialize for Audited {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Shown<'a> {
            position: crate::store::Position,
            time: Time,
            by: &'a str,
            #[serde(flatten)]
            change: &'a crate::audit::Change,
        }
        let entry = &self.entry;
        Shown { position: self.position, time: Time(entry.at.wall), by: &entry.by, change: &entry.change }
            .serialize(serializer)
    }
}
