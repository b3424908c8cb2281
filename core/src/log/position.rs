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
