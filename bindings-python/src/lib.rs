//! The native module of the Python package: carries what Python says to the core and what the core says to Python, and
//! decides nothing. `python/windlass` puts typed classes around it; `_native.pyi` says what is in it.

mod action;
mod answer;
mod bridge;
mod call;
mod command_line;
mod credentials;
mod document;
mod editor;
mod engine;
mod executor;
mod failure;
mod fork;
mod logging;
mod metrics;
mod noun;
mod operation;
mod pipelines;
mod reader;
mod run;
mod script;
mod scripted;
mod simple_executor;
mod streams;
mod testing;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::action::Context as ActionContext;
    #[pymodule_export]
    use super::command_line::main;
    #[pymodule_export]
    use super::document::{check, definition, read, schema, to_yaml};
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    #[pymodule_export]
    use super::editor::{Editor, editor};
    #[pymodule_export]
    use super::engine::{Engine, open, restore};
    #[pymodule_export]
    use super::executor::Pieces as TarPieces;
    #[pymodule_export]
    use super::metrics::{Metrics, metrics};
    #[pymodule_export]
    use super::noun::{Noun, control, plan};
    #[pymodule_export]
    use super::operation::{Operation, panic};
    #[pymodule_export]
    use super::pipelines::Pipelines;
    #[pymodule_export]
    use super::reader::{Reader, reader};
    #[pymodule_export]
    use super::run::Run;
    #[pymodule_export]
    use super::scripted::{Clock, Scripted};
    #[pymodule_export]
    use super::simple_executor::Context as StepContext;
    #[pymodule_export]
    use super::streams::{ByteStream, EngineEvents, Events, Fact, LogStream};
    #[pymodule_export]
    use super::testing::{TestOutcome, conformance_case, conformance_cases, pipeline_test};
}
