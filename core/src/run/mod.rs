//! The run machine: events, state, decisions. No clock, no IO; the same events give the same state.

mod event;
mod filed;
mod id;
mod machine;
mod outcome;
pub mod queue;
pub mod rerun;
pub mod retention;
mod state;
mod time;
pub mod timeline;

#[cfg(test)]
mod tests;

pub use event::{Decision, RunEvent, Sequenced};
pub use filed::{Filing, RestoredCache, StoredArtifact};
pub use id::{RunId, Seq, StepKey};
pub use machine::{Effect, Input};
pub use outcome::*;
pub use state::code;
pub use state::{Counts, IllegalReason, IllegalTransition, LogPosition, MAX_SLOT_REQUESTS, RunState, TaskView};
pub use time::{Elapsed, Now};
