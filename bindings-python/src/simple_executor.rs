//! An executor of the program in its short form: one function that runs a step.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use serde::Deserialize;
use windlass::executor::{Capabilities, ExecutorError, SimpleExecutor, StepContext, StepSecrets, StepSpec};
use windlass::run::StepEnd;

use crate::answer::{answer, data};
use crate::call::Function;
use crate::failure::exception;
use crate::operation::{Operation, plain};

/// The executor behind the engine.
#[derive(Debug)]
pub(crate) struct Short {
    run: Function,
    capabilities: Capabilities,
}

impl Short {
    /// Takes what the package made of the program's executor.
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { run: Function::of(&given.getattr("run")?)?, capabilities: capabilities_of(given)? })
    }
}

/// What the program says that its executor can do.
pub(crate) fn capabilities_of(given: &Bound<'_, PyAny>) -> PyResult<Capabilities> {
    let said: String = given.getattr("capabilities")?.extract()?;
    windlass::wire::read(&said, "open").map_err(|error| exception(given.py(), &error))
}

/// Credentials on their way to the program: never a part of what may be shown.
pub(crate) fn carried(py: Python<'_>, secrets: &StepSecrets) -> PyResult<Py<PyAny>> {
    let (env, files) = (PyDict::new(py), PyDict::new(py));
    for (name, value) in &secrets.env {
        env.set_item(name, value.expose())?;
    }
    for (name, bytes) in &secrets.files {
        files.set_item(name, PyBytes::new(py, bytes.expose()))?;
    }
    (env, files).into_py_any(py)
}

#[derive(Deserialize)]
struct Ended {
    end: StepEnd,
}

#[async_trait]
impl SimpleExecutor for Short {
    async fn run(&self, step: StepSpec, context: StepContext) -> Result<StepEnd, ExecutorError> {
        let run = step.key.run;
        let context = Arc::new(context);
        let given = Context { context: context.clone(), secrets: step.secrets.clone() };
        let arguments = Box::new(move |py: Python<'_>| {
            let step = pythonize::pythonize(py, &step)?;
            Ok(PyTuple::new(py, [step.into_py_any(py)?, given.into_py_any(py)?])?.unbind())
        });
        let answered = self.run.call(arguments, context.cancelled()).await;
        match answer(answered, data::<Ended>) {
            Ok(Ended { end }) => Ok(end),
            Err(raised) if raised.is_cancelled() => Ok(StepEnd::Signal(15)),
            Err(raised) => Err(raised.into_executor_error(Some(run))),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { reattach: false, ..self.capabilities.clone() }
    }
}

/// What an executor of the program has beside the step.
#[pyclass(frozen, module = "windlass._native", name = "StepContext")]
pub(crate) struct Context {
    context: Arc<StepContext>,
    secrets: StepSecrets,
}

#[pymethods]
impl Context {
    #[getter]
    fn workspace(&self) -> PathBuf {
        self.context.workspace().to_owned()
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.context.is_cancelled()
    }

    /// The step's credentials: values by their variables, and contents of files by theirs.
    fn secrets(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        carried(py, &self.secrets)
    }

    /// Adds bytes to the step's log.
    fn log(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<()> {
        py.detach(|| self.context.log(bytes)).map_err(|error| exception(py, &error.into()))
    }

    fn set_output(&self, output: Vec<u8>) {
        self.context.set_output(output);
    }

    fn until_cancelled(&self) -> Operation {
        let context = self.context.clone();
        Operation::new(async move {
            context.cancelled().await;
            Ok(plain(()))
        })
    }
}
