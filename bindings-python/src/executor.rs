//! An executor of the program in its whole form: every method of the contract.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde::Deserialize;
use tokio::sync::Mutex;
use windlass::Error;
use windlass::executor::{
    Capabilities, Executor, ExecutorError, ExecutorEvent, LogChunk, RunScope, StepExit, StepSpec, SweepReport,
    TarStream,
};
use windlass::pipeline::ContainerOptions;
use windlass::run::{RunId, StepEnd, StepKey, WaitReason};

use crate::answer::{answer, data, nothing};
use crate::call::{Arguments, Function};
use crate::operation::{Operation, bytes, plain};
use crate::simple_executor::{capabilities_of, carried};

/// The executor behind the engine. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Whole(Arc<Methods>);

#[derive(Debug)]
struct Methods {
    capabilities: Capabilities,
    /// The keys of `container` with which it does nothing, where the program says which.
    ignores: Option<Vec<String>>,
    prepare: Function,
    observe: Function,
    start: Function,
    wait: Function,
    logs: Function,
    service_logs: Function,
    stop: Function,
    read: Function,
    write: Function,
    forget: Function,
    release: Function,
    keep: Function,
    sweep: Function,
}

impl Whole {
    /// Takes what the package made of the program's executor.
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let method = |name: &str| Function::of(&given.getattr(name)?);
        Ok(Self(Arc::new(Methods {
            capabilities: capabilities_of(given)?,
            ignores: given.getattr("ignores")?.extract()?,
            prepare: method("prepare")?,
            observe: method("observe")?,
            start: method("start")?,
            wait: method("wait")?,
            logs: method("logs")?,
            service_logs: method("service_logs")?,
            stop: method("stop")?,
            read: method("read")?,
            write: method("write")?,
            forget: method("forget")?,
            release: method("release")?,
            keep: method("keep")?,
            sweep: method("sweep")?,
        })))
    }
}

fn one<T: serde::Serialize + Send + 'static>(value: T) -> Arguments {
    Box::new(move |py| Ok(PyTuple::new(py, [pythonize::pythonize(py, &value)?])?.unbind()))
}

