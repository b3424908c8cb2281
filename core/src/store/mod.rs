//! Where runs and their events are kept: the contract, SQLite, and memory.

mod contract;
mod error;

pub use contract::*;
pub use error::StoreError;
