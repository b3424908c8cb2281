//! What the stores and the data directory do, good days and bad.

mod memory;
