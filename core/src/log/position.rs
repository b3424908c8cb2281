//! Offsets of a log.

pub use crate::run::LogPosition;

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
