//! Logs as they are kept: segments on disk, offsets, masking.

mod position;

pub use position::LogPosition;
