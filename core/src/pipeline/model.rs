//! The definition as plain data: what a person writes, in the shape in which it is kept.
//!
//! The serde form of these types *is* the document (camelCase, unknown keys refused). [`super::read`] reads the same
//! form strictly, with every mistake and its place; the derived `Deserialize` is for what Windlass itself wrote.

use std::num::NonZeroU32;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::condition::Condition;
use super::container::{ContainerOptions, Service};
use super::duration::HumanDuration;
use super::name::{CredentialName, ExecutorName, PipelineName, StageName, TaskName, VariableName};
use super::template::Template;
use super::trigger::Trigger;

/// A named definition: parameters, ordered stages, triggers, timeout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pipeline {
    /// What the pipeline is called; runs are numbered under this name.
    pub name: PipelineName,
    /// A sentence for the people who see it in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Values that every text of the definition can refer to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// The longest time in which at least one task is running. 14 days when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
    /// How many runs of one group may go at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Where the steps run; a run may override it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<ExecutorName>,
    /// What starts a run beside a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// Environment of every task; a task's own `env` goes before it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, Template>,
    /// How long the workspace of a failed run is kept. 24 hours when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_workspace: Option<HumanDuration>,
    /// The stages, in the order in which they run.
    pub stages: Vec<Stage>,
    /// Tasks that run at the end, whatever happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finally: Vec<Task>,
    /// The time that all of `finally` may take together. 10 minutes when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finally_timeout: Option<HumanDuration>,
}

/// A value with a name: the same in every run, or given per run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameter {
    /// The name by which texts refer to it, and the environment variable of scripts.
    pub name: VariableName,
    /// The value of a static parameter; may not stand beside `dynamic: true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether the value is given when a run is started.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dynamic: bool,
    /// The value of a dynamic parameter when none is given; without it the run must give one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The only values that a dynamic parameter may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// A sentence for the form in which a person fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// How many runs of one group may go at once, and what happens to one too many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Concurrency {
    /// Runs whose group has the same text share the limit.
    pub group: Template,
    /// How many of them run at once. 1 when unset.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub limit: NonZeroU32,
    /// What happens to a run for which there is no room.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_conflict: OnConflict,
}

/// What happens to a run whose concurrency group is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnConflict {
    /// It waits for its turn.
    #[default]
    Queue,
    /// The oldest of the group are cancelled to make room.
    CancelOlder,
    /// It is refused.
    Reject,
}

/// An ordered part of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// What the stage is called, unique in the pipeline.
    pub name: StageName,
    /// Whether its tasks run one after another or side by side.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order: Order,
    /// A CEL expression; when it is false the whole stage is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Whether a failure stops what runs beside it in this stage. True when unset.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub fail_fast: bool,
    /// The tasks. A stage without tasks is passed at once.
    #[serde(default)]
    pub tasks: Vec<Task>,
}

/// The order of a stage's tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// One after another, in the order in which they stand.
    #[default]
    Sequential,
    /// Side by side.
    Parallel,
}

/// One unit of work with exactly one action.
///
/// In the document the action is a key of the task itself (`script: …`, `checkout: {…}`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    from = "super::task_document::TaskDocument",
    into = "super::task_document::TaskDocument"
)]
#[schemars(with = "super::task_document::TaskDocument")]
pub struct Task {
    /// Unique in the pipeline.
    pub name: TaskName,
    /// What it does.
    pub action: Action,
    /// The image in which its step runs, where the executor has images.
    pub image: Option<Template>,
    /// The shell of its script, such as `bash -eo pipefail` or `python3`. Unset: `bash -e` where there is bash, else `sh -e`.
    pub shell: Option<String>,
    /// Environment of the step, over that of the pipeline.
    pub env: IndexMap<String, Template>,
    /// The keys that it may write to `$WINDLASS_OUTPUT`; others refer to them as `${task.KEY}`.
    pub outputs: Vec<VariableName>,
    /// An instance for each combination of these values, named `unit[PY=3.11]`.
    pub matrix: IndexMap<VariableName, Vec<String>>,
    /// A CEL expression; when it is false the task is skipped.
    pub when: Option<Condition>,
    /// The tasks for which it waits, instead of what its place in the stages says.
    pub needs: Option<Vec<TaskName>>,
    /// Whether the run goes on when it fails.
    pub allow_failure: bool,
    /// How often and after which ends it is tried again.
    pub retry: Option<Retry>,
    /// The longest time one attempt may run.
    pub timeout: Option<HumanDuration>,
    /// How long a stopped step has between the signal and the kill. 10 seconds when unset.
    pub grace: Option<HumanDuration>,
    /// Where the step runs, instead of the pipeline's executor.
    pub executor: Option<ExecutorName>,
    /// Folders kept between runs.
    pub caches: Vec<Cache>,
    /// Files kept after the run.
    pub artifacts: Vec<Artifact>,
    /// Result files that are read into the run.
    pub reports: Option<Reports>,
    /// What the step needs and may use.
    pub resources: Option<Resources>,
    /// Credentials given to the step, as environment variables or as files; in `buildImage`, to `RUN --mount=type=secret,id=NAME`.
    pub secrets: Vec<SecretVariable>,
    /// What else its container has, where the executor has containers.
    pub container: Option<ContainerOptions>,
    /// Containers beside the step, such as a database.
    pub services: Vec<Service>,
    /// Whether the step shares its container or pod with others of the run.
    pub isolation: Isolation,
    /// Whether the step sees the run's workspace.
    pub workspace: WorkspaceUse,
}

