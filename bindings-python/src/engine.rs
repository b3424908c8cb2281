//! The engine.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use pyo3::prelude::*;
use windlass::run::RunId;
use windlass::store::{AuditFilter, Position, RunFilter};
use windlass::testing::ScriptedExecutor;
use windlass::wire::{self, EngineOptions, Registries, SearchOptions, ShutdownOptions, StartOptions};
use windlass::{EngineBuilder, Error, ErrorKind, EventFilter, Result, Shutdown};

use crate::action::Action;
use crate::credentials::{Provider, Trial};
use crate::executor::Whole;
use crate::failure::exception;
use crate::fork::Owned;
use crate::logging;
use crate::noun::Noun;
use crate::operation::{Gift, Operation, object, plain};
use crate::pipelines::Pipelines;
use crate::run::Run;
use crate::scripted::{Clock, Scripted};
use crate::simple_executor::Short;
use crate::streams::EngineEvents;

/// An engine on a data directory.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Engine(Owned<windlass::Engine>);

/// Opens an engine.
#[pyfunction]
pub(crate) fn open(
    options: String,
    executors: &Bound<'_, PyAny>,
    actions: &Bound<'_, PyAny>,
    secrets: Vec<Bound<'_, PyAny>>,
    trials: &Bound<'_, PyAny>,
    clock: Option<&Bound<'_, Clock>>,
) -> PyResult<Operation> {
    let clock = clock.map(|clock| clock.get().0.clone());
    let providers = secrets.iter().map(Provider::of).collect::<PyResult<Vec<_>>>()?;
    logging::listen(executors.py());
    let mut own = Vec::new();
    for (name, executor) in named(executors)? {
        own.push((name, Given::of(&executor)?));
    }
    let mut handlers = Vec::new();
    for (name, action) in named(actions)? {
        handlers.push((name, Action::of(&action)?));
    }
    let mut tests = Vec::new();
    for (kind, trial) in named(trials)? {
        tests.push((kind, Trial::of(&trial)?));
    }
    Ok(Operation::new(async move {
        let mut builder = wire::read::<EngineOptions>(&options, "open")?.builder()?;
        for (name, executor) in own {
            builder = executor.register(builder, name)?;
        }
        for (kind, trial) in tests {
            builder = builder.credential_test(wire::target_kind(&kind)?, trial);
        }
        let builder = match clock {
            Some(clock) => builder.clock(Arc::new(clock)),
            None => builder,
        };
        let builder =
            handlers.into_iter().fold(builder, |builder: EngineBuilder, (name, action)| builder.action(name, action));
        let builder = providers.into_iter().fold(builder, EngineBuilder::secrets);
        Ok(object(Engine(Owned::new(builder.open().await?))))
    }))
}

/// The values of a mapping under their names, in their order.
fn named<'py>(mapping: &Bound<'py, PyAny>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    mapping.call_method0("items")?.try_iter()?.map(|item| item?.extract()).collect()
}

/// An executor of the program, in its short or its whole form.
enum Given {
    Short(Short),
    Whole(Whole),
    Scripted(ScriptedExecutor),
    /// One that comes with Windlass: its kind, and its options as JSON.
    Known(String, String),
}

impl Given {
    fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let kind: String = given.getattr("kind")?.extract()?;
        match kind.as_str() {
            "simple" => Short::of(given).map(Self::Short),
            "whole" => Whole::of(given).map(Self::Whole),
            "scripted" => Ok(Self::Scripted(given.getattr("native")?.cast::<Scripted>()?.get().0.clone())),
            _ => Ok(Self::Known(kind, given.getattr("about")?.extract()?)),
        }
    }

    fn register(self, builder: EngineBuilder, name: String) -> Result<EngineBuilder> {
        Ok(match self {
            Self::Short(executor) => builder.simple_executor(name, executor),
            Self::Whole(executor) => builder.executor(name, executor),
            Self::Scripted(executor) => builder.executor(name, executor),
            Self::Known(kind, about) => return wire::register_executor(builder, &kind, name, &about),
        })
    }
}

/// Makes a data directory from a backup.
#[pyfunction]
pub(crate) fn restore(backup: String, data_dir: String) -> Operation {
    Operation::new(async move { Ok(plain(windlass::restore(backup, data_dir).await?)) })
}

impl Engine {
    fn with<F>(&self, work: impl FnOnce(windlass::Engine) -> F) -> Operation
    where
        F: Future<Output = Result<Gift>> + Send + 'static,
    {
        match self.0.get() {
            Ok(engine) => Operation::new(work(engine.clone())),
            Err(error) => Operation::refused(error),
        }
    }

