//! Definitions: read, checked and written by the core.

use pyo3::prelude::*;
use windlass::{pipeline, wire};

use crate::failure::guarded;

/// The JSON of a definition in YAML or JSON; `file` stands before each problem.
#[pyfunction]
pub(crate) fn read(py: Python<'_>, text: &[u8], file: &str) -> PyResult<String> {
    guarded(py, || Ok(pipeline::to_json(&pipeline::read(text, file)?)))
}

/// The JSON of a definition that a program built, as the core writes it.
#[pyfunction]
pub(crate) fn definition(py: Python<'_>, json: &str) -> PyResult<String> {
    guarded(py, || Ok(pipeline::to_json(&wire::definition(json)?)))
}

/// Refuses a definition with mistakes.
#[pyfunction]
pub(crate) fn check(py: Python<'_>, json: &str) -> PyResult<()> {
    guarded(py, || wire::definition(json).map(drop))
}

/// A definition as YAML.
#[pyfunction]
pub(crate) fn to_yaml(py: Python<'_>, json: &str) -> PyResult<String> {
    guarded(py, || Ok(pipeline::to_yaml(&wire::definition(json)?)))
}

/// The JSON Schema of definitions.
#[pyfunction]
pub(crate) fn schema(py: Python<'_>) -> PyResult<String> {
    guarded(py, || Ok(pipeline::schema().to_string()))
}
