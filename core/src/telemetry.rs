//! What an engine tells observers of the whole system: spans through [`tracing`], figures through the façade `metrics`.
//!
//! Nothing is exported unless the embedder installs a subscriber or a recorder, and next to nothing is done without one.
//! Install both before the engine is opened: what was counted or opened before is not told later. Only what is committed is
//! told; when the process dies between a commit and the telling, that one event is missing here. The names are those of the
//! OpenTelemetry semantic conventions for CI/CD, version [`CONVENTIONS`], as far as these have a name, and begin with
//! `windlass.` where not.
//!
//! # Spans
//!
//! Each attempt is a child of its task, each task a child of its run, and the run is the root of a trace. All have the target
//! [`TARGET`] and the level `INFO`: a filter such as `windlass::telemetry=info` lets them through, whatever else is shown.
//!
//! | span | from, to | fields |
//! |---|---|---|
//! | [`RUN_SPAN`] | the queue let it go, its end | `cicd.pipeline.name`, `cicd.pipeline.action.name` (`RUN`), `cicd.pipeline.run.id`, `cicd.pipeline.run.url.full` (where the engine has a base URL), `cicd.pipeline.result`, `windlass.run.number`, `windlass.run.trigger`, `windlass.run.queued` (seconds in the queue), `windlass.executor`, `traceparent` |
//! | [`TASK_SPAN`] | its first attempt or its question for an approval, its end | `cicd.pipeline.task.name`, `cicd.pipeline.task.run.id` (`RUN/TASK`), `cicd.pipeline.task.type` (where the action tells it), `cicd.pipeline.task.run.result`, `windlass.task.action`, `windlass.task.state` |
//! | [`ATTEMPT_SPAN`] | its start, its end | `cicd.pipeline.task.name`, `cicd.pipeline.task.run.id` (`RUN/TASK#ATTEMPT`), `cicd.pipeline.task.run.result`, `windlass.attempt`, `windlass.exit_code` |
//!
//! - Results are the words of the conventions: `success`, `failure` (of the step), `error` (of the engine or the executor, or
//!   nobody knows), `timeout`, `cancellation`, `skip`. With `failure`, `error` and `timeout` come `error.type` (the code of
//!   the cause), `otel.status_code` and `otel.status_description` (the cause's message).
//! - A task that a repeated run takes over from the run before has no span, and is not counted: it was told there.
//! - What is skipped, or cancelled in the queue, has a span without length, so that every other task and every run has one.
//! - A run that an engine takes up again gets a new span, with `windlass.resumed = true`, and so do its tasks and attempts
//!   that go on. The span in the engine before has `windlass.interrupted`: `closed`, or `broken` when the engine could not go
//!   on with the run; nothing when the process died.
//! - A task that is done again because its workspace was lost gets another span, with `windlass.repeated = true`.
//!
//! # A run in the trace of a portal
//!
//! Give the run the [W3C trace context](https://www.w3.org/TR/trace-context/) of what asked for it:
//! [`RunRequest::traceparent`](crate::RunRequest::traceparent). It is kept with the run, so that it also holds after a
//! restart, and it is the field `traceparent` of the run's span from its opening on; a repetition of the run does not have
//! it. The façade knows no remote parents: whoever exports makes one of it. With `tracing-opentelemetry` that is a `Tracer`
//! around the SDK's, whose `build_with_context` gets the builder with this attribute:
//!
//! ```text
//! fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> T::Span {
//!     let text = builder.attributes.iter().flatten().find(|attribute| attribute.key.as_str() == "traceparent");
//!     match text.and_then(|attribute| extract(&attribute.value)) {
//!         Some(remote) => self.0.build_with_context(builder, &remote),
//!         None => self.0.build_with_context(builder, parent),
//!     }
//! }
//! ```
//!
//! # Metrics
//!
//! | metric | kind | unit | labels |
//! |---|---|---|---|
//! | [`RUN_DURATION`] | histogram | s | pipeline, [`RUN_STATE`], and at the end [`RESULT`], [`ERROR_TYPE`] |
//! | [`RUNS_ACTIVE`] | gauge | runs | pipeline, [`RUN_STATE`] |
//! | [`RUN_ERRORS`] | counter | errors | pipeline, [`ERROR_TYPE`] |
//! | [`QUEUE_LENGTH`] | gauge | runs | |
//! | [`TASKS_WAITING`] | gauge | tasks | |
//! | [`TASKS_RUNNING`] | gauge | tasks | |
//! | [`TASK_DURATION`] | histogram | s | pipeline, [`TASK_RESULT`] |
//! | [`TASK_RESULTS`] | counter | tasks | pipeline, [`TASK_STATE`] |
//!
//! Labels have few values: names of pipelines, results, states, codes of causes; never ids, tasks or messages. Gauges are
//! shares of runs that are added and given back: several engines in one process add up, and a run that is taken up again
//! after a restart is counted from then on.
//!
//! Any recorder of the façade will do. With the feature `prometheus` there is `Metrics`, which gives them as text.

#[cfg(feature = "prometheus")]
mod prometheus;

#[cfg(feature = "prometheus")]
pub use self::prometheus::Metrics;

/// The version of the OpenTelemetry semantic conventions that is meant. Those for CI/CD are a release candidate in it.
pub const CONVENTIONS: &str = "1.44.0";

/// The target of all spans.
pub const TARGET: &str = "windlass::telemetry";
/// The span of a run.
pub const RUN_SPAN: &str = "pipeline.run";
/// The span of a task.
pub const TASK_SPAN: &str = "pipeline.task";
/// The span of an attempt of a task.
pub const ATTEMPT_SPAN: &str = "pipeline.attempt";

/// How long runs were in a state, in seconds.
pub const RUN_DURATION: &str = "cicd.pipeline.run.duration";
/// How many runs are in a state.
pub const RUNS_ACTIVE: &str = "cicd.pipeline.run.active";
/// How many tasks failed, were lost or took too long, also those that may; and runs that failed without such a task.
pub const RUN_ERRORS: &str = "cicd.pipeline.run.errors";
/// How many runs wait for their turn.
pub const QUEUE_LENGTH: &str = "windlass.queue.length";
/// How many tasks could start or go on, and wait for something that has a name.
pub const TASKS_WAITING: &str = "windlass.tasks.waiting";
/// How many tasks have an attempt that goes on.
pub const TASKS_RUNNING: &str = "windlass.tasks.running";
/// From the start of a task's first attempt to the end of its last one, in seconds.
pub const TASK_DURATION: &str = "windlass.task.duration";
/// How many tasks ended in a state.
pub const TASK_RESULTS: &str = "windlass.task.results";

/// The label with the name of the pipeline.
pub const PIPELINE: &str = "cicd.pipeline.name";
/// The label with the state of a run: `pending` in the queue, `executing` afterwards.
pub const RUN_STATE: &str = "cicd.pipeline.run.state";
/// The label with the result of a run.
pub const RESULT: &str = "cicd.pipeline.result";
/// The label with the result of a task, in the words of the conventions.
pub const TASK_RESULT: &str = "cicd.pipeline.task.run.result";
/// The label with the state in which a task ended, in the words of Windlass.
pub const TASK_STATE: &str = "windlass.task.state";
/// The label with the code of the cause.
pub const ERROR_TYPE: &str = "error.type";
