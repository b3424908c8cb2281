//! What goes wrong when steps are run.

use crate::run::RunId;

/// Why an executor could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutorError {
    /// The run's workspace was there once, and is gone.
    #[error("the workspace of run {run} is gone: {why}")]
    WorkspaceLost {
        /// The run.
        run: RunId,
        /// What was found instead.
        why: String,
    },
    /// The step took its start token, and nobody knows how it ended.
    #[error("nobody knows how the step ended: {why}")]
    Lost {
        /// What was found.
        why: String,
    },
    /// The step was stopped before it started.
    #[error("the step was stopped before it started")]
    NeverStarted,
    /// The step cannot be started as it is described: user's mistake, not worth another try.
    #[error("{message}")]
    BadStep {
        /// A stable code in camelCase, such as `imageNotFound`.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        advice: String,
    },
    /// The executor does not do this.
    #[error("{what} is not supported: {advice}")]
    Unsupported {
        /// What was asked.
        what: String,
        /// What to do instead.
        advice: String,
    },
    /// The disk, the daemon or the cluster refused.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, with the path.
        doing: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Something else that another try may mend.
    #[error("{message}")]
    Infrastructure {
        /// A stable code in camelCase.
        code: &'static str,
        /// What failed.
        message: String,
        /// What to do.
        advice: String,
    },
}

/// Turns what the system said into an error that tells what was being done.
pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> ExecutorError {
    move |source| ExecutorError::Io { doing: doing.into(), source }
}

/// The step is lost, and why.
pub(super) fn lost(why: impl Into<String>) -> ExecutorError {
    ExecutorError::Lost { why: why.into() }
}

/// A path that leads where no path may.
pub(super) fn bad_path(path: &str, what: &str) -> ExecutorError {
    ExecutorError::BadStep {
        code: "badPath",
        message: format!("the path {path:?} {what}"),
        advice: "name a path below the workspace, without `..` and without links that leave it".to_owned(),
    }
}
