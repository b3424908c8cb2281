//! Actions of the program.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde::Deserialize;
use serde_json::Value;
use windlass::action::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem, Waits};
use windlass::{Error, ErrorKind};

use crate::answer::{answer, data};
use crate::call::Function;
use crate::operation::{Operation, bytes, plain};

/// The action behind the engine.
#[derive(Debug)]
pub(crate) struct Action {
    run: Function,
    check: Option<Py<PyAny>>,
    repeatable: bool,
}

impl Action {
    /// Takes what the package made of the program's action.
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let check = given.getattr("check")?;
        Ok(Self {
            run: Function::of(&given.getattr("run")?)?,
            check: (!check.is_none()).then(|| check.unbind()),
            repeatable: given.getattr("repeatable")?.is_truthy()?,
        })
    }
}

/// What the program hands on.
#[derive(Deserialize)]
struct Done {
    outputs: BTreeMap<String, String>,
}

/// A mistake in the settings as the program tells it.
#[derive(Deserialize)]
struct Mistake {
    path: String,
    message: String,
}

#[async_trait]
impl ActionHandler for Action {
    fn repeatable(&self) -> bool {
        self.repeatable
    }

    fn check(&self, settings: &Value) -> Vec<SettingsProblem> {
        let Some(check) = &self.check else { return Vec::new() };
        let asked = Python::try_attach(|py| check.call1(py, (pythonize::pythonize(py, settings)?,)));
        let Some(answered) = asked else { return Vec::new() };
        match answer(answered, data::<Vec<Mistake>>) {
            Ok(mistakes) => mistakes.into_iter().map(|wrong| SettingsProblem::new(wrong.path, wrong.message)).collect(),
            Err(raised) => vec![SettingsProblem::new("", raised.into_action_error().to_string())],
        }
    }

    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        let working = context.working();
        let given = Context { context: context.clone(), waits: working.waits() };
        let arguments = Box::new(move |py: Python<'_>| Ok(PyTuple::new(py, [given.into_py_any(py)?])?.unbind()));
        // Time goes on when the action is wanted no longer, so that its grace can end.
        let waits = working.waits();
        let ended_early = async {
            context.cancelled().await;
            waits.for_good();
        };
        let answered = self.run.call(arguments, ended_early).await;
        drop(working);
        let Done { outputs } = answer(answered, data).map_err(|raised| raised.into_action_error())?;
        let with = |output: ActionOutput, (key, value)| output.with(key, value);
        Ok(outputs.into_iter().fold(ActionOutput::default(), with))
    }
}

/// What an action of the program has to work with.
#[pyclass(frozen, module = "windlass._native", name = "ActionContext")]
pub(crate) struct Context {
    context: ActionContext,
    waits: Waits,
}

/// An error of the context as the engine's errors are.
fn told(error: ActionError) -> Error {
    let (kind, code) = match &error {
        ActionError::Failed { .. } => (ErrorKind::Invalid, "actionFailed"),
        _ => (ErrorKind::Unavailable, "actionUnavailable"),
    };
    Error::new(kind, code, "act", error.to_string()).with_source(error)
}

#[pymethods]
impl Context {
    #[getter]
    fn settings(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(pythonize::pythonize(py, self.context.raw_settings())?.unbind())
    }

    #[getter]
    fn variables(&self) -> BTreeMap<String, String> {
        self.context.variables().clone()
    }

    #[getter]
    fn run(&self) -> String {
        self.context.run().to_string()
    }

    #[getter]
    fn run_number(&self) -> u64 {
        self.context.run_number()
    }

    #[getter]
    fn pipeline(&self) -> &str {
        self.context.pipeline()
    }

    #[getter]
    fn task(&self) -> &str {
        self.context.task()
    }

    #[getter]
    fn attempt(&self) -> u32 {
        self.context.attempt()
    }

    #[getter]
    fn idempotency_key(&self) -> String {
        self.context.idempotency_key()
    }

    #[getter]
    fn resumed(&self) -> bool {
        self.context.resumed()
    }

    #[getter]
    fn cancelled(&self) -> bool {
        // Who asks may ask again and again until it is true.
        self.waits.for_good();
        self.context.is_cancelled()
    }

    fn log(&self, bytes: Vec<u8>) -> Operation {
        let context = self.context.clone();
        Operation::new(async move {
            context.log(bytes).await;
            Ok(plain(()))
        })
    }

    fn sleep(&self, milliseconds: u64) -> Operation {
        let (context, waits) = (self.context.clone(), self.waits.clone());
        Operation::new(async move {
            waits.during(context.sleep(Duration::from_millis(milliseconds))).await;
            Ok(plain(()))
        })
    }

    fn until_cancelled(&self) -> Operation {
        let (context, waits) = (self.context.clone(), self.waits.clone());
        Operation::new(async move {
            waits.during(context.cancelled()).await;
            Ok(plain(()))
        })
    }

    fn credential(&self, name: String) -> Operation {
        let context = self.context.clone();
        Operation::new(async move { Ok(plain(context.credential(&name).await.map_err(told)?)) })
    }

    fn read_file(&self, path: String, most: usize) -> Operation {
        let context = self.context.clone();
        Operation::new(async move {
            let content = context.read_file(&path, most).await.map_err(told)?;
            Ok(bytes(content))
        })
    }

    fn write_file(&self, path: String, content: Vec<u8>) -> Operation {
        let context = self.context.clone();
        Operation::new(async move { Ok(plain(context.write_file(&path, content).await.map_err(told)?)) })
    }
}
