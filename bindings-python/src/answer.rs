//! What functions of the program answer: a value, or an error as the package describes it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Deserialize;
use windlass::action::ActionError;
use windlass::executor::ExecutorError;
use windlass::run::RunId;

/// How many codes of errors a program may have.
const MOST_CODES: usize = 1000;

/// An error that the program raised, or that is behind what it answered.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Raised {
    kind: Kind,
    code: String,
    message: String,
    advice: String,
}

/// What kind of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    BadStep,
    Failed,
    NotFound,
    Infrastructure,
    Unsupported,
    WorkspaceLost,
    Lost,
    NeverStarted,
    Cancelled,
}

impl Raised {
    fn of(error: &PyErr) -> Self {
        Self::infrastructure("exception", error.to_string())
    }

    pub(crate) fn infrastructure(code: &str, message: String) -> Self {
        Self { kind: Kind::Infrastructure, code: code.to_owned(), message, advice: String::new() }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.kind == Kind::Cancelled
    }

    pub(crate) fn into_executor_error(self, run: Option<RunId>) -> ExecutorError {
        let Self { kind, code, message, advice } = self;
        match (kind, run) {
            (Kind::BadStep | Kind::Failed, _) => ExecutorError::BadStep { code: kept(code), message, advice },
            (Kind::NotFound, _) => {
                let source = std::io::Error::new(std::io::ErrorKind::NotFound, "it is not there");
                ExecutorError::Io { doing: message, source }
            }
            (Kind::Unsupported, _) => ExecutorError::Unsupported { what: message, advice },
            (Kind::WorkspaceLost, Some(run)) => ExecutorError::WorkspaceLost { run, why: message },
            (Kind::Lost, _) => ExecutorError::Lost { why: message },
            (Kind::NeverStarted, _) => ExecutorError::NeverStarted,
            _ => ExecutorError::Infrastructure { code: kept(code), message, advice },
        }
    }

    pub(crate) fn into_action_error(self) -> ActionError {
        match self.kind {
            Kind::Cancelled => ActionError::cancelled(),
            Kind::Infrastructure => ActionError::infrastructure(self.code, self.message, self.advice),
            _ => ActionError::failed(self.code, self.message, self.advice),
        }
    }
}

/// A code for ever: executors name theirs in their source, and there are few.
pub(crate) fn kept(code: String) -> &'static str {
    static CODES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = codes.get(code.as_str()) {
        return known;
    }
    if codes.len() == MOST_CODES {
        return "executorFailed";
    }
    let code: &'static str = Box::leak(code.into_boxed_str());
    codes.insert(code);
    code
}

/// Looks at an answer: a dictionary with the key `error` describes an error, everything else is `read`.
pub(crate) fn answer<T>(
    answered: PyResult<Py<PyAny>>,
    read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
) -> Result<T, Raised> {
    let look = |py: Python<'_>| {
        let value = answered.map_err(|error| Raised::of(&error))?;
        let value = value.bind(py);
        if let Ok(dictionary) = value.cast::<PyDict>()
            && let Ok(Some(error)) = dictionary.get_item("error")
        {
            return Err(pythonize::depythonize(&error).unwrap_or_else(|error| Raised::of(&error.into())));
        }
        read(value).map_err(|error| Raised::of(&error))
    };
    Python::try_attach(look)
        .unwrap_or_else(|| Err(Raised::infrastructure("exception", "the interpreter is ending".to_owned())))
}

/// An answer that says nothing.
pub(crate) fn nothing(_: &Bound<'_, PyAny>) -> PyResult<()> {
    Ok(())
}

/// An answer that is plain data.
pub(crate) fn data<T: for<'de> Deserialize<'de>>(value: &Bound<'_, PyAny>) -> PyResult<T> {
    Ok(pythonize::depythonize(value)?)
}
