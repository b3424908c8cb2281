//! Errors of the core as exceptions.

use std::any::Any;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use windlass::{Error, ErrorKind};

/// The function of the package that makes an exception of an error's JSON.
static MAKER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The exception for an error, of the class that its kind has.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    match made(py, error) {
        Ok(made) => PyErr::from_value(made),
        // The package is broken or being unloaded; the message is better than nothing.
        Err(_) => PyRuntimeError::new_err(error.to_string()),
    }
}

fn made<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let document = pythonize::pythonize(py, error)?;
    MAKER.import(py, "windlass._errors", "exception_of")?.call1((document,))
}

/// The error for a panic, which is a mistake of Windlass itself.
pub(crate) fn of_panic(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("of unknown cause");
    let message = format!("a mistake in Windlass itself: {text}. The process lives on; please report it");
    Error::new(ErrorKind::Internal, "panic", "work", message)
}

/// Runs something of the core that does not wait; a panic becomes an exception.
pub(crate) fn guarded<T>(py: Python<'_>, work: impl FnOnce() -> windlass::Result<T> + Send) -> PyResult<T>
where
    T: Send,
{
    let done = py.detach(|| std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)));
    let done = done.unwrap_or_else(|payload| Err(of_panic(&*payload)));
    done.map_err(|error| exception(py, &error))
}
