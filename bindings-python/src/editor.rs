//! An editing session over a definition.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use windlass::Pipeline;
use windlass::pipeline::editor::{Edit, Editor as Core};
use windlass::wire;

use crate::failure::guarded;

/// An editing session.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Editor(Mutex<Core>);

/// Begins a session. The definition may have mistakes, but must have the form of one.
#[pyfunction]
pub(crate) fn editor(py: Python<'_>, definition: &str) -> PyResult<Editor> {
    guarded(py, || {
        let definition: Pipeline = wire::read(definition, "edit")?;
        Ok(Editor(Mutex::new(Core::open(definition))))
    })
}

impl Editor {
    fn with<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut Core) -> windlass::Result<T> + Send) -> PyResult<T> {
        guarded(py, || work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[pymethods]
impl Editor {
    /// Makes a step, and tells as JSON what came of it.
    fn apply(&self, py: Python<'_>, edit: &str) -> PyResult<Py<PyAny>> {
        let edited = self.with(py, |editor| Ok(editor.apply(wire::read::<Edit>(edit, "edit")?)?))?;
        Ok(pythonize::pythonize(py, &edited)?.unbind())
    }

    fn definition(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let definition = self.with(py, |editor| Ok(editor.definition().clone()))?;
        Ok(pythonize::pythonize(py, &definition)?.unbind())
    }

    fn problems(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let problems = self.with(py, |editor| Ok(editor.problems()))?;
        Ok(pythonize::pythonize(py, &problems)?.unbind())
    }
}
