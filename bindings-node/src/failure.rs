//! Failures of JavaScript as those of the core.

use windlass::action::ActionError;
use windlass::executor::ExecutorError;
use windlass::run::RunId;

use crate::host::{HostFailure, interned};

/// The failure of an executor. What is no `ExecutorError` in JavaScript is one that another try may mend.
pub(crate) fn executor_error(failure: HostFailure, run: Option<RunId>) -> ExecutorError {
    let HostFailure { kind, code, message, advice } = failure;
    match (kind.as_str(), run) {
        ("badStep", _) => ExecutorError::BadStep { code: interned(&code), message, advice },
        ("lost", _) => ExecutorError::Lost { why: message },
        ("neverStarted", _) => ExecutorError::NeverStarted,
        ("unsupported", _) => ExecutorError::Unsupported { what: message, advice },
        ("workspaceLost", Some(run)) => ExecutorError::WorkspaceLost { run, why: message },
        ("notFound", _) => {
            ExecutorError::Io { doing: message, source: std::io::Error::from(std::io::ErrorKind::NotFound) }
        }
        _ => ExecutorError::Infrastructure { code: interned(&code), message, advice },
    }
}

/// The failure of an action. What is no `ActionError` in JavaScript fails the task.
pub(crate) fn action_error(failure: HostFailure) -> ActionError {
    let HostFailure { kind, code, message, advice } = failure;
    match kind.as_str() {
        "infrastructure" => ActionError::infrastructure(code, message, advice),
        "cancelled" => ActionError::cancelled(),
        _ => ActionError::failed(code, message, advice),
    }
}
