//! Streams of the core: a task of the core reads ahead into a bounded channel, and Python takes what is there, all at once.
//! So an event loop is woken once for many events, and nothing grows when it is slow.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use serde::Serialize;
use tokio::sync::{Mutex, mpsc};
use tokio::task::AbortHandle;
use windlass::{EngineEvent, Event, Result};

use crate::bridge::Bridge;
use crate::fork::Owned;
use crate::operation::{Gift, Operation};

/// How many items are read ahead, and are given at once. A piece of log has 64 KiB at most.
const AHEAD: usize = 64;

/// The reading end. Dropping it ends the reading.
#[derive(Debug)]
struct Feed<T> {
    receiver: Arc<Mutex<mpsc::Receiver<Result<T>>>>,
    reading: AbortHandle,
}

impl<T> Drop for Feed<T> {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl<T: Send + 'static> Feed<T> {
    fn new(mut stream: BoxStream<'static, Result<T>>) -> PyResult<Owned<Self>> {
        let bridge = Bridge::get().map_err(|error| PyOSError::new_err(error.to_string()))?;
        let (sender, receiver) = mpsc::channel(AHEAD);
        let reading = bridge.runtime().spawn(async move {
            while let Some(item) = stream.next().await {
                if sender.send(item).await.is_err() {
                    return;
                }
            }
        });
        let receiver = Arc::new(Mutex::new(receiver));
        Ok(Owned::new(Self { receiver, reading: reading.abort_handle() }))
    }
}

/// What has come, at least one item; none at the end. An error comes after what was before it.
fn batch<T: Send + 'static>(feed: &Owned<Feed<T>>, gift: fn(Vec<T>) -> Gift) -> Operation {
    let receiver = match feed.get() {
        Ok(feed) => feed.receiver.clone(),
        Err(error) => return Operation::refused(error),
    };
    Operation::new(async move {
        let mut receiver = receiver.lock().await;
        let mut items = Vec::new();
        let mut next = receiver.recv().await;
        while let Some(item) = next {
            match item {
                Ok(item) => items.push(item),
                // Nothing that came before it is lost: it is in the next batch only when there is something before it.
                Err(error) if items.is_empty() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "a stream ends after an error");
                    receiver.close();
                    break;
                }
            }
            if items.len() == AHEAD {
                break;
            }
            next = receiver.try_recv().ok();
        }
        Ok(gift(items))
    })
}

/// An event, written as Python values when somebody looks at it.
#[derive(Clone, Debug)]
enum Told {
    Run(Event),
    Engine(EngineEvent),
}

/// An event of a run, or of the engine.
#[pyclass(frozen, module = "windlass._native")]
#[derive(Debug)]
pub(crate) struct Fact(Told);

impl Serialize for Told {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Run(event) => event.serialize(serializer),
            Self::Engine(event) => event.serialize(serializer),
        }
    }
}

#[pymethods]
impl Fact {
    /// The values of its JSON.
    fn document(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(pythonize::pythonize(py, &self.0)?.unbind())
    }

    /// Its JSON, on one line.
    fn json(&self) -> PyResult<String> {
        serde_json::to_string(&self.0).map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))
    }

    fn __str__(&self) -> String {
        match &self.0 {
            Told::Run(event) => event.to_string(),
            Told::Engine(event) => event.to_string(),
        }
    }
}

fn facts(events: Vec<Told>) -> Gift {
    Box::new(move |py| Ok(PyList::new(py, events.into_iter().map(Fact))?.into_any().unbind()))
}

fn pieces(pieces: Vec<Bytes>) -> Gift {
    Box::new(move |py| Ok(PyList::new(py, pieces.iter().map(|piece| PyBytes::new(py, piece)))?.into_any().unbind()))
}

/// The events of a run.
#[pyclass(frozen, module = "windlass._native")]
pub(crate) struct Events(Owned<Feed<Told>>);

/// The events of everything.
#[pyclass(frozen, module = "windlass._native")]
pub(crate) struct EngineEvents(Owned<Feed<Told>>);

/// The log of an attempt, as it grows.
#[pyclass(frozen, module = "windlass._native")]
pub(crate) struct LogStream(Owned<Feed<Bytes>>);

/// Bytes of which there is an end: the logs of a whole run, an artifact.
#[pyclass(frozen, module = "windlass._native")]
pub(crate) struct ByteStream(Owned<Feed<Bytes>>);

impl Events {
    pub(crate) fn new(stream: BoxStream<'static, Result<Event>>) -> PyResult<Self> {
        Ok(Self(Feed::new(stream.map(|event| event.map(Told::Run)).boxed())?))
    }
}

impl EngineEvents {
    pub(crate) fn new(stream: BoxStream<'static, Result<EngineEvent>>) -> PyResult<Self> {
        Ok(Self(Feed::new(stream.map(|event| event.map(Told::Engine)).boxed())?))
    }
}

impl LogStream {
    pub(crate) fn new(stream: BoxStream<'static, Result<Bytes>>) -> PyResult<Self> {
        Ok(Self(Feed::new(stream)?))
    }
}

impl ByteStream {
    pub(crate) fn new(stream: BoxStream<'static, Result<Bytes>>) -> PyResult<Self> {
        Ok(Self(Feed::new(stream)?))
    }
}

#[pymethods]
impl Events {
    fn next_batch(&self) -> Operation {
        batch(&self.0, facts)
    }
}

#[pymethods]
impl EngineEvents {
    fn next_batch(&self) -> Operation {
        batch(&self.0, facts)
    }
}

#[pymethods]
impl LogStream {
    fn next_batch(&self) -> Operation {
        batch(&self.0, pieces)
    }
}

#[pymethods]
impl ByteStream {
    fn next_batch(&self) -> Operation {
        batch(&self.0, pieces)
    }
}
