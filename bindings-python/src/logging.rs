//! What the core says about its work (`tracing`) on its way to Python's `logging`, in batches and off every thread of the core.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

use crate::bridge::Bridge;

/// How many records wait at most. What comes while the program does not take any is counted and said.
const MOST: usize = 10_000;

/// The lowest level that a logger of the program wants, as a number of `logging`. Looked at when an engine is opened, and with
/// each batch.
static WANTED: AtomicU8 = AtomicU8::new(30);
/// Whether a batch is on its way.
static SENT: AtomicBool = AtomicBool::new(false);
static WAITING: Mutex<Waiting> = Mutex::new(Waiting { records: Vec::new(), dropped: 0 });

struct Waiting {
    records: Vec<(u8, String, String)>,
    dropped: usize,
}

/// Lets the core's records go to `logging` from now on. A program that listens to `tracing` by itself keeps its own.
pub(crate) fn listen(py: Python<'_>) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = tracing::subscriber::set_global_default(registry().with(ToPython));
    });
    look(py);
}

/// Asks `logging` which level is wanted.
fn look(py: Python<'_>) {
    static LEVEL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let level = LEVEL.import(py, "windlass._logging", "wanted").and_then(|wanted| wanted.call0()?.extract::<u8>());
    WANTED.store(level.unwrap_or(30), Ordering::Relaxed);
}

/// The number that `logging` has for a level.
fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => 5,
    }
}

struct ToPython;

impl<S: Subscriber> Layer<S> for ToPython {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with("windlass") && number(*metadata.level()) >= WANTED.load(Ordering::Relaxed)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !event.metadata().is_event() {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let target = event.metadata().target().replace("::", ".");
        add((number(*event.metadata().level()), target, text.whole()));
    }
}

fn add(record: (u8, String, String)) {
    {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.records.len() >= MOST {
            waiting.dropped += 1;
        } else {
            waiting.records.push(record);
        }
    }
    if SENT.swap(true, Ordering::AcqRel) {
        return;
    }
    match Bridge::get() {
        Ok(bridge) => bridge.send(bring),
        Err(_) => SENT.store(false, Ordering::Release),
    }
}

/// Hands all that waits to `logging` at once.
fn bring(py: Python<'_>) {
    static TELL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    SENT.store(false, Ordering::Release);
    let (records, dropped) = {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut waiting.records), std::mem::take(&mut waiting.dropped))
    };
    // A handler that raises has been told about by `logging` itself.
    let _ = TELL.import(py, "windlass._logging", "tell").and_then(|tell| tell.call1((records, dropped)));
    look(py);
}

/// The message of a record with its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn whole(self) -> String {
        self.message + &self.fields
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a text cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
