//! Logs as they are kept: segments on disk, offsets, masking.
//!
//! Each attempt at a task has a folder with segments, which hold the bytes, and an index, which tells when they came. What
//! counts is the position that the event log has: everything after it is thrown away when the log is taken up again.

#[cfg(feature = "sqlite")]
mod copy;
mod error;
mod files;
mod index;
mod mask;
mod pieces;
mod position;
mod query;
mod scan;
mod search;
mod segment;
mod store;
mod times;
mod writer;

pub use error::LogError;
pub use index::ChunkTime;
pub use mask::{Masker, NoMask, SecretMasker};
pub(crate) use pieces::LogPieces;
pub use position::{Appended, LogPosition};
pub use query::{BadQuery, Query, QueryOptions};
pub use search::LineMatch;
pub(crate) use search::LogSearch;
pub use store::LogStore;
pub use writer::{LogLimits, LogWriter};

#[cfg(test)]
mod tests;
