//! The handle of one run.

use futures::stream::{self, StreamExt, TryStreamExt};
use pyo3::prelude::*;
use windlass::run::Seq;
use windlass::wire::{self, ArtifactName, RerunMode, SearchOptions};
use windlass::{DownloadOptions, Rerun, Result};

use crate::failure::exception;
use crate::fork::Owned;
use crate::noun::asked;
use crate::operation::{Gift, Operation, bytes, object, plain};
use crate::streams::{ByteStream, Events, LogStream};

/// A run of an engine.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Run(Owned<windlass::Run>);

impl Run {
    pub(crate) fn gift(run: windlass::Run) -> Gift {
        object(Self(Owned::new(run)))
    }

    fn with<F>(&self, work: impl FnOnce(windlass::Run) -> F) -> Operation
    where
        F: Future<Output = Result<Gift>> + Send + 'static,
    {
        match self.0.get() {
            Ok(run) => Operation::new(work(run.clone())),
            Err(error) => Operation::refused(error),
        }
    }

    fn here(&self, py: Python<'_>) -> PyResult<windlass::Run> {
        self.0.get().cloned().map_err(|error| exception(py, &error))
    }
}

#[pymethods]
impl Run {
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.here(py)?.id().to_string())
    }

    #[getter]
    fn number(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.here(py)?.number())
    }

    #[getter]
    fn pipeline(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.here(py)?.pipeline().to_owned())
    }

    fn events(&self, py: Python<'_>, after: u64) -> PyResult<Events> {
        let run = self.here(py)?;
        let stream = stream::once(async move { run.events_after(Seq(after)).await }).map_ok(|events| {
            stream::try_unfold(events, |mut events| async move {
                let event = events.next().await?;
                Ok(event.map(|event| (event, events)))
            })
        });
        Events::new(stream.try_flatten().boxed())
    }

    fn wait(&self) -> Operation {
        self.with(|run| async move { Ok(plain(run.wait().await?)) })
    }

    fn summary(&self) -> Operation {
        self.with(|run| async move { Ok(plain(run.summary().await?)) })
    }

    fn status(&self) -> Operation {
        self.with(|run| async move { Ok(plain(run.status().await?)) })
    }

    fn cancel(&self, by: String, reason: String) -> Operation {
        self.with(|run| async move { Ok(plain(run.cancel(&by, &reason).await?)) })
    }

    fn approve(&self, task: String, by: String, reason: String) -> Operation {
        self.with(|run| async move { Ok(plain(run.approve(&task, &by, &reason).await?)) })
    }

    fn reject(&self, task: String, by: String, reason: String) -> Operation {
        self.with(|run| async move { Ok(plain(run.reject(&task, &by, &reason).await?)) })
    }

    fn log(&self, task: String, attempt: u32, start: u64, most: Option<usize>) -> Operation {
        self.with(
            move |run| async move { Ok(bytes(run.log(&task, attempt, start, most.unwrap_or(usize::MAX)).await?)) },
        )
    }

    fn tail(&self, task: String, attempt: u32, lines: usize) -> Operation {
        self.with(move |run| async move { Ok(bytes(run.tail(&task, attempt, lines).await?)) })
    }

    fn follow_log(&self, py: Python<'_>, task: String, attempt: u32, start: u64) -> PyResult<LogStream> {
        let run = self.here(py)?;
        let stream = stream::once(async move { run.follow_log(&task, attempt, start).await }).map_ok(|log| {
            stream::try_unfold(log, |mut log| async move {
                let piece = log.next().await?;
                Ok(piece.map(|piece| (piece, log)))
            })
        });
        LogStream::new(stream.try_flatten().boxed())
    }

    fn download(&self, py: Python<'_>, options: &str) -> PyResult<ByteStream> {
        let run = self.here(py)?;
        let options = wire::read::<DownloadOptions>(options, "download").map_err(|error| exception(py, &error))?;
        let stream = stream::once(async move { run.download(options).await }).map_ok(|log| {
            stream::try_unfold(log, |mut log| async move {
                let piece = log.next().await?;
                Ok(piece.map(|piece| (piece, log)))
            })
        });
        ByteStream::new(stream.try_flatten().boxed())
    }

    fn ask(&self, request: String, arguments: String) -> Operation {
        asked(self.0.get(), request, arguments)
    }

    fn artifact(&self, py: Python<'_>, artifact: &str) -> PyResult<ByteStream> {
        let run = self.here(py)?;
        let name = wire::read::<ArtifactName>(artifact, "artifact").map_err(|error| exception(py, &error))?;
        let opened = async move { name.among(run.artifacts().await?)?.stream().await };
        ByteStream::new(stream::once(opened).try_flatten().boxed())
    }

    fn search(&self, query: String) -> Operation {
        self.with(|run| async move {
            let query = wire::read::<SearchOptions>(&query, "search")?.query()?;
            Ok(plain(run.search(&query).await?))
        })
    }

    fn timeline(&self) -> Operation {
        self.with(|run| async move { Ok(plain(run.timeline().await?)) })
    }

    fn at(&self, seq: u64) -> Operation {
        self.with(move |run| async move { Ok(plain(run.at(Seq(seq)).await?)) })
    }

    fn retry(&self, mode: String, by: String) -> Operation {
        self.with(|run| async move {
            let mode = Rerun::from(wire::read::<RerunMode>(&mode, "retry")?);
            Ok(Self::gift(run.retry(mode, &by).await?))
        })
    }

    fn delete(&self, by: String) -> Operation {
        self.with(|run| async move { Ok(plain(run.delete(&by).await?)) })
    }
}
