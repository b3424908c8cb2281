//! The command `windlass`, which is the core's.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Does what the arguments say; the first one is the name of the program. Returns the exit code.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| windlass::cli::code_with(arguments))
}