impl Task {
    /// A task with nothing but a name and an action.
    pub fn new(name: TaskName, action: Action) -> Self {
        Self {
            name,
            action,
            image: None,
            shell: None,
            env: IndexMap::new(),
            outputs: Vec::new(),
            matrix: IndexMap::new(),
            when: None,
            needs: None,
            allow_failure: false,
            retry: None,
            timeout: None,
            grace: None,
            executor: None,
            caches: Vec::new(),
            artifacts: Vec::new(),
            reports: None,
            resources: None,
            secrets: Vec::new(),
            container: None,
            services: Vec::new(),
            isolation: Isolation::Run,
            workspace: WorkspaceUse::Shared,
        }
    }
}

/// How often and after which ends a task is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// How many attempts there are in all, the first one included.
    pub attempts: NonZeroU32,
    /// The ends that are worth another attempt. Unset: `failure`, `infrastructure` and `timeout`.
    #[serde(default = "default_retry_on", skip_serializing_if = "is_default_retry_on")]
    pub on: Vec<RetryOn>,
    /// The pause before the second attempt; it doubles with each further one, up to an hour. None when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<HumanDuration>,
    /// The task from which to repeat when the workspace was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<TaskName>,
}

/// An end of an attempt that a retry can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RetryOn {
    /// The step itself failed: an exit code other than 0.
    Failure,
    /// The engine or the executor failed to run it.
    Infrastructure,
    /// It took longer than its timeout.
    Timeout,
    /// Nobody knows how it ended; only where it is safe to do the work twice.
    Lost,
}

/// A folder kept between runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cache {
    /// Under this name it is found again; `${hash:FILES}` stands for the content of files.
    pub key: Template,
    /// The folders, relative to the workspace.
    pub paths: Vec<Template>,
    /// Beginnings of other keys that will do when the key itself is not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback_keys: Vec<Template>,
}

/// Files kept after the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Artifact {
    /// A name for the set; the task's name when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Template>,
    /// Globs, relative to the workspace: `dist`, `dist/**/*.js`, `!dist/*.map`. A folder stands for all that is in it.
    pub paths: Vec<Template>,
    /// How long they are kept; as long as the run when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<HumanDuration>,
    /// After which end of the task they are kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: ArtifactWhen,
}

/// After which end of its task an artifact is kept. What is kept of a task that is tried again is that of its last attempt
/// that left one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ArtifactWhen {
    /// When the task's own work succeeded.
    #[default]
    OnSuccess,
    /// When it failed: what a person needs to find out why.
    OnFailure,
    /// Whether it succeeded or failed.
    Always,
}

/// Result files that are read into the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reports {
    /// Globs of JUnit XML files, relative to the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub junit: Vec<Template>,
    /// Globs of text files with remarks about places in files, one a line: `FILE:LINE: LEVEL: MESSAGE` or
    /// `FILE:LINE:COLUMN: LEVEL: MESSAGE`, as compilers and linters print them. Other lines are passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Template>,
}

/// What a step needs and may use, in the quantities of Kubernetes (`500m`, `256Mi`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// What must be free where it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub requests: Quantities,
    /// What it may not pass.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Quantities,
}

/// An amount of processor and memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quantities {
    /// Processors: `2`, `0.5`, `500m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Memory: `256Mi`, `1Gi`, or a number of bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
}

/// A credential given to a step: the value in a variable, or a file whose path is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretVariable {
    /// The name of the variable.
    pub name: VariableName,
    /// The credential whose value it gets.
    pub from: CredentialName,
    /// Which value of the credential, such as `user` or `password`. Unset: the password, the token, the key, the only value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether the variable has the value itself, or the path of a file with it. The value itself when unset.
    #[serde(default, rename = "as", skip_serializing_if = "is_default")]
    pub form: SecretForm,
}

/// In which form a step gets a credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecretForm {
    /// The variable has the value.
    #[default]
    Env,
    /// The variable has the path of a file with the value, which only the step can read and which goes when the step ends.
    File,
}

/// Whether a step shares its container or pod with others of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Isolation {
    /// Tasks of one shape share it.
    #[default]
    Run,
    /// The task has one of its own.
    Task,
}

/// Whether a step sees the run's workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WorkspaceUse {
    /// The folder that the run's tasks share.
    #[default]
    Shared,
    /// An empty folder of its own.
    None,
}

/// The ends that a retry answers unless it says otherwise.
pub fn default_retry_on() -> Vec<RetryOn> {
    vec![RetryOn::Failure, RetryOn::Infrastructure, RetryOn::Timeout]
}

fn is_default_retry_on(on: &[RetryOn]) -> bool {
    on == default_retry_on()
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn is_one(limit: &NonZeroU32) -> bool {
    *limit == NonZeroU32::MIN
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(super) fn is_false(value: &bool) -> bool {
    !*value
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