fn two<T: serde::Serialize + Send + 'static, U: serde::Serialize + Send + 'static>(first: T, second: U) -> Arguments {
    Box::new(move |py| {
        Ok(PyTuple::new(py, [pythonize::pythonize(py, &first)?, pythonize::pythonize(py, &second)?])?.unbind())
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exit {
    end: StepEnd,
    log_length: u64,
}

fn exit(value: &Bound<'_, PyAny>) -> PyResult<StepExit> {
    let (said, output): (Bound<'_, PyAny>, Vec<u8>) = value.extract()?;
    let Exit { end, log_length } = data(&said)?;
    Ok(StepExit { end, log_length, output: output.into() })
}

fn maybe<T>(value: &Bound<'_, PyAny>, read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> PyResult<Option<T>> {
    if value.is_none() { Ok(None) } else { read(value).map(Some) }
}

fn chunk(value: &Bound<'_, PyAny>) -> PyResult<Option<LogChunk>> {
    maybe(value, |value| {
        let (offset, bytes): (u64, Vec<u8>) = value.extract()?;
        Ok(LogChunk { offset, bytes: bytes.into() })
    })
}

fn whole(value: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    Ok(value.extract::<Vec<u8>>()?.into())
}

fn piece(value: &Bound<'_, PyAny>) -> PyResult<Option<Bytes>> {
    maybe(value, whole)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Noticed {
    Waiting { step: StepKey, reason: WaitReason },
    Running { step: StepKey },
    Told { step: StepKey, line: String },
}

fn noticed(value: &Bound<'_, PyAny>) -> PyResult<Option<ExecutorEvent>> {
    maybe(value, |value| {
        Ok(match data(value)? {
            Noticed::Waiting { step, reason } => ExecutorEvent::Waiting { step, reason },
            Noticed::Running { step } => ExecutorEvent::Running { step },
            Noticed::Told { step, line } => ExecutorEvent::Told { step, line },
        })
    })
}

impl Methods {
    async fn ask<T>(
        &self,
        function: &Function,
        arguments: Arguments,
        run: Option<RunId>,
        read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, ExecutorError> {
        let answered = function.call(arguments, std::future::pending()).await;
        answer(answered, read).map_err(|raised| raised.into_executor_error(run))
    }
}

/// What a method gives piece by piece: it answers a function that gives the next one, and at the end `None`.
fn pieces<T: Send + 'static>(
    methods: Arc<Methods>,
    method: fn(&Methods) -> &Function,
    arguments: Arguments,
    run: RunId,
    read: fn(&Bound<'_, PyAny>) -> PyResult<Option<T>>,
) -> BoxStream<'static, Result<T, ExecutorError>> {
    let open = async move {
        let next = methods.ask(method(&methods), arguments, Some(run), Function::of).await?;
        Ok::<_, ExecutorError>((methods, next))
    };
    stream::once(open)
        .flat_map(move |opened| match opened {
            Err(error) => stream::once(async { Err(error) }).boxed(),
            Ok(state) => stream::try_unfold(state, move |(methods, next)| async move {
                let none: Arguments = Box::new(|py| Ok(PyTuple::empty(py).unbind()));
                let item = methods.ask(&next, none, Some(run), read).await?;
                Ok(item.map(|item| (item, (methods, next))))
            })
            .boxed(),
        })
        .boxed()
}

#[async_trait]
impl Executor for Whole {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities.clone()
    }

    fn ignores(&self, options: &ContainerOptions) -> Vec<String> {
        match &self.0.ignores {
            Some(ignored) => options.keys().into_iter().filter(|key| ignored.contains(key)).collect(),
            None if self.0.capabilities.images => Vec::new(),
            None => options.keys(),
        }
    }

    async fn prepare(&self, scope: &RunScope) -> Result<(), ExecutorError> {
        self.0.ask(&self.0.prepare, one(scope.clone()), Some(scope.run), nothing).await
    }

    fn observe(&self, run: RunId) -> BoxStream<'static, ExecutorEvent> {
        let events = pieces(self.0.clone(), |methods| &methods.observe, one(run), run, noticed);
        events
            .filter_map(|event| async move {
                event.inspect_err(|error| tracing::warn!(%error, "an executor of the program observes no more")).ok()
            })
            .boxed()
    }

    async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError> {
        let (run, step) = (step.key.run, step.clone());
        let arguments: Arguments = Box::new(move |py| {
            let described = pythonize::pythonize(py, &step)?.unbind();
            Ok(PyTuple::new(py, [described, carried(py, &step.secrets)?])?.unbind())
        });
        self.0.ask(&self.0.start, arguments, Some(run), nothing).await
    }

    async fn wait(&self, step: &StepKey) -> Result<StepExit, ExecutorError> {
        self.0.ask(&self.0.wait, one(step.clone()), Some(step.run), exit).await
    }

    fn logs(&self, step: &StepKey, from: u64) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
        pieces(self.0.clone(), |methods| &methods.logs, two(step.clone(), from), step.run, chunk)
    }

    async fn service_logs(&self, step: &StepKey) -> Result<Bytes, ExecutorError> {
        self.0.ask(&self.0.service_logs, one(step.clone()), Some(step.run), whole).await
    }

    async fn stop(&self, step: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        let milliseconds = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.0.ask(&self.0.stop, two(step.clone(), milliseconds), Some(step.run), nothing).await
    }

    async fn read(&self, run: RunId, path: &str) -> Result<TarStream, ExecutorError> {
        // Asked for its first piece at once, so that a path that is not there is refused by this call.
        let mut tar = pieces(self.0.clone(), |methods| &methods.read, two(run, path.to_owned()), run, piece);
        match tar.next().await {
            Some(Err(error)) => Err(error),
            first => Ok(stream::iter(first).chain(tar).boxed()),
        }
    }

    async fn write(&self, run: RunId, path: &str, tar: TarStream) -> Result<(), ExecutorError> {
        let (path, tar) = (path.to_owned(), Pieces(Arc::new(Mutex::new(tar))));
        let arguments: Arguments = Box::new(move |py| {
            let (run, path) = (pythonize::pythonize(py, &run)?.unbind(), path.into_py_any(py)?);
            Ok(PyTuple::new(py, [run, path, tar.into_py_any(py)?])?.unbind())
        });
        self.0.ask(&self.0.write, arguments, Some(run), nothing).await
    }

    async fn forget(&self, step: &StepKey) -> Result<(), ExecutorError> {
        self.0.ask(&self.0.forget, one(step.clone()), Some(step.run), nothing).await
    }

    async fn release(&self, run: RunId) -> Result<(), ExecutorError> {
        self.0.ask(&self.0.release, one(run), Some(run), nothing).await
    }

    async fn keep(&self, run: RunId, generation: u32) -> Result<bool, ExecutorError> {
        self.0.ask(&self.0.keep, two(run, generation), Some(run), data).await
    }

    async fn sweep(&self, keep: &[RunId]) -> Result<SweepReport, ExecutorError> {
        let removed = self.0.ask(&self.0.sweep, one(keep.to_vec()), None, data::<Vec<RunId>>).await?;
        Ok(SweepReport { removed })
    }
}

/// The pieces of an archive on their way to the program.
#[pyclass(frozen, module = "windlass._native", name = "TarPieces")]
pub(crate) struct Pieces(Arc<Mutex<TarStream>>);

#[pymethods]
impl Pieces {
    /// The next piece; `None` at the end.
    fn next(&self) -> Operation {
        let tar = self.0.clone();
        Operation::new(async move {
            let next = tar.lock().await.next().await.transpose().map_err(Error::from)?;
            Ok(next.map_or_else(|| plain(()), bytes))
        })
    }
}