    fn here(&self, py: Python<'_>) -> PyResult<windlass::Engine> {
        self.0.get().cloned().map_err(|error| exception(py, &error))
    }
}

#[pymethods]
impl Engine {
    #[getter]
    fn recovered(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.here(py)?.recovered().iter().map(RunId::to_string).collect())
    }

    #[getter]
    fn pipelines(&self, py: Python<'_>) -> PyResult<Pipelines> {
        Ok(Pipelines::new(self.here(py)?.pipelines()))
    }

    #[getter]
    fn credentials(&self, py: Python<'_>) -> PyResult<Noun> {
        Ok(Noun::of(self.here(py)?.credentials()))
    }

    #[getter]
    fn clusters(&self, py: Python<'_>) -> PyResult<Noun> {
        Ok(Noun::of(self.here(py)?.clusters()))
    }

    #[getter]
    fn sources(&self, py: Python<'_>) -> PyResult<Noun> {
        Ok(Noun::of(self.here(py)?.sources()))
    }

    #[getter]
    fn registries(&self, py: Python<'_>) -> PyResult<Noun> {
        Ok(Noun::of(Registries::of(self.here(py)?)))
    }

    fn capabilities(&self, py: Python<'_>, executor: &str) -> PyResult<Py<PyAny>> {
        Ok(pythonize::pythonize(py, &self.here(py)?.capabilities(executor))?.unbind())
    }

    fn start(&self, definition: String, options: String) -> Operation {
        self.with(|engine| async move {
            let pipeline = wire::definition(&definition)?;
            let request = wire::read::<StartOptions>(&options, "start")?.request()?;
            Ok(Run::gift(engine.start(&pipeline, request).await?))
        })
    }

    fn run(&self, id: String) -> Operation {
        self.with(|engine| async move {
            let wrong = |error| {
                let message = format!("{id:?} is no id of a run ({error}); `find` takes names such as PIPELINE#NUMBER");
                Error::new(ErrorKind::NotFound, "noSuchRun", "find", message)
            };
            Ok(Run::gift(engine.run(id.parse::<RunId>().map_err(wrong)?).await?))
        })
    }

    fn find(&self, text: String) -> Operation {
        self.with(|engine| async move { Ok(Run::gift(engine.find(&text).await?)) })
    }

    fn runs(&self, filter: String) -> Operation {
        self.with(|engine| async move { Ok(plain(engine.runs(&wire::read::<RunFilter>(&filter, "runs")?).await?)) })
    }

    fn events(&self, py: Python<'_>, after: u64, filter: &str) -> PyResult<EngineEvents> {
        let engine = self.here(py)?;
        let filter = wire::read::<EventFilter>(filter, "events").map_err(|error| exception(py, &error))?;
        let events = async move { engine.events_after(Position(after), filter).await };
        let stream = stream::once(events).map_ok(|events| {
            stream::try_unfold(events, |mut events| async move {
                let event = events.next().await?;
                Ok(event.map(|event| (event, events)))
            })
        });
        EngineEvents::new(stream.try_flatten().boxed())
    }

    fn newest(&self) -> Operation {
        self.with(|engine| async move { Ok(plain(engine.newest().await?)) })
    }

    fn search(&self, runs: String, query: String) -> Operation {
        self.with(|engine| async move {
            let runs = wire::read::<RunFilter>(&runs, "search")?;
            let query = wire::read::<SearchOptions>(&query, "search")?.query()?;
            Ok(plain(engine.search(&runs, &query).await?))
        })
    }

    fn audit(&self, filter: String) -> Operation {
        self.with(|engine| async move { Ok(plain(engine.audit(&wire::read::<AuditFilter>(&filter, "audit")?).await?)) })
    }

    fn prune(&self) -> Operation {
        self.with(|engine| async move { Ok(plain(engine.prune().await?)) })
    }

    fn backup(&self, path: String, by: String) -> Operation {
        self.with(|engine| async move { Ok(plain(engine.backup(path, &by).await?)) })
    }

    fn drain(&self, limit_ms: Option<u64>) -> Operation {
        let limit = limit_ms.map(Duration::from_millis);
        self.with(move |engine| async move { Ok(plain(engine.drain(limit).await?)) })
    }

    fn shutdown(&self, how: String) -> Operation {
        self.with(|engine| async move {
            let how = Shutdown::from(wire::read::<ShutdownOptions>(&how, "shutdown")?);
            Ok(plain(engine.shutdown(how).await?))
        })
    }

    fn close(&self) -> Operation {
        self.with(|engine| async move { Ok(plain(engine.close().await?)) })
    }
}
