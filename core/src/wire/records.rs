//! What the core says about its work (`tracing`), on its way to the logger of another language: in batches, bounded, and without
//! ever waiting for it.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as Values};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

/// How many records wait at most. What comes while nobody takes any is counted.
const MOST: usize = 10_000;

/// The lowest level that is wanted, by its place in [`LEVELS`]; their number for none.
static WANTED: AtomicU8 = AtomicU8::new(3);
/// Whether somebody was told that there is something to take.
static TOLD: AtomicBool = AtomicBool::new(false);
static WAITING: Mutex<Records> = Mutex::new(Records { records: Vec::new(), dropped: 0 });
static WAKE: OnceLock<Box<Wake>> = OnceLock::new();

type Wake = dyn Fn() -> bool + Send + Sync;

const LEVELS: [(Level, &str); 5] = [
    (Level::TRACE, "trace"),
    (Level::DEBUG, "debug"),
    (Level::INFO, "info"),
    (Level::WARN, "warn"),
    (Level::ERROR, "error"),
];

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogRecord {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// The room that says it, such as `windlass::engine::driver`.
    pub target: String,
    /// What it says, with its fields.
    pub message: String,
}

/// What was said and not taken yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Records {
    /// In their order.
    pub records: Vec<LogRecord>,
    /// How many more there were for which there was no room.
    pub dropped: usize,
}

impl Records {
    /// Lets what the core says be kept for [`Records::take`] from now on; warnings and errors until [`Records::want`] says otherwise.
    /// `wake` is called when there is something to take, on a thread of the core, and says whether somebody will: it must neither
    /// wait nor say anything itself.
    /// A program that listens to `tracing` by itself keeps its own, and this does nothing.
    pub fn listen(wake: impl Fn() -> bool + Send + Sync + 'static) {
        if WAKE.set(Box::new(wake)).is_ok() {
            let _ = tracing::subscriber::set_global_default(Listener);
        }
    }

    /// Says from which level on records are wanted: one of `trace`, `debug`, `info`, `warn`, `error`; any other word is none at all.
    pub fn want(level: &str) {
        let place = LEVELS.iter().position(|(_, word)| *word == level).unwrap_or(LEVELS.len());
        WANTED.store(u8::try_from(place).unwrap_or(u8::MAX), Ordering::Relaxed);
    }

    /// Takes what waits.
    pub fn take() -> Self {
        TOLD.store(false, Ordering::Release);
        std::mem::take(&mut *WAITING.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&mut self, record: LogRecord) {
        if self.records.len() < MOST {
            self.records.push(record);
        } else {
            self.dropped += 1;
        }
    }
}

/// The place of a level, and its word.
fn place(level: Level) -> (u8, &'static str) {
    let found = LEVELS.iter().zip(0u8..).find(|((known, _), _)| *known == level);
    found.map_or((0, "trace"), |((_, word), place)| (place, word))
}

/// Hears events. Spans are for those who trace.
#[derive(Debug)]
struct Listener;

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // What is wanted may change.
        if metadata.is_event() && metadata.target().starts_with("windlass") {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("windlass")
            && place(*metadata.level()).0 >= WANTED.load(Ordering::Relaxed)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Values<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let (level, target) = (place(*event.metadata().level()).1, event.metadata().target().to_owned());
        let record = LogRecord { level, target, message: text.message + &text.fields };
        WAITING.lock().unwrap_or_else(PoisonError::into_inner).add(record);
        if !TOLD.swap(true, Ordering::AcqRel) && !WAKE.get().is_some_and(|wake| wake()) {
            TOLD.store(false, Ordering::Release);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message of a record, and its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// One test, since there is one place where records wait.
    #[test]
    fn records_wait_until_they_are_taken_and_the_first_one_wakes() {
        static WOKEN: AtomicUsize = AtomicUsize::new(0);
        let _ = WAKE.set(Box::new(|| {
            WOKEN.fetch_add(1, Ordering::Relaxed);
            true
        }));
        tracing::subscriber::with_default(Listener, || {
            Records::want("info");
            tracing::info!(target: "windlass::test", run = 7, "it began");
            tracing::debug!(target: "windlass::test", "nobody wants this");
            tracing::error!(target: "another", "nor this");
            tracing::warn!(target: "windlass::test", path = %"a b", "odd");
            let taken = Records::take();
            let said: Vec<_> = taken.records.iter().map(|record| (record.level, record.message.as_str())).collect();
            assert_eq!(said, [("info", "it began run=7"), ("warn", "odd path=a b")]);
            assert_eq!(WOKEN.load(Ordering::Relaxed), 1, "once for both");

            Records::want("none");
            tracing::error!(target: "windlass::test", "not even this");
            assert_eq!(Records::take(), Records::default());

            Records::want("trace");
            for number in 0..=MOST {
                tracing::trace!(target: "windlass::test", number);
            }
            let taken = Records::take();
            assert_eq!((taken.records.len(), taken.dropped), (MOST, 1));
            assert_eq!(WOKEN.load(Ordering::Relaxed), 2);
        });
    }
}
