//! The spans of one run that are open. They are never entered: nothing runs inside of them.

use std::collections::HashMap;

use tracing::Span;
use tracing::field::Empty;

use super::result::{CicdResult, word};
use crate::engine::request::StoredRequest;
use crate::pipeline::{Action, TaskIndex};
use crate::run::{Cause, RunState, StepKey, TaskEnd, TaskView};
use crate::telemetry::{ATTEMPT_SPAN, RESULT, RUN_SPAN, TARGET, TASK_RESULT, TASK_SPAN};

/// The open spans. All are empty as long as no subscriber wants them.
#[derive(Default)]
pub(super) struct Spans {
    tasks: HashMap<TaskIndex, TaskSpans>,
    // After the tasks, so that it is closed after them.
    run: Option<Span>,
}

struct TaskSpans {
    attempt: Option<Span>,
    task: Span,
    /// Whether the end of the task was told before, and so is not told again.
    repeated: bool,
}

/// Why a span is opened, beside that something began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Again {
    /// An engine before this one began it.
    pub(super) resumed: bool,
    /// The task was over already, and its workspace was lost.
    pub(super) repeated: bool,
}

impl Again {
    pub(super) const RESUMED: Self = Self { resumed: true, repeated: false };
}

impl Spans {
    /// Opens the run's span.
    pub(super) fn open_run(&mut self, state: &RunState, request: &StoredRequest, url: Option<&str>, resumed: bool) {
        let waited = state.queued().zip(state.started()).map(|(queued, started)| started.elapsed.since(queued.elapsed));
        let span = tracing::info_span!(
            target: TARGET,
            parent: None,
            RUN_SPAN,
            otel.name = format_args!("RUN {}", state.plan().pipeline),
            otel.kind = "server",
            otel.status_code = Empty,
            otel.status_description = Empty,
            cicd.pipeline.action.name = "RUN",
            cicd.pipeline.name = state.plan().pipeline.as_str(),
            cicd.pipeline.run.id = %state.run(),
            cicd.pipeline.run.url.full = url,
            cicd.pipeline.result = Empty,
            error.r#type = Empty,
            windlass.run.number = state.number(),
            windlass.run.trigger = request.trigger.kind.as_str(),
            windlass.run.queued = waited.map(|waited| waited.as_secs_f64()),
            windlass.executor = request.executor.as_str(),
            windlass.resumed = resumed.then_some(true),
            windlass.interrupted = Empty,
            traceparent = request.traceparent.as_ref().map(|context| context.as_str()),
        );
        self.run = enabled(span);
    }

    /// Opens the task's span, unless it is open.
    pub(super) fn open_task(&mut self, state: &RunState, index: TaskIndex, again: Again) {
        let Some(run) = &self.run else { return };
        if self.tasks.contains_key(&index) {
            return;
        }
        let view = state.task(index);
        let span = tracing::info_span!(
            target: TARGET,
            parent: run,
            TASK_SPAN,
            otel.name = view.id().as_str(),
            otel.status_code = Empty,
            otel.status_description = Empty,
            cicd.pipeline.task.name = view.id().as_str(),
            cicd.pipeline.task.run.id = format_args!("{}/{}", state.run(), view.id()),
            cicd.pipeline.task.r#type = task_type(&view),
            cicd.pipeline.task.run.result = Empty,
            error.r#type = Empty,
            windlass.task.action = view.planned().action().key(),
            windlass.task.state = Empty,
            windlass.resumed = again.resumed.then_some(true),
            windlass.repeated = again.repeated.then_some(true),
            windlass.interrupted = Empty,
        );
        self.tasks.insert(index, TaskSpans { attempt: None, task: span, repeated: again.repeated });
    }

