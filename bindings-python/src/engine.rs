//! The engine.

use futures::stream::{self, StreamExt, TryStreamExt};
use pyo3::prelude::*;
use windlass::run::RunId;
use windlass::store::{AuditFilter, Position, RunFilter};
use windlass::wire::{self, EngineOptions, SearchOptions, ShutdownOptions, StartOptions};
use windlass::{Error, ErrorKind, EventFilter, Result, Shutdown};

use crate::failure::exception;
use crate::fork::Owned;
use crate::operation::{Gift, Operation, object, plain};
use crate::pipelines::Pipelines;
use crate::run::Run;
use crate::streams::EngineEvents;

/// An engine on a data directory.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Engine(Owned<windlass::Engine>);

/// Opens an engine.
#[pyfunction]
pub(crate) fn open(options: String) -> Operation {
    Operation::new(async move {
        let options = wire::read::<EngineOptions>(&options, "open")?;
        Ok(object(Engine(Owned::new(options.builder().open().await?))))
    })
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
