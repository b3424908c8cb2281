//! A run and its tasks as they are now, for people and pages.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::request::StoredRequest;
use crate::pipeline::{CommitInfo, TaskId};
use crate::report::{Annotation, FailedTest, TestSummary};
use crate::run::{Cause, Reused, RunId, RunState, RunStatus, StoredArtifact, TaskStatus, TaskView, WaitReason};
use crate::store::RunRecord;

/// A run as it is now; what `wait` returns when it has ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The unique id.
    pub id: RunId,
    /// The pipeline's name.
    pub pipeline: String,
    /// The number in the pipeline.
    pub number: u64,
    /// The version of the stored pipeline that it runs; `None` when it was started with a definition of its own.
    pub pipeline_version: Option<u64>,
    /// Where it is.
    pub status: RunStatus,
    /// What started it: `manual`, `schedule`, …
    pub trigger: String,
    /// Who started it; may be empty.
    pub actor: String,
    /// The commit for which it runs, as far as it is known: from its trigger, or from its first checkout.
    pub commit: CommitInfo,
    /// The executor on which it runs.
    pub executor: String,
    /// When it was made.
    pub created: Timestamp,
    /// When the queue let it go.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// From the start to the end, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Why it did not succeed.
    pub cause: Option<Cause>,
    /// Its tasks, in the order of the plan.
    pub tasks: Vec<TaskSummary>,
}

/// A task as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskSummary {
    /// Its name in the run.
    pub task: TaskId,
    /// The stage; `None` in `finally`.
    pub stage: Option<String>,
    /// Where it is.
    pub status: TaskStatus,
    /// Whether the run goes on when it fails.
    pub allow_failure: bool,
    /// How many attempts were started.
    pub attempts: u32,
    /// Of the last attempt, where there was one.
    pub exit_code: Option<i32>,
    /// Why it did not succeed, or why it was skipped.
    pub cause: Option<Cause>,
    /// What it waits for.
    pub waiting: Option<WaitReason>,
    /// What it wrote to `$WINDLASS_OUTPUT`.
    pub outputs: BTreeMap<String, String>,
    /// Where it was done, when an earlier run did it and this one did not do it again: its log is there.
    pub reused: Option<Reused>,
    /// What the tests of its last attempt said, where it has reports.
    pub tests: Option<TestSummary>,
    /// Remarks about places in files that its last attempt left; at most 100.
    pub annotations: Vec<Annotation>,
    /// The artifacts that it left. Of a task that was not done again, [`Run::artifacts`](super::Run::artifacts) has them.
    pub artifacts: Vec<StoredArtifact>,
    /// When its first attempt started.
    pub started: Option<Timestamp>,
    /// From the start of the first attempt to the end of the last one, in milliseconds.
    pub duration_ms: Option<u64>,
}

impl RunSummary {
    /// Whether the run reached its end, and a good one.
    pub fn succeeded(&self) -> bool {
        self.status == RunStatus::Succeeded
    }

    /// The failed tests of all tasks, as far as events have them, each with its task.
    pub fn failed_tests(&self) -> impl Iterator<Item = (&TaskId, &FailedTest)> {
        self.tasks.iter().flat_map(|task| {
            let failures = task.tests.iter().flat_map(|tests| &tests.failures);
            failures.map(|test| (&task.task, test))
        })
    }

    /// The task of this name.
    pub fn task(&self, name: &str) -> Option<&TaskSummary> {
        self.tasks.iter().find(|task| task.task.as_str() == name)
    }

    pub(crate) fn of(record: &RunRecord, request: &StoredRequest, state: &RunState) -> Self {
        let duration = match (state.started(), state.finished()) {
            (Some(started), Some(finished)) => Some(finished.elapsed.since(started.elapsed)),
            _ => None,
        };
        Self {
            id: record.id,
            pipeline: record.pipeline.clone(),
            number: record.number,
            pipeline_version: request.pipeline_version,
            status: state.status(),
            trigger: request.trigger.kind.clone(),
            actor: request.trigger.actor.clone(),
            commit: state.commit().clone(),
            executor: request.executor.to_string(),
            created: record.created.wall,
            started: state.started().map(|now| now.wall),
            finished: state.finished().map(|now| now.wall),
            duration_ms: duration.map(|duration| duration.as_millis() as u64),
            cause: state.cause().cloned(),
            tasks: state.tasks().map(TaskSummary::of).collect(),
        }
    }
}

impl TaskSummary {
    fn of(view: TaskView<'_>) -> Self {
        let over = !matches!(view.status(), TaskStatus::Pending | TaskStatus::Waiting | TaskStatus::Running);
        Self {
            task: view.id().clone(),
            stage: view.stage().map(|stage| stage.as_str().to_owned()),
            status: view.status(),
            allow_failure: view.planned().allow_failure(),
            attempts: view.attempts(),
            exit_code: view.exit_code(),
            cause: view.cause().cloned(),
            waiting: view.waiting().cloned(),
            outputs: view.outputs().clone(),
            reused: view.reused(),
            tests: view.tests().cloned(),
            annotations: view.annotations().0.to_vec(),
            artifacts: view.artifacts().iter().map(|(_, artifact)| artifact.clone()).collect(),
            started: view.started().map(|now| now.wall),
            duration_ms: over.then(|| view.duration().as_millis() as u64),
        }
    }
}
