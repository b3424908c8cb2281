//! Counters and durations.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Label, SharedString, Unit};

use super::result::{CicdResult, word};
use crate::run::{Cause, TaskEnd};
use crate::telemetry as names;

/// Tells the recorder what the metrics are. Saying it again changes nothing.
pub(super) fn describe() {
    metrics::describe_histogram!(names::RUN_DURATION, Unit::Seconds, "Duration of a pipeline run in a state");
    metrics::describe_gauge!(names::RUNS_ACTIVE, Unit::Count, "Pipeline runs by state");
    metrics::describe_counter!(names::RUN_ERRORS, Unit::Count, "Errors in pipeline runs");
    metrics::describe_gauge!(names::QUEUE_LENGTH, Unit::Count, "Runs that wait for their turn");
    metrics::describe_gauge!(names::TASKS_WAITING, Unit::Count, "Tasks that wait for something with a name");
    metrics::describe_gauge!(names::TASKS_RUNNING, Unit::Count, "Tasks with an attempt that goes on");
    metrics::describe_histogram!(names::TASK_DURATION, Unit::Seconds, "Time from a task's first start to its end");
    metrics::describe_counter!(names::TASK_RESULTS, Unit::Count, "Tasks that ended, by state");
}

/// The measures of the runs of one pipeline.
pub(super) struct Measures {
    pipeline: Arc<str>,
}

impl Measures {
    pub(super) fn new(pipeline: Arc<str>) -> Self {
        Self { pipeline }
    }

    /// A run left the queue to go on.
    pub(super) fn queued(&self, waited: Duration) {
        let labels = vec![self.label(), Label::from_static_parts(names::RUN_STATE, "pending")];
        metrics::histogram!(names::RUN_DURATION, labels).record(waited.as_secs_f64());
    }

    /// A run ended in this state of the conventions.
    pub(super) fn run_ended(&self, state: &'static str, took: Duration, result: CicdResult, cause: Option<&Cause>) {
        let mut labels = vec![
            self.label(),
            Label::from_static_parts(names::RUN_STATE, state),
            Label::from_static_parts(names::RESULT, result.as_str()),
        ];
        labels.extend(result.error_type(cause).map(error_type));
        metrics::histogram!(names::RUN_DURATION, labels).record(took.as_secs_f64());
    }

    pub(super) fn error(&self, code: &str) {
        metrics::counter!(names::RUN_ERRORS, vec![self.label(), error_type(code)]).increment(1);
    }

    /// A task ended; `took` is there when it had an attempt.
    pub(super) fn task_ended(&self, end: TaskEnd, result: CicdResult, took: Option<Duration>) {
        let state = Label::from_static_parts(names::TASK_STATE, word(end));
        metrics::counter!(names::TASK_RESULTS, vec![self.label(), state]).increment(1);
        if let Some(took) = took {
            let result = Label::from_static_parts(names::TASK_RESULT, result.as_str());
            metrics::histogram!(names::TASK_DURATION, vec![self.label(), result]).record(took.as_secs_f64());
        }
    }

    pub(super) fn pipeline(&self) -> &Arc<str> {
        &self.pipeline
    }

    fn label(&self) -> Label {
        Label::new(names::PIPELINE, SharedString::from(self.pipeline.clone()))
    }
}

fn error_type(code: &str) -> Label {
    Label::new(names::ERROR_TYPE, code.to_owned())
}
