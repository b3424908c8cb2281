//! What an action of one's own promises.

use std::fmt::Debug;

use async_trait::async_trait;
use serde_json::Value;

use super::{ActionContext, ActionError, ActionOutput, SettingsProblem};

/// Does what a task's action says, inside the engine.
///
/// **It may be called more than once for one attempt.** When the process ends in the middle of a call, the next engine on the
/// data directory makes it again, with [`ActionContext::resumed`]. So it should be safe to repeat: other systems can tell the
/// second call from a second wish by [`ActionContext::idempotency_key`]. One that never is says so in
/// [`repeatable`](Self::repeatable).
///
/// It runs on the engine's threads: what blocks belongs on `tokio::task::spawn_blocking`. Programs with side effects of their
/// own belong into a step, which survives the engine.
#[async_trait]
pub trait ActionHandler: Debug + Send + Sync + 'static {
    /// Whether a call that the end of the process cut off may be made again. When it may not, the attempt is `lost`, which is
    /// retried only where the pipeline says so. True unless overridden.
    fn repeatable(&self) -> bool {
        true
    }

    /// What is wrong with the settings of a task, asked before a run starts. Variables are not replaced yet: a text may still
    /// hold `${NAME}`. [`SettingsProblem::of`] does it for settings that are a type of their own. Nothing unless overridden.
    fn check(&self, settings: &Value) -> Vec<SettingsProblem> {
        let _ = settings;
        Vec::new()
    }

    /// Does the work of one attempt.
    ///
    /// It should return soon after [`ActionContext::cancelled`]; after the task's grace it is dropped where it waits. It is
    /// dropped as well when the engine closes, and called again by the next one.
    ///
    /// # Errors
    /// [`ActionError::failed`] for what the person who wrote the pipeline can mend; [`ActionError::infrastructure`] for what
    /// another try may mend. A panic fails the attempt, too.
    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError>;
}
