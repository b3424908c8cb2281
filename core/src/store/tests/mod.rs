//! What the stores and the data directory do, good days and bad.

pub(crate) mod child;
mod dir;
mod memory;
