//! Virtual time and scripted steps for engines in tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use windlass::clock::Clock as _;
use windlass::run::Elapsed;
use windlass::testing::{Script, ScriptedExecutor, VirtualClock};
use windlass::wire;

use crate::failure::exception;
use crate::operation::{Operation, plain};
use crate::script::Said;

/// A clock that a test drives.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Clock(pub(crate) VirtualClock);

#[pymethods]
impl Clock {
    #[new]
    fn new() -> Self {
        Self(VirtualClock::new())
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.0.now().elapsed.since(Elapsed::default()).as_millis()).unwrap_or(u64::MAX)
    }

    fn advance(&self, milliseconds: u64) -> Operation {
        let clock = self.0.clone();
        Operation::new(async move {
            clock.advance(Duration::from_millis(milliseconds)).await;
            Ok(plain(()))
        })
    }

    fn sleepers(&self) -> usize {
        self.0.sleepers()
    }

    fn until_sleepers(&self, count: usize) -> Operation {
        let clock = self.0.clone();
        Operation::new(async move {
            clock.until_sleepers(count).await;
            Ok(plain(()))
        })
    }
}

/// An executor whose steps do what a test says.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Scripted(pub(crate) ScriptedExecutor);

#[pymethods]
impl Scripted {
    #[new]
    fn new(py: Python<'_>, clock: &Clock, scripts: &str) -> PyResult<Self> {
        let scripts = wire::read::<BTreeMap<String, Vec<Said>>>(scripts, "test");
        let scripts = scripts.map_err(|error| exception(py, &error))?;
        let executor = ScriptedExecutor::new(Arc::new(clock.0.clone()));
        let scripted = scripts.into_iter().fold(executor, |executor, (task, scripts)| {
            executor.attempts(&task, scripts.into_iter().map(Script::from))
        });
        Ok(Self(scripted))
    }

    fn started(&self, task: &str) -> usize {
        self.0.started(task)
    }

    fn peak(&self) -> usize {
        self.0.peak()
    }
}
