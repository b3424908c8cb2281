//! What came of a test's run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::check::base;
use crate::engine::{Event, EventKind, RunSummary, TaskSummary};
use crate::executor::{Command, StepSpec};
use crate::pipeline::TaskId;

/// What came of a test's run. The assertions panic with a message that shows what happened instead.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestOutcome {
    pub(super) summary: RunSummary,
    pub(super) events: Vec<Event>,
    pub(super) calls: Vec<StepCall>,
    pub(super) artifacts: Vec<TestArtifact>,
}

/// An artifact that a task left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestArtifact {
    /// The task, or the instance of its matrix.
    pub task: TaskId,
    /// Its name.
    pub name: String,
    /// Its files with their content, by path. What is no text is shown as �.
    pub files: BTreeMap<String, String>,
}

/// A step or an action that was started, with all variables replaced.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepCall {
    /// The task, or the instance of its matrix.
    pub task: TaskId,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// The key of its action, such as `script` or `deployManifests`.
    pub action: &'static str,
    /// What the action was given, as in the document; null for a script.
    pub settings: Value,
    /// The text of the script; `None` for another action.
    pub script: Option<String>,
    /// The environment that the step would get, built-in variables included.
    pub env: BTreeMap<String, String>,
    /// The image.
    pub image: Option<String>,
}

impl StepCall {
    pub(super) fn new(step: StepSpec, stand_in: Option<(&'static str, Value)>) -> Self {
        let StepSpec { key, command, env, image, .. } = step;
        let (action, settings, script) = match (stand_in, command) {
            (Some((action, settings)), _) => (action, settings, None),
            (None, Command::Script { text, .. }) => ("script", Value::Null, Some(text)),
            (None, Command::Program { .. }) => ("script", Value::Null, None),
        };
        Self { task: key.task, attempt: key.attempt, action, settings, script, env, image }
    }
}

impl TestOutcome {
    /// The artifacts that were stored, in the order of their tasks.
    pub fn artifacts(&self) -> &[TestArtifact] {
        &self.artifacts
    }

    /// The artifact of a task with this name.
    ///
    /// # Panics
    /// As [`task`](Self::task), and when the task left none of this name.
    #[track_caller]
    pub fn artifact(&self, task: &str, name: &str) -> &TestArtifact {
        let id = &self.task(task).task;
        match self.artifacts.iter().find(|artifact| artifact.task == *id && artifact.name == name) {
            Some(artifact) => artifact,
            None => {
                let of_task = self.artifacts.iter().filter(|artifact| artifact.task == *id);
                let names: Vec<&str> = of_task.map(|artifact| artifact.name.as_str()).collect();
                self.fail(&format!("{task:?} left no artifact {name:?}; it left {names:?}"))
            }
        }
    }

    /// The run and its tasks.
    pub fn summary(&self) -> &RunSummary {
        &self.summary
    }

    /// All events of the run.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The steps and actions that were started, in their order, attempts one by one. Approvals are none.
    pub fn calls(&self) -> &[StepCall] {
        &self.calls
    }

    /// How many attempts at a task were started. The name is that of a matrix instance, or the task's own for all of them.
    pub fn started(&self, task: &str) -> usize {
        self.calls.iter().filter(|call| is_of(&call.task, task)).count()
    }

    /// From the start of the run to its end, in virtual time.
    pub fn took(&self) -> Duration {
        Duration::from_millis(self.summary.duration_ms.unwrap_or_default())
    }

    /// The newest call of a task.
    ///
    /// # Panics
    /// When the task was never started, and when the name stands for several instances of a matrix.
    #[track_caller]
    pub fn call(&self, task: &str) -> &StepCall {
        let id = &self.task(task).task;
        match self.calls.iter().rev().find(|call| call.task == *id) {
            Some(call) => call,
            None => self.fail(&format!("{task:?} was never started as a step")),
        }
    }

    /// The environment that the newest attempt at a task got.
    ///
    /// # Panics
    /// As [`call`](Self::call).
    #[track_caller]
    pub fn env(&self, task: &str) -> &BTreeMap<String, String> {
        &self.call(task).env
    }

    /// How a task ended.
    ///
    /// # Panics
    /// When there is no such task, and when the name stands for several instances of a matrix.
    #[track_caller]
    pub fn task(&self, task: &str) -> &TaskSummary {
        match self.tasks(task).as_slice() {
            [task] => task,
            several => {
                let ids: Vec<&str> = several.iter().map(|task| task.task.as_str()).collect();
                self.fail(&format!("{task:?} has several instances, and one is wanted here: {}", ids.join(", ")))
            }
        }
    }

    /// What the newest attempt at a task printed; empty when it printed nothing. What is no text is shown as �.
    ///
    /// # Panics
    /// As [`task`](Self::task).
    #[track_caller]
    pub fn log(&self, task: &str) -> String {
        let wanted = self.task(task);
        let pieces = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::Log { task, attempt, bytes, .. } if *task == wanted.task && *attempt == wanted.attempts => {
                Some(bytes.as_ref())
            }
            _ => None,
        });
        String::from_utf8_lossy(&pieces.collect::<Vec<_>>().concat()).into_owned()
    }

    /// The task of this name, or the instances of its matrix.
    #[track_caller]
    pub(super) fn tasks(&self, name: &str) -> Vec<&TaskSummary> {
        let found: Vec<_> = self.summary.tasks.iter().filter(|task| is_of(&task.task, name)).collect();
        if found.is_empty() {
            self.fail(&format!("the run has no task {name:?}"));
        }
        found
    }
}

/// Whether the task has this name, or is an instance of the one that has it.
pub(super) fn is_of(task: &TaskId, name: &str) -> bool {
    task.as_str() == name || base(task.as_str()) == name
}

impl fmt::Display for TestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Table(&self.summary).fmt(f)
    }
}

/// The run with a line for each task.
pub(super) struct Table<'a>(pub(super) &'a RunSummary);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunSummary { pipeline, status, cause, tasks, duration_ms, .. } = self.0;
        write!(f, "  {pipeline} {}", status.as_str())?;
        if let Some(length) = duration_ms {
            write!(f, " after {}", humantime::format_duration(Duration::from_millis(*length)))?;
        }
        if let Some(cause) = cause {
            write!(f, ": {}", cause.message)?;
        }
        let place = |task: &TaskSummary| format!("{} / {}", task.stage.as_deref().unwrap_or("finally"), task.task);
        let width = tasks.iter().map(|task| place(task).chars().count()).max().unwrap_or(0);
        for task in tasks {
            write!(f, "\n  {:width$}  {:9}", place(task), task.status.as_str())?;
            if task.attempts > 1 {
                write!(f, "  {} attempts", task.attempts)?;
            }
            if let Some(cause) = &task.cause {
                write!(f, "  {}: {}", cause.code, cause.message)?;
            } else if let Some(reason) = &task.waiting {
                write!(f, "  {}: {}", reason.code, reason.message)?;
            }
        }
        Ok(())
    }
}
