//! Windlass, the CI/CD engine to embed.

pub mod clock;
pub mod executor;
pub mod explain;
#[doc(hidden)]
pub mod failpoint;
pub mod log;
pub mod pipeline;
pub mod run;
pub mod store;
pub mod testing;
