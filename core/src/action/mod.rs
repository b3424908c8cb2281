//! What tasks do inside the engine, beside scripts: an async function with a small context.
//!
//! An embedder's own action is an [`ActionHandler`], registered with `EngineBuilder::action` and named in a definition:
//!
//! ```yaml
//! - name: announce
//!   custom: {name: announce, with: {channel: builds, text: "build ${BUILD_NUMBER} is done"}}
//! ```
//!
//! **At least once.** An action runs in the engine's process. When that dies, the next engine runs the attempt again, with
//! [`ActionContext::resumed`]; an action that must not be done twice uses [`ActionContext::idempotency_key`] at the other
//! end, or says that it is not [`repeatable`](ActionHandler::repeatable), and is then `lost` instead.

mod context;
mod contract;

pub use context::ActionContext;
pub(crate) use context::Parts;
pub use contract::{ActionError, ActionHandler, ActionOutput, SettingsProblem};
