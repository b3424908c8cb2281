//! Tests of pipelines, and the conformance of executors.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use pyo3::exceptions::PyAssertionError;
use pyo3::prelude::*;
use serde::Deserialize;
use windlass::clock::{SharedClock, SystemClock};
use windlass::executor::{Executor, Simple};
use windlass::run::{RunStatus, TaskStatus};
use windlass::testing::executor_conformance::{self as conformance, Factory};
use windlass::testing::{self, Script, TaskAssert};
use windlass::wire::{self, StartOptions};
use windlass::{Error, ErrorKind, Result};

use crate::action::Action;
use crate::executor::Whole;
use crate::failure::{exception, of_panic};
use crate::operation::{Operation, object, plain};
use crate::script::Said;
use crate::simple_executor::Short;

/// A test as the package says it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Test {
    definition: serde_json::Value,
    request: serde_json::Value,
    scripts: BTreeMap<String, Vec<Said>>,
    answers: Vec<Answer>,
    /// Milliseconds after the start.
    cancels: Vec<u64>,
    strict: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Answer {
    task: String,
    approved: bool,
    after_ms: u64,
    by: String,
    reason: String,
}

/// What came of a test's run.
#[pyclass(frozen, module = "windlass._native")]
pub(crate) struct TestOutcome(testing::TestOutcome);

/// Runs a test of a pipeline in virtual time.
#[pyfunction]
pub(crate) fn pipeline_test(test: String, actions: &Bound<'_, PyAny>) -> PyResult<Operation> {
    let mut named = Vec::new();
    for item in actions.call_method0("items")?.try_iter()? {
        let (name, action): (String, Bound<'_, PyAny>) = item?.extract()?;
        named.push((name, Action::of(&action)?));
    }
    Ok(Operation::new(async move {
        let test: Test = wire::read(&test, "test")?;
        let prepared = prepared(test)?;
        let prepared = if named.is_empty() {
            prepared
        } else {
            prepared.engine(|builder| {
                named.into_iter().fold(builder, |builder, (name, action)| builder.action(name, action))
            })
        };
        Ok(object(TestOutcome(played(prepared).await?)))
    }))
}

fn prepared(test: Test) -> Result<testing::PipelineTest> {
    let pipeline = wire::definition(&test.definition.to_string())?;
    let request = wire::read::<StartOptions>(&test.request.to_string(), "start")?.request()?;
    let mut prepared = testing::PipelineTest::of(&pipeline).request(request);
    for (task, scripts) in test.scripts {
        prepared = prepared.attempts(task, scripts.into_iter().map(Script::from));
    }
    for Answer { task, approved, after_ms, by, reason } in test.answers {
        let after = Duration::from_millis(after_ms);
        prepared = match approved {
            true => prepared.approve_after(task, after, by, reason),
            false => prepared.reject_after(task, after, by, reason),
        };
    }
    prepared = test.cancels.into_iter().fold(prepared, |test, after| test.cancel_after(Duration::from_millis(after)));
    Ok(if test.strict { prepared.strict() } else { prepared })
}

/// Plays it on a thread of its own, whose runtime sees when nothing is left to do but to wait.
async fn played(test: testing::PipelineTest) -> Result<testing::TestOutcome> {
    let play = move || -> Result<testing::TestOutcome> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            Error::new(ErrorKind::Unavailable, "noThreads", "test", format!("no runtime for the test: {error}"))
        })?;
        runtime.block_on(test.run())
    };
    let played = tokio::task::spawn_blocking(play).await;
    played.unwrap_or_else(|error| Err(error.try_into_panic().map_or_else(|_| ended(), |payload| of_panic(&*payload))))
}

fn ended() -> Error {
    Error::new(ErrorKind::Internal, "ended", "test", "the test ended early")
}

/// What holds, or the core's words for what does not.
fn asserted<T>(check: impl FnOnce() -> T) -> PyResult<T> {
    quietly(|| catch_unwind(AssertUnwindSafe(check))).map_err(|payload| PyAssertionError::new_err(words(&*payload)))
}

