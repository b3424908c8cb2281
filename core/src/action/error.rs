//! Why an action did not succeed.

use crate::executor::ExecutorError;
use crate::run::Cause;
use crate::secret::SecretError;

/// Why an action did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// It could not do what the pipeline asks: for the person who wrote that.
    #[error("{}", cause.message)]
    Failed {
        /// What failed, why, and what to do.
        cause: Cause,
    },
    /// Something else failed that another try may mend: the network, another system.
    #[error("{}", cause.message)]
    Infrastructure {
        /// What failed, why, and what to do.
        cause: Cause,
    },
    /// It ended early because it was asked to.
    #[error("the action was stopped")]
    Cancelled,
    /// The executor could not reach the workspace.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
}

impl From<SecretError> for ActionError {
    fn from(error: SecretError) -> Self {
        let cause = Cause::new("credential", error.to_string(), error.advice());
        match error {
            SecretError::Provider { .. } => Self::Infrastructure { cause },
            _ => Self::Failed { cause },
        }
    }
}

impl ActionError {
    /// The action failed: a stable code in camelCase, what failed and why, and what to do next (may be empty).
    pub fn failed(code: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Failed { cause: Cause::new(code, message, advice) }
    }

    /// Something that the action needs failed, and another try may mend it. The parts are those of [`failed`](Self::failed).
    pub fn infrastructure(code: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Infrastructure { cause: Cause::new(code, message, advice) }
    }

    /// It ends early, after [`ActionContext::cancelled`](super::ActionContext::cancelled).
    pub fn cancelled() -> Self {
        Self::Cancelled
    }
}
