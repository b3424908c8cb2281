//! What an exporter of OpenTelemetry gets.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};
use tracing_subscriber::layer::SubscriberExt;

use super::recorder::listen;
use super::{ONE_TASK, World};
use crate::engine::RunRequest;
use crate::engine::tests::pipeline;
use crate::testing::Script;

/// Makes the portal's span the parent of a run's span: what the documentation of `windlass::telemetry` tells embedders.
struct Linked(SdkTracer);

impl Tracer for Linked {
    type Span = opentelemetry_sdk::trace::Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Self::Span {
        let text = builder.attributes.iter().flatten().find(|attribute| attribute.key.as_str() == "traceparent");
        match text {
            Some(text) => {
                let carrier = HashMap::from([("traceparent".to_owned(), text.value.as_str().into_owned())]);
                let remote = TraceContextPropagator::new().extract(&carrier);
                self.0.build_with_context(builder, &remote)
            }
            None => self.0.build_with_context(builder, parent),
        }
    }
}

fn attribute(span: &SpanData, name: &str) -> Option<Value> {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == name).map(|attribute| attribute.value.clone())
}

#[tokio::test]
async fn a_run_is_a_trace_below_the_span_of_the_portal() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(Linked(provider.tracer("test")));
    let _guard = listen(tracing_subscriber::registry().with(layer));

    let world = World::new(|executor| executor.task("t", Script::fails(3)));
    let engine = world.open().await;
    let request = RunRequest::manual().traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let run = engine.start(&pipeline(ONE_TASK), request).await.unwrap();
    run.wait().await.unwrap();
    engine.close().await.unwrap();

    let spans = exporter.get_finished_spans().unwrap();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
    // In the order in which they ended.
    assert_eq!(names, ["attempt 1", "t", "RUN p"]);
    let [attempt, task, run_span] = spans.as_slice() else { panic!() };
    assert_eq!(run_span.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(task.parent_span_id, run_span.span_context.span_id());
    assert_eq!(attempt.parent_span_id, task.span_context.span_id());
    for span in &spans {
        assert_eq!(span.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert!(
            matches!(&span.status, Status::Error { description } if description.contains("exit code 3")),
            "{span:?}"
        );
        assert_eq!(attribute(span, "error.type"), Some("exitCode".into()));
    }
    assert_eq!(run_span.span_kind, SpanKind::Server);
    assert_eq!(task.span_kind, SpanKind::Internal);
    assert_eq!(attribute(run_span, "cicd.pipeline.name"), Some("p".into()));
    assert_eq!(attribute(run_span, "cicd.pipeline.result"), Some("failure".into()));
    assert_eq!(attribute(run_span, "cicd.pipeline.run.id"), Some(run.id().to_string().into()));
    assert_eq!(attribute(task, "cicd.pipeline.task.run.result"), Some("failure".into()));
    assert_eq!(attribute(attempt, "windlass.exit_code"), Some(3.into()));
}