fn words(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

thread_local! {
    static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Assertions of the core panic; the exception says it, and nothing else has to.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let done = work();
    QUIET.set(false);
    done
}

fn status<T: for<'de> Deserialize<'de>>(py: Python<'_>, word: &str) -> PyResult<T> {
    let json = serde_json::Value::String(word.to_owned()).to_string();
    wire::read(&json, "assert").map_err(|error| exception(py, &error))
}

#[pymethods]
impl TestOutcome {
    /// Its summary, its calls and how long it took in milliseconds.
    fn document(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(pythonize::pythonize(py, &self.0)?.unbind())
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn took_ms(&self) -> u64 {
        u64::try_from(self.0.took().as_millis()).unwrap_or(u64::MAX)
    }

    fn log(&self, task: &str) -> PyResult<String> {
        asserted(|| self.0.log(task))
    }

    fn env(&self, task: &str) -> PyResult<BTreeMap<String, String>> {
        asserted(|| self.0.env(task).clone())
    }

    fn started(&self, task: &str) -> usize {
        self.0.started(task)
    }

    fn assert_status(&self, py: Python<'_>, word: &str) -> PyResult<()> {
        let wanted = status::<RunStatus>(py, word)?;
        asserted(|| self.0.assert_status(wanted)).map(drop)
    }

    fn assert_order(&self, tasks: Vec<String>) -> PyResult<()> {
        asserted(|| self.0.assert_order(tasks)).map(drop)
    }

    fn assert_side_by_side(&self, tasks: Vec<String>) -> PyResult<()> {
        asserted(|| self.0.assert_side_by_side(tasks)).map(drop)
    }

    fn assert_task(&self, py: Python<'_>, task: &str, word: &str) -> PyResult<()> {
        let wanted = status::<TaskStatus>(py, word)?;
        self.about(task, |task| {
            task.ended(wanted);
        })
    }

    fn assert_failed_with(&self, task: &str, code: &str) -> PyResult<()> {
        self.about(task, |task| {
            task.failed_with(code);
        })
    }

    fn assert_attempts(&self, task: &str, attempts: u32) -> PyResult<()> {
        self.about(task, |task| {
            task.attempts(attempts);
        })
    }

    fn assert_env(&self, task: &str, variable: &str, value: &str) -> PyResult<()> {
        self.about(task, |task| {
            task.env(variable, value);
        })
    }

    fn assert_output(&self, task: &str, key: &str, value: &str) -> PyResult<()> {
        self.about(task, |task| {
            task.output(key, value);
        })
    }

    fn assert_printed(&self, task: &str, text: &str) -> PyResult<()> {
        self.about(task, |task| {
            task.printed(text);
        })
    }
}

impl TestOutcome {
    fn about(&self, task: &str, check: impl FnOnce(&TaskAssert<'_>)) -> PyResult<()> {
        asserted(|| check(&self.0.assert_task(task)))
    }
}

/// Executors that the program makes, for the cases of the contract.
struct Made {
    make: Py<PyAny>,
    folder: std::path::PathBuf,
    clock: SharedClock,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Made {
    fn made(&self, py: Python<'_>) -> PyResult<Arc<dyn Executor>> {
        let given = self.make.bind(py).call0()?;
        if given.getattr("kind")?.eq("whole")? {
            return Ok(Arc::new(Whole::of(&given)?));
        }
        let executor = Simple::new(Short::of(&given)?, &self.folder, self.clock.clone());
        Ok(Arc::new(executor.map_err(|error| exception(py, &error.into()))?))
    }
}

impl Factory for Made {
    #[expect(clippy::panic, reason = "a case tells of what is broken by a panic")]
    fn executor(&self) -> Arc<dyn Executor> {
        let made = Python::attach(|py| self.made(py).map_err(|error| error.to_string()));
        made.unwrap_or_else(|error| panic!("the executor cannot be made: {error}"))
    }

    fn clock(&self) -> SharedClock {
        self.clock.clone()
    }
}

/// The names of the cases of the executors' contract.
#[pyfunction]
pub(crate) fn conformance_cases() -> Vec<&'static str> {
    conformance::CASES.to_vec()
}

/// Runs one case over executors that a function makes. Gives the words for what is broken, or nothing.
#[pyfunction]
pub(crate) fn conformance_case(name: String, make: Py<PyAny>, folder: std::path::PathBuf) -> Operation {
    let factory = Made { make, folder, clock: Arc::new(SystemClock::resume(None)) };
    Operation::new(async move {
        match AssertUnwindSafe(conformance::run_case(&name, &factory)).catch_unwind().await {
            Ok(true) => Ok(plain(())),
            Ok(false) => Ok(plain(format!("there is no case {name:?}"))),
            Err(payload) => Ok(plain(words(&*payload))),
        }
    })
}
