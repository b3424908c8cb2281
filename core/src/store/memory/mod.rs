//! A store that forgets: for tests, and for embedders who need no durability.

mod check;
mod kept;
mod store;

pub use self::store::MemoryStore;
