//! A pipeline and a run's inputs, resolved as far as they can be before the start: a graph of tasks.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::condition::Condition;
use super::model::{Isolation, OnConflict, RetryOn, Task};
use super::name::{ExecutorName, PipelineName, StageName, TaskName, VariableName};
use super::template::Template;

/// The pipeline's timeout when it names none.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(14 * 24 * 3600);
/// The budget of `finally` when the pipeline names none.
pub const DEFAULT_FINALLY_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// How long the workspace of a failed run is kept when the pipeline does not say.
pub const DEFAULT_KEEP_WORKSPACE: Duration = Duration::from_secs(24 * 3600);
/// The time between the signal and the kill when a task names none.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);
/// The longest pause between two attempts.
pub const MAX_BACKOFF: Duration = Duration::from_secs(3600);

/// The name of a task in a run: the task's own, or that of a matrix instance such as `unit[PY=3.11]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// Takes a name as a plan made it; not for what a person typed.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(Arc::from(text.as_ref()))
    }

    /// The name as events and messages have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl std::borrow::Borrow<str> for TaskId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The place of a task in [`Plan::tasks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskIndex(pub u32);

/// The place of a stage in [`Plan::stages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageIndex(pub u32);

impl TaskIndex {
    /// The index as the standard library wants it.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

impl StageIndex {
    /// The index as the standard library wants it.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// What a run is given beside the definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunInputs {
    /// Values of dynamic parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// What started the run.
    #[serde(default)]
    pub trigger: TriggerInfo,
    /// The commit for which it runs, as far as it is known.
    #[serde(default)]
    pub commit: CommitInfo,
    /// Where the steps run, instead of what the pipeline says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<ExecutorName>,
}

/// What started a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TriggerInfo {
    /// `manual`, `schedule`, `push`, `merge`, `tag`, `api`, `pipeline`, …
    pub kind: String,
    /// Who, as an opaque name of the portal. Empty when nobody is known.
    #[serde(default)]
    pub actor: String,
    /// Where what is built comes from, and so how far it is trusted.
    #[serde(default, skip_serializing_if = "Origin::is_repository")]
    pub origin: Origin,
}

impl Default for TriggerInfo {
    fn default() -> Self {
        Self { kind: "manual".to_owned(), actor: String::new(), origin: Origin::Repository }
    }
}

/// Where what a run builds comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// From people who may write to the repository.
    #[default]
    Repository,
    /// From a fork, as the merge requests of strangers are: such a run reads caches, and leaves none.
    Fork,
}

impl Origin {
    fn is_repository(&self) -> bool {
        *self == Self::Repository
    }
}

/// A commit; what is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CommitInfo {
    /// The full id.
    pub sha: String,
    /// The branch.
    pub branch: String,
    /// The tag.
    pub tag: String,
    /// The whole message.
    pub message: String,
    /// `Name <address>`.
    pub author: String,
    /// Where the repository is, without any password.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub repository: String,
}

impl CommitInfo {
    /// The first eight characters of the id.
    pub fn short_sha(&self) -> &str {
        self.sha.char_indices().nth(8).map_or(self.sha.as_str(), |(end, _)| &self.sha[..end])
    }

    /// This commit with what is not known of it taken from what a checkout found. `None` when that is another commit.
    pub fn completed_by(&self, found: Self) -> Option<Self> {
        if !self.sha.is_empty() && self.sha != found.sha {
            return None;
        }
        let known = |given: &String, found: String| if given.is_empty() { found } else { given.clone() };
        Some(Self {
            sha: found.sha,
            branch: known(&self.branch, found.branch),
            tag: known(&self.tag, found.tag),
            message: known(&self.message, found.message),
            author: known(&self.author, found.author),
            repository: known(&self.repository, found.repository),
        })
    }
}

