//! The form of a task in the document, where the action is one of its keys.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::condition::Condition;
use super::container::{ContainerOptions, Service};
use super::duration::HumanDuration;
use super::model::{Artifact, Cache, Isolation, Reports, Resources, Retry, SecretVariable, Task, WorkspaceUse};
use super::model::{is_default, is_false};
use super::name::{ExecutorName, TaskName, VariableName};
use super::template::Template;

/// One unit of work with exactly one action: the key `script`, `checkout`, `buildImage`, …
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Task")]
pub struct TaskDocument {
    /// Unique in the pipeline.
    name: TaskName,
    /// The image in which its step runs, where the executor has images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<Template>,
    #[serde(flatten)]
    action: Action,
    /// The shell of its script, such as `bash -eo pipefail` or `python3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shell: Option<String>,
    /// Environment of the step, over that of the pipeline.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    env: IndexMap<String, Template>,
    /// The keys that it may write to `$WINDLASS_OUTPUT`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<VariableName>,
    /// An instance for each combination of these values.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    matrix: IndexMap<VariableName, Vec<String>>,
    /// A CEL expression; when it is false the task is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<Condition>,
    /// The tasks for which it waits, instead of what its place in the stages says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    needs: Option<Vec<TaskName>>,
    /// Whether the run goes on when it fails.
    #[serde(default, skip_serializing_if = "is_false")]
    allow_failure: bool,
    /// How often and after which ends it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<Retry>,
    /// The longest time one attempt may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<HumanDuration>,
    /// How long a stopped step has between the signal and the kill. 10 seconds when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grace: Option<HumanDuration>,
    /// Where the step runs, instead of the pipeline's executor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    executor: Option<ExecutorName>,
    /// Folders kept between runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    caches: Vec<Cache>,
    /// Files kept after the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    artifacts: Vec<Artifact>,
    /// Result files that are read into the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reports: Option<Reports>,
    /// What the step needs and may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resources: Option<Resources>,
    /// Credentials given to the step, as environment variables or as files; in `buildImage`, to `RUN --mount=type=secret,id=NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<SecretVariable>,
    /// What else its container has, where the executor has containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container: Option<ContainerOptions>,
    /// Containers beside the step, such as a database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    services: Vec<Service>,
    /// Whether the step shares its container or pod with others of the run.
    #[serde(default, skip_serializing_if = "is_default")]
    isolation: Isolation,
    /// Whether the step sees the run's workspace.
    #[serde(default, skip_serializing_if = "is_default")]
    workspace: WorkspaceUse,
}

macro_rules! same_fields {
    ($from:ident => $to:ident) => {
        impl From<$from> for $to {
            fn from(task: $from) -> Self {
                let $from {
                    name,
                    image,
                    action,
                    shell,
                    env,
                    outputs,
                    matrix,
                    when,
                    needs,
                    allow_failure,
                    retry,
                    timeout,
                    grace,
                    executor,
                    caches,
                    artifacts,
                    reports,
                    resources,
                    secrets,
                    container,
                    services,
                    isolation,
                    workspace,
                } = task;
                Self {
                    name,
                    image,
                    action,
                    shell,
                    env,
                    outputs,
                    matrix,
                    when,
                    needs,
                    allow_failure,
                    retry,
                    timeout,
                    grace,
                    executor,
                    caches,
                    artifacts,
                    reports,
                    resources,
                    secrets,
                    container,
                    services,
                    isolation,
                    workspace,
                }
            }
        }
    };
}

same_fields!(Task => TaskDocument);
same_fields!(TaskDocument => Task);
