//! Something that the core does and that takes time: awaited on an event loop, or waited for without the interpreter.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;
use serde::Serialize;
use tokio::task::AbortHandle;
use windlass::{Error, Result};

use crate::bridge::Bridge;
use crate::failure::{exception, of_panic};
use crate::fork::Owned;

/// How often a thread that waits looks whether the person pressed Ctrl-C.
const LOOK: Duration = Duration::from_millis(100);

/// Makes the Python value of a result, when the interpreter is at hand.
pub(crate) type Gift = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// What a call of the core gives: it starts when somebody waits for it, once.
#[pyclass(frozen, module = "windlass._native")]
pub(crate) struct Operation {
    work: Owned<Mutex<Option<BoxFuture<'static, Result<Gift>>>>>,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").finish_non_exhaustive()
    }
}

/// A result that is written as plain Python values.
pub(crate) fn plain(value: impl Serialize + Send + 'static) -> Gift {
    Box::new(move |py| Ok(pythonize::pythonize(py, &value)?.unbind()))
}

/// A result that is an object of this module.
pub(crate) fn object<T>(value: T) -> Gift
where
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    Box::new(move |py| value.into_py_any(py))
}

/// A result that is bytes.
pub(crate) fn bytes(bytes: bytes::Bytes) -> Gift {
    Box::new(move |py| Ok(PyBytes::new(py, &bytes).into_any().unbind()))
}

impl Operation {
    pub(crate) fn new(work: impl Future<Output = Result<Gift>> + Send + 'static) -> Self {
        Self { work: Owned::new(Mutex::new(Some(work.boxed()))) }
    }

    /// One that cannot begin.
    pub(crate) fn refused(error: Error) -> Self {
        Self::new(async move { Err(error) })
    }

    /// Starts it on the threads of the core; `done` is called there.
    fn start(&self, py: Python<'_>, done: impl FnOnce(Result<Gift>) + Send + 'static) -> PyResult<AbortHandle> {
        let work = self.work.get().map_err(|error| exception(py, &error))?;
        let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
        let work = work.ok_or_else(|| PyRuntimeError::new_err("this was awaited already"))?;
        let bridge = Bridge::get().map_err(|error| PyOSError::new_err(error.to_string()))?;
        let task = bridge.runtime().spawn(async move {
            let result = AssertUnwindSafe(work).catch_unwind().await;
            done(result.unwrap_or_else(|payload| Err(of_panic(&*payload))));
        });
        Ok(task.abort_handle())
    }
}

#[pymethods]
impl Operation {
    /// Waits for it without holding the interpreter. Ctrl-C gives it up.
    fn block(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let (sender, mut receiver) = mpsc::sync_channel(1);
        let task = self.start(py, move |result| {
            let _ = sender.send(result);
        })?;
        loop {
            let waited;
            (receiver, waited) = py.detach(move || {
                let waited = receiver.recv_timeout(LOOK);
                (receiver, waited)
            });
            match waited {
                Ok(result) => return open(py, result),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(PyRuntimeError::new_err("the threads of Windlass have ended"));
                }
                Err(RecvTimeoutError::Timeout) => py.check_signals().inspect_err(|_| task.abort())?,
            }
        }
    }

    /// Begins it for the event loop that runs; cancelling what awaits it gives it up.
    fn __await__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let running = running_loop(py)?;
        let future = running.call_method0("create_future")?;
        let (event_loop, wanted) = (running.unbind(), future.clone().unbind());
        let task = self.start(py, move |result| deliver(event_loop, wanted, result))?;
        future.call_method1("add_done_callback", (GiveUp { task },))?;
        Ok(future.call_method0("__await__")?.unbind())
    }
}

/// The value, or the exception.
fn open(py: Python<'_>, result: Result<Gift>) -> PyResult<Py<PyAny>> {
    result.map_err(|error| exception(py, &error))?(py)
}

fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    RUNNING.import(py, "asyncio", "get_running_loop")?.call0()
}

/// Brings a result to a future of an event loop.
pub(crate) fn deliver(event_loop: Py<PyAny>, future: Py<PyAny>, result: Result<Gift>) {
    let Ok(bridge) = Bridge::get() else { return };
    bridge.send(move |py| {
        let (succeeded, value) = match open(py, result) {
            Ok(value) => (true, value),
            Err(error) => (false, error.into_value(py).into_any()),
        };
        // A loop that was closed meanwhile has nobody who waits.
        let settle = Settle { succeeded };
        let _ = event_loop.call_method1(py, "call_soon_threadsafe", (settle, future, value));
    });
}

/// Called on the loop: gives the future its value, unless it was given up.
#[pyclass(frozen, module = "windlass._native")]
struct Settle {
    succeeded: bool,
}

#[pymethods]
impl Settle {
    fn __call__(&self, future: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if future.call_method0("done")?.is_truthy()? {
            return Ok(());
        }
        let method = if self.succeeded { "set_result" } else { "set_exception" };
        future.call_method1(method, (value,)).map(drop)
    }
}

/// Called when the future is done: when it was cancelled, nobody wants the work any more.
#[pyclass(frozen, module = "windlass._native")]
struct GiveUp {
    task: AbortHandle,
}

#[pymethods]
impl GiveUp {
    fn __call__(&self, future: &Bound<'_, PyAny>) -> PyResult<()> {
        if future.call_method0("cancelled")?.is_truthy()? {
            self.task.abort();
        }
        Ok(())
    }
}

/// An operation that panics: for the test that shows what becomes of a panic.
#[pyfunction(name = "_panic")]
#[expect(clippy::panic, reason = "that is what it is for")]
pub(crate) fn panic() -> Operation {
    Operation::new(async { panic!("a panic for a test") })
}
