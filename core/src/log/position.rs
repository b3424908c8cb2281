//! Offsets of a log.

use serde::{Deserialize, Serialize};

/// How far a step's log has come: a pair that is committed together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogPosition {
    /// The offset in the raw log from which reading goes on after a crash: the first byte not yet released by the masker.
    pub source: u64,
    /// The length of the stored log.
    pub stored: u64,
}

/// What became safe on disk: the numbers of a `logAppended` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of its first byte in the stored log.
    pub from: u64,
    /// The offset after its last byte.
    pub to: u64,
    /// The offset in the raw log from which reading goes on after a crash.
    pub source: u64,
}

impl Appended {
    /// Where the log is once this is committed.
    pub fn position(self) -> LogPosition {
        LogPosition { source: self.source, stored: self.to }
    }
}