    /// Opens the attempt's span, and the task's where that is not open.
    pub(super) fn open_attempt(&mut self, state: &RunState, index: TaskIndex, attempt: u32, again: Again) {
        self.open_task(state, index, again);
        let Some(spans) = self.tasks.get_mut(&index) else { return };
        let task = state.task(index).id().clone();
        let span = tracing::info_span!(
            target: TARGET,
            parent: &spans.task,
            ATTEMPT_SPAN,
            otel.name = format_args!("attempt {attempt}"),
            otel.status_code = Empty,
            otel.status_description = Empty,
            cicd.pipeline.task.name = task.as_str(),
            cicd.pipeline.task.run.id = %StepKey { run: state.run(), task: task.clone(), attempt },
            cicd.pipeline.task.run.result = Empty,
            error.r#type = Empty,
            windlass.attempt = attempt,
            windlass.exit_code = Empty,
            windlass.resumed = again.resumed.then_some(true),
            windlass.interrupted = Empty,
        );
        spans.attempt = Some(span);
    }

    pub(super) fn close_attempt(
        &mut self,
        index: TaskIndex,
        result: CicdResult,
        exit_code: Option<i32>,
        cause: Option<&Cause>,
    ) {
        let Some(spans) = self.tasks.get_mut(&index) else { return };
        let Some(attempt) = spans.attempt.take() else { return };
        if let Some(code) = exit_code {
            attempt.record("windlass.exit_code", code);
        }
        end(&attempt, TASK_RESULT, result, cause);
        drop(attempt);
        if spans.repeated
            && let Some(TaskSpans { task, .. }) = self.tasks.remove(&index)
        {
            end(&task, TASK_RESULT, result, cause);
        }
    }

    /// Closes the task's span. A task that never began gets one here.
    pub(super) fn close_task(
        &mut self,
        state: &RunState,
        index: TaskIndex,
        (ended, result): (TaskEnd, CicdResult),
        cause: Option<&Cause>,
    ) {
        self.open_task(state, index, Again::default());
        if let Some(TaskSpans { attempt, task, .. }) = self.tasks.remove(&index) {
            drop(attempt);
            task.record("windlass.task.state", word(ended));
            end(&task, TASK_RESULT, result, cause);
        }
    }

    /// Closes the run's span, and what is open in it.
    pub(super) fn close_run(&mut self, result: CicdResult, cause: Option<&Cause>) {
        self.tasks.clear();
        if let Some(run) = self.run.take() {
            end(&run, RESULT, result, cause);
        }
    }

    /// Says of all that is open that it goes on elsewhere, or not at all.
    pub(super) fn interrupt(&mut self, why: &'static str) {
        for TaskSpans { attempt, task, .. } in self.tasks.values() {
            for span in attempt.iter().chain([task]) {
                span.record("windlass.interrupted", why);
            }
        }
        self.tasks.clear();
        if let Some(run) = self.run.take() {
            run.record("windlass.interrupted", why);
        }
    }

    pub(super) fn task_is_open(&self, index: TaskIndex) -> bool {
        self.tasks.contains_key(&index)
    }

    pub(super) fn run_is_open(&self) -> bool {
        self.run.is_some()
    }
}

fn enabled(span: Span) -> Option<Span> {
    (!span.is_disabled()).then_some(span)
}

/// Says how it ended. A good end has no status: that is for people who look at it to give.
fn end(span: &Span, field: &str, result: CicdResult, cause: Option<&Cause>) {
    span.record(field, result.as_str());
    if let Some(code) = result.error_type(cause) {
        span.record(crate::telemetry::ERROR_TYPE, code);
        span.record("otel.status_code", "ERROR");
        if let Some(cause) = cause {
            span.record("otel.status_description", cause.message.as_str());
        }
    }
}

/// The kind of the task as the conventions know it; a script says nothing about itself.
fn task_type(task: &TaskView<'_>) -> Option<&'static str> {
    match task.planned().action() {
        Action::BuildImage(_) => Some("build"),
        Action::DeployManifests(_) | Action::DeployChart(_) | Action::SyncFiles(_) => Some("deploy"),
        _ => None,
    }
}
