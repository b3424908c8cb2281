//! Windlass, the CI/CD engine to embed.

pub mod clock;
pub mod pipeline;
pub mod run;
