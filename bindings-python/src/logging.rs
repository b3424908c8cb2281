//! What the core says about its work on its way to Python's `logging`, in batches and off every thread of the core.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use windlass::wire::Records;

use crate::bridge::Bridge;
use crate::fork::this_process;

/// Lets the core's records go to `logging` from now on.
pub(crate) fn listen(py: Python<'_>) {
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    Records::listen(wake);
    if PROCESS.swap(this_process(), Ordering::Relaxed) != this_process() {
        // In a child, what waited in its parent at the fork is the parent's.
        drop(Records::take());
    }
    look(py);
}

/// Lets the bringing thread take what waits.
fn wake() -> bool {
    Bridge::get().map(|bridge| bridge.send(bring)).is_ok()
}

/// Asks `logging` which level is wanted. Looked at when an engine is opened, and with each batch.
fn look(py: Python<'_>) {
    static LEVEL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let level = LEVEL.import(py, "windlass._logging", "wanted").and_then(|wanted| wanted.call0()?.extract::<String>());
    if let Ok(level) = level {
        Records::want(&level);
    }
}

/// Hands all that waits to `logging` at once.
fn bring(py: Python<'_>) {
    static TELL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let Records { records, dropped } = Records::take();
    let records: Vec<_> =
        records.into_iter().map(|record| (record.level, record.target.replace("::", "."), record.message)).collect();
    // A handler that raises has been told about by `logging` itself.
    let _ = TELL.import(py, "windlass._logging", "tell").and_then(|tell| tell.call1((records, dropped)));
    look(py);
}
