//! The metrics of all engines of this process.

use pyo3::prelude::*;

use crate::failure::guarded;

/// Metrics as text.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Metrics(windlass::telemetry::Metrics);

/// Records metrics from now on.
#[pyfunction]
pub(crate) fn metrics(py: Python<'_>) -> PyResult<Metrics> {
    guarded(py, || Ok(Metrics(windlass::telemetry::Metrics::listen()?)))
}

#[pymethods]
impl Metrics {
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        guarded(py, || Ok(self.0.text()))
    }
}