/// A pipeline and a run's inputs as a graph of tasks. Making it again from the same two gives the same value.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The pipeline's name.
    pub pipeline: PipelineName,
    /// Static and dynamic parameters with the values of this run, in the order of the document.
    pub parameters: IndexMap<String, String>,
    /// What started the run.
    pub trigger: TriggerInfo,
    /// The commit, as far as it is known before the start.
    pub commit: CommitInfo,
    /// The executor of tasks that name none. `None`: the engine's default.
    pub executor: Option<ExecutorName>,
    /// The group and its limit, with all variables replaced.
    pub concurrency: Option<PlannedConcurrency>,
    /// The longest time in which at least one task is running.
    pub timeout: Duration,
    /// The time that `finally` may take.
    pub finally_timeout: Duration,
    /// How long the workspace of a failed run is kept.
    pub keep_workspace: Duration,
    /// Environment of every task, under the task's own.
    pub env: IndexMap<String, Template>,
    /// The stages, in order; empty ones are kept.
    pub stages: Vec<PlannedStage>,
    /// All tasks: those of the stages in their order, then those of `finally`.
    pub tasks: Vec<PlannedTask>,
}

/// The group of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedConcurrency {
    /// Runs with the same text share the limit.
    pub group: String,
    /// How many of them run at once.
    pub limit: u32,
    /// What happens to one too many.
    pub on_conflict: OnConflict,
}

/// A stage of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedStage {
    /// Its name.
    pub name: StageName,
    /// Whether its tasks run side by side.
    pub parallel: bool,
    /// Whether a failure stops what runs beside it in this stage.
    pub fail_fast: bool,
    /// Its tasks in [`Plan::tasks`].
    pub tasks: Range<u32>,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// In a stage.
    Stage(StageIndex),
    /// In `finally`. These run one after another, in order, whatever the one before did.
    Finally,
}

/// A task of a plan: a task of the document, or an instance of its matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTask {
    /// Its name in the run.
    pub id: TaskId,
    /// Its name in the document.
    pub name: TaskName,
    /// Where it stands.
    pub section: Section,
    /// The tasks that must be satisfied before it starts.
    pub needs: Vec<TaskIndex>,
    /// The stage that must be complete before it starts, with all stages before it. A stage is complete when each of its
    /// tasks is satisfied; so 100 tasks after 100 tasks are 100 edges and not 10,000.
    pub after: Option<StageIndex>,
    /// All must be true, else it is skipped: the stage's condition, then its own.
    pub when: Vec<Condition>,
    /// The values of its matrix instance.
    pub matrix: IndexMap<VariableName, String>,
    /// How often and when it is tried again.
    pub retry: RetryPolicy,
    /// The longest time one attempt may run.
    pub timeout: Option<Duration>,
    /// The time between the signal and the kill.
    pub grace: Duration,
    /// The task as it was written: action, image, environment, outputs …
    pub definition: Arc<Task>,
}

impl PlannedTask {
    /// What it does.
    pub fn action(&self) -> &Action {
        &self.definition.action
    }

    /// Whether the run goes on when it fails.
    pub fn allow_failure(&self) -> bool {
        self.definition.allow_failure
    }

    /// Whether it has a container or pod of its own.
    pub fn isolation(&self) -> Isolation {
        self.definition.isolation
    }
}

/// How often and when a task is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// The ends that are worth another attempt.
    pub on: Vec<RetryOn>,
    /// The pause before the second attempt; it doubles, up to [`MAX_BACKOFF`].
    pub backoff: Duration,
    /// The task from which to repeat when the workspace was lost.
    pub from: Option<TaskName>,
}

impl RetryPolicy {
    /// The pause before attempt number `attempt` (2 is the first retry).
    pub fn pause_before(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(2).min(20);
        self.backoff.saturating_mul(1 << doublings).min(MAX_BACKOFF)
    }
}

impl Plan {
    /// The task at an index.
    pub fn task(&self, index: TaskIndex) -> &PlannedTask {
        &self.tasks[index.get()]
    }

    /// The index of a task by its name in the run. Looks through all of them.
    pub fn index_of(&self, id: &str) -> Option<TaskIndex> {
        self.tasks.iter().position(|task| task.id.as_str() == id).map(|at| TaskIndex(at as u32))
    }

    /// The indices of all tasks.
    pub fn indices(&self) -> impl Iterator<Item = TaskIndex> + use<> {
        (0..self.tasks.len() as u32).map(TaskIndex)
    }

    /// The indices of the tasks of `finally`.
    pub fn finally(&self) -> Range<u32> {
        let start = self.tasks.iter().position(|task| task.section == Section::Finally).unwrap_or(self.tasks.len());
        start as u32..self.tasks.len() as u32
    }
}
