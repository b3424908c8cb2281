//! What the engine says about itself, on stderr: warnings in plain words, or as much as `WINDLASS_LOG` wants.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

const VARIABLE: &str = "WINDLASS_LOG";

/// Starts listening. Nothing happens when the embedding process listens already.
pub(super) fn listen() {
    match std::env::var(VARIABLE) {
        Ok(filter) if !filter.is_empty() => {
            let filter = tracing_subscriber::EnvFilter::new(filter);
            let full = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
            let _ = full.try_init();
        }
        _ => {
            let plain = tracing_subscriber::fmt().with_max_level(Level::WARN).with_writer(std::io::stderr);
            let _ = plain.with_ansi(false).event_format(PlainWords::default()).try_init();
        }
    }
}

/// `warning: what happened field=value`. What is tried again and again is said once.
#[derive(Default)]
struct PlainWords {
    said: Mutex<VecDeque<String>>,
}

/// So many of the newest warnings are remembered.
const REMEMBERED: usize = 50;

impl PlainWords {
    /// Whether it was not said lately.
    fn is_news(&self, words: &str) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.iter().any(|earlier| earlier == words) {
            return false;
        }
        if said.len() == REMEMBERED {
            said.pop_front();
        }
        said.push_back(words.to_owned());
        true
    }
}

impl<S, N> FormatEvent<S, N> for PlainWords
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let word = if *event.metadata().level() == Level::ERROR { "error" } else { "warning" };
        let mut words = format!("{word}: ");
        context.field_format().format_fields(Writer::new(&mut words), event)?;
        if self.is_news(&words) { writeln!(writer, "{words}") } else { Ok(()) }
    }
}
