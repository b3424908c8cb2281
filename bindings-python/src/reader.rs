//! A data directory that is read beside its engine.

use std::path::PathBuf;

use futures::stream::{self, StreamExt, TryStreamExt};
use pyo3::prelude::*;
use windlass::run::Seq;
use windlass::store::Position;
use windlass::wire::{self, ArtifactName};
use windlass::{DownloadOptions, EventFilter, Reader as Core};

use crate::failure::{exception, guarded};
use crate::fork::Owned;
use crate::noun::asked;
use crate::operation::{Operation, bytes};
use crate::streams::{ByteStream, EngineEvents, Events};

/// A data directory, opened for reading.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Reader(Owned<Core>);

/// Opens a data directory for reading.
#[pyfunction]
pub(crate) fn reader(py: Python<'_>, data_dir: PathBuf) -> PyResult<Reader> {
    Ok(Reader(Owned::new(guarded(py, || Core::open(data_dir))?)))
}

impl Reader {
    fn here(&self, py: Python<'_>) -> PyResult<Core> {
        self.0.get().cloned().map_err(|error| exception(py, &error))
    }
}

#[pymethods]
impl Reader {
    fn ask(&self, request: String, arguments: String) -> Operation {
        asked(self.0.get(), request, arguments)
    }

    fn log(&self, run: String, task: String, attempt: u32, start: u64, most: Option<usize>) -> Operation {
        let core = match self.0.get() {
            Ok(core) => core.clone(),
            Err(error) => return Operation::refused(error),
        };
        Operation::new(async move {
            let run = core.find(&run).await?;
            Ok(bytes(core.log(run, &task, attempt, start, most.unwrap_or(usize::MAX)).await?))
        })
    }

    fn tail(&self, run: String, task: String, attempt: u32, lines: usize) -> Operation {
        let core = match self.0.get() {
            Ok(core) => core.clone(),
            Err(error) => return Operation::refused(error),
        };
        Operation::new(async move { Ok(bytes(core.tail(core.find(&run).await?, &task, attempt, lines).await?)) })
    }

    fn download(&self, py: Python<'_>, run: String, options: &str) -> PyResult<ByteStream> {
        let core = self.here(py)?;
        let options = wire::read::<DownloadOptions>(options, "download").map_err(|error| exception(py, &error))?;
        let opened = async move { core.download(core.find(&run).await?, options).await };
        let stream = stream::once(opened).map_ok(|log| {
            stream::try_unfold(log, |mut log| async move {
                let piece = log.next().await?;
                Ok(piece.map(|piece| (piece, log)))
            })
        });
        ByteStream::new(stream.try_flatten().boxed())
    }

    fn run_events(&self, py: Python<'_>, run: String, after: u64) -> PyResult<Events> {
        let core = self.here(py)?;
        let opened = async move { Ok::<_, windlass::Error>(core.run_events_after(core.find(&run).await?, Seq(after))) };
        let stream = stream::once(opened).map_ok(|events| {
            stream::try_unfold(events, |mut events| async move {
                let event = events.next().await?;
                Ok(event.map(|event| (event, events)))
            })
        });
        Events::new(stream.try_flatten().boxed())
    }

    fn events(&self, py: Python<'_>, after: u64, filter: &str) -> PyResult<EngineEvents> {
        let core = self.here(py)?;
        let filter = wire::read::<EventFilter>(filter, "events").map_err(|error| exception(py, &error))?;
        let opened = async move { core.events_after(Position(after), filter).await };
        let stream = stream::once(opened).map_ok(|events| {
            stream::try_unfold(events, |mut events| async move {
                let event = events.next().await?;
                Ok(event.map(|event| (event, events)))
            })
        });
        EngineEvents::new(stream.try_flatten().boxed())
    }

    fn artifact(&self, py: Python<'_>, run: String, artifact: &str) -> PyResult<ByteStream> {
        let core = self.here(py)?;
        let name = wire::read::<ArtifactName>(artifact, "artifact").map_err(|error| exception(py, &error))?;
        let opened = async move { name.among(core.artifacts(core.find(&run).await?).await?)?.stream().await };
        ByteStream::new(stream::once(opened).try_flatten().boxed())
    }
}
