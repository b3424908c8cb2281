//! What an action promises, and what it is promised.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use serde_json::Value;

use super::context::ActionContext;
use crate::executor::ExecutorError;
use crate::run::Cause;

/// Does the work of a task inside the engine.
///
/// ```
/// use windlass::action::{ActionContext, ActionError, ActionHandler, ActionOutput};
///
/// #[derive(Debug)]
/// struct Greet;
///
/// #[async_trait::async_trait]
/// impl ActionHandler for Greet {
///     async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
///         let name = context.settings()["name"].as_str().unwrap_or("world").to_owned();
///         context.log(format!("hello, {name}\n")).await?;
///         Ok(ActionOutput::new().value("GREETED", name))
///     }
/// }
/// ```
#[async_trait]
pub trait ActionHandler: Debug + Send + Sync + 'static {
    /// Whether an attempt that a dead engine had begun may be run again. Otherwise it is `lost`.
    fn repeatable(&self) -> bool {
        true
    }

    /// What is wrong with the settings, asked before a run starts. Variables in texts are not replaced yet.
    fn check(&self, settings: &Value) -> Vec<SettingsProblem> {
        let _ = settings;
        Vec::new()
    }

    /// Does it. The future is dropped when the engine is closed or dies (and the attempt is run again by the next engine),
    /// and when a stop was wanted and the task's grace is over: see [`ActionContext::cancelled`]. A panic fails the attempt.
    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError>;
}

/// A mistake in the settings of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    /// Where in the settings, such as `hosts[0].port`. Empty for all of them.
    pub path: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl SettingsProblem {
    /// A mistake at a place.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// What an action hands to later tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionOutput {
    values: BTreeMap<String, String>,
}

impl ActionOutput {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value. Its name must be among the `outputs` of the task.
    #[must_use]
    pub fn value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    pub(crate) fn into_values(self) -> BTreeMap<String, String> {
        self.values
    }
}

/// Why an action did not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.cause().message)]
pub enum ActionError {
    /// What it was asked to do failed, or cannot be done: the user's failure.
    Failed(Cause),
    /// Something between the engine and the other end failed; it is tried again as such.
    Infrastructure(Cause),
}

impl ActionError {
    /// What it was asked to do failed: a stable code in camelCase, what failed and why, and what to do next.
    pub fn failed(code: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Failed(Cause::new(code, message, advice))
    }

    /// Something in between failed.
    pub fn infrastructure(code: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Infrastructure(Cause::new(code, message, advice))
    }

    /// Why.
    pub fn cause(&self) -> &Cause {
        match self {
            Self::Failed(cause) | Self::Infrastructure(cause) => cause,
        }
    }
}

/// The workspace could not be read or written.
impl From<ExecutorError> for ActionError {
    fn from(error: ExecutorError) -> Self {
        let message = error.to_string();
        match error {
            ExecutorError::BadStep { code, advice, .. } => Self::failed(code, message, advice),
            ExecutorError::Unsupported { advice, .. } => Self::failed("unsupported", message, advice),
            ExecutorError::Infrastructure { code, advice, .. } => Self::infrastructure(code, message, advice),
            _ => Self::infrastructure("executorFailed", message, "Look at the executor; then run the task again."),
        }
    }
}
