//! Functions of the program that the core calls: plain ones on a thread that may block, asynchronous ones on an event loop.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tokio::sync::oneshot;

use crate::bridge::Bridge;

/// The arguments, made when the interpreter is at hand.
pub(crate) type Arguments = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyTuple>> + Send>;

/// A function of the program. `windlass._calls.Function` of the package, which knows whether it is asynchronous, and its loop.
#[derive(Debug)]
pub(crate) struct Function {
    function: Py<PyAny>,
    asynchronous: bool,
}

/// A function that has not answered yet. When nobody waits any more, an asynchronous one is cancelled.
struct Calling(Arc<Mutex<State>>);

enum State {
    Asked,
    Going(Py<PyAny>),
    Over,
}

impl Function {
    /// Takes what the package made of a function.
    pub(crate) fn of(function: &Bound<'_, PyAny>) -> PyResult<Self> {
        let asynchronous = function.getattr("asynchronous")?.is_truthy()?;
        Ok(Self { function: function.clone().unbind(), asynchronous })
    }

    /// Calls it, and waits for its answer. `stop` ends an asynchronous one early: it is cancelled, and may still answer.
    pub(crate) async fn call(&self, arguments: Arguments, stop: impl Future<Output = ()>) -> PyResult<Py<PyAny>> {
        let function = Python::try_attach(|py| self.function.clone_ref(py)).ok_or_else(over)?;
        if !self.asynchronous {
            let call = move || {
                Python::try_attach(|py| function.call_method1(py, "call", arguments(py)?))
                    .unwrap_or_else(|| Err(over()))
            };
            return tokio::task::spawn_blocking(call).await.unwrap_or_else(|_| Err(over()));
        }
        let (sender, mut answer) = oneshot::channel();
        let calling = Calling(Arc::new(Mutex::new(State::Asked)));
        let state = Arc::clone(&calling.0);
        let bridge = Bridge::get().map_err(|_| over())?;
        bridge.send(move |py| begin(py, &function, arguments, sender, &state));
        tokio::select! {
            biased;
            answered = &mut answer => return answered.unwrap_or_else(|_| Err(over())),
            () = stop => drop(calling),
        }
        answer.await.unwrap_or_else(|_| Err(over()))
    }
}

fn over() -> PyErr {
    PyRuntimeError::new_err("the interpreter is ending")
}

fn begin(
    py: Python<'_>,
    function: &Py<PyAny>,
    arguments: Arguments,
    sender: oneshot::Sender<PyResult<Py<PyAny>>>,
    state: &Mutex<State>,
) {
    if matches!(*state.lock().unwrap_or_else(PoisonError::into_inner), State::Over) {
        return;
    }
    let reply = Reply(Mutex::new(Some(sender)));
    let begun = reply_to(py, function, arguments, reply);
    if let Some(future) = begun {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Over => drop(future.call_method0(py, "cancel")),
            _ => *state = State::Going(future),
        }
    }
}

/// Starts it. What goes wrong before is the answer.
fn reply_to(py: Python<'_>, function: &Py<PyAny>, arguments: Arguments, reply: Reply) -> Option<Py<PyAny>> {
    let begun = arguments(py).and_then(|arguments| function.call_method1(py, "begin", arguments));
    let future = match begun {
        Ok(future) => future,
        Err(error) => {
            reply.send(Err(error));
            return None;
        }
    };
    let told = future.call_method1(py, "add_done_callback", (reply,));
    told.ok().map(|_| future)
}

impl Drop for Calling {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), State::Over);
        if let (State::Going(future), Ok(bridge)) = (state, Bridge::get()) {
            // A future that is done takes no harm.
            bridge.send(move |py| drop(future.call_method0(py, "cancel")));
        }
    }
}

/// Called with the future when it is done.
#[pyclass(frozen, module = "windlass._native")]
struct Reply(Mutex<Option<oneshot::Sender<PyResult<Py<PyAny>>>>>);

impl Reply {
    fn send(&self, answer: PyResult<Py<PyAny>>) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = sender.send(answer);
        }
    }
}

#[pymethods]
impl Reply {
    fn __call__(&self, future: &Bound<'_, PyAny>) {
        self.send(future.call_method0("result").map(Bound::unbind));
    }
}
