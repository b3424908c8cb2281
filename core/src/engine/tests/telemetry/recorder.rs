//! A layer that remembers spans.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use futures::FutureExt;
use tracing::Dispatch;
use tracing::dispatcher::DefaultGuard;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::run::Seq;
use crate::store::{RunFilter, Store};
use crate::telemetry::TARGET;

/// A span as it was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) name: &'static str,
    pub(super) parent: Option<usize>,
    pub(super) fields: BTreeMap<&'static str, String>,
}

impl Seen {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// What was told, in order.
#[derive(Debug, Default)]
struct Told {
    spans: Vec<Seen>,
    /// `open NAME` and `close NAME`, with the kinds of the events that the store had by then.
    steps: Vec<(String, Vec<&'static str>)>,
}

/// Remembers all spans of engines.
#[derive(Clone, Default)]
pub(super) struct Recorder {
    told: Arc<Mutex<Told>>,
    /// The store in memory in which the committed events of the newest run are looked up at each step.
    history: Arc<OnceLock<Arc<dyn Store>>>,
}

impl Recorder {
    /// Listens on this thread until what it returns is dropped.
    pub(super) fn install() -> (Self, DefaultGuard) {
        let recorder = Self::default();
        let guard = listen(tracing_subscriber::registry().with(recorder.clone()));
        (recorder, guard)
    }

    pub(super) fn look_up(&self, store: Arc<dyn Store>) {
        let _ = self.history.set(store);
    }

    pub(super) fn spans(&self) -> Vec<Seen> {
        self.told.lock().unwrap().spans.clone()
    }

    pub(super) fn span(&self, otel_name: &str) -> Seen {
        let found = self.spans().into_iter().find(|span| span.field("otel.name") == Some(otel_name));
        found.unwrap_or_else(|| panic!("no span {otel_name} in\n{}", self.tree(&[])))
    }

    pub(super) fn steps(&self) -> Vec<(String, Vec<&'static str>)> {
        self.told.lock().unwrap().steps.clone()
    }

    /// All spans in the order in which they were opened, indented below their parents, with their results and some fields.
    pub(super) fn tree(&self, fields: &[&str]) -> String {
        let spans = self.spans();
        let depth = |span: &Seen| std::iter::successors(span.parent, |parent| spans[*parent].parent).count();
        let mut tree = String::new();
        for span in &spans {
            let name = span.field("otel.name").unwrap_or(span.name);
            let result = span.field("cicd.pipeline.result").or(span.field("cicd.pipeline.task.run.result"));
            tree += &format!("{}{name}: {}", "  ".repeat(depth(span)), result.unwrap_or("-"));
            for field in fields {
                if let Some(value) = span.field(field) {
                    tree += &format!(" {field}={value}");
                }
            }
            tree.push('\n');
        }
        tree
    }

    fn step(&self, what: &str, span: usize) {
        let mut told = self.told.lock().unwrap();
        let name = told.spans[span].field("otel.name").unwrap_or_default().to_owned();
        let kinds = self.history.get().map(|store| {
            let committed = async {
                let newest = store.list(&RunFilter { limit: 1, ..RunFilter::default() }).await.unwrap();
                store.read(newest[0].id, Seq::ZERO, 1000).await.unwrap()
            };
            let committed = committed.now_or_never().expect("a store in memory answers at once");
            committed.iter().map(|fact| fact.event.kind()).collect()
        });
        let kinds = kinds.unwrap_or_default();
        told.steps.push((format!("{what} {name}"), kinds));
    }
}

/// Gives this thread a subscriber until what it returns is dropped.
///
/// As long as a process has one subscriber only, `tracing` asks just the thread that comes to a span first whether anybody
/// wants it, and remembers the answer for all: that of a test without a subscriber. So there is always another one.
pub(super) fn listen(subscriber: impl Into<Dispatch>) -> DefaultGuard {
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| tracing_subscriber::registry().into());
    LazyLock::force(&ANOTHER);
    tracing::dispatcher::set_default(&subscriber.into())
}

/// Where a span is in the list.
struct Place(usize);

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != TARGET {
            return;
        }
        let span = context.span(id).unwrap();
        let parent = span.parent().and_then(|parent| parent.extensions().get::<Place>().map(|place| place.0));
        let mut seen = Seen { name: attributes.metadata().name(), parent, ..Seen::default() };
        attributes.record(&mut Fields(&mut seen.fields));
        let place = {
            let mut told = self.told.lock().unwrap();
            told.spans.push(seen);
            told.spans.len() - 1
        };
        span.extensions_mut().insert(Place(place));
        self.step("open", place);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        if let Some(Place(place)) = span.extensions().get::<Place>() {
            values.record(&mut Fields(&mut self.told.lock().unwrap().spans[*place].fields));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let place = context.span(&id).and_then(|span| span.extensions().get::<Place>().map(|place| place.0));
        if let Some(place) = place {
            self.step("close", place);
        }
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}
