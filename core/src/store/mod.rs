//! Where pipelines, runs and their events are kept: the contract, SQLite, and memory; and the folder that holds all of it.

mod contract;
mod credentials;
mod dir;
mod error;
mod memory;
mod pipelines;
mod prefix;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use contract::*;
pub use credentials::*;
pub use dir::DataDir;
#[cfg(feature = "sqlite")]
pub(crate) use dir::{Draft, Quiet};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use pipelines::*;
#[cfg(feature = "sqlite")]
pub use sqlite::{QueryPlan, SqliteStore};

#[cfg(test)]
pub(crate) mod tests;
