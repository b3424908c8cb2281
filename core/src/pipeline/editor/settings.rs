//! What belongs to a pipeline or a stage itself, without what is in it.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::condition::Condition;
use crate::pipeline::duration::HumanDuration;
use crate::pipeline::model::{Concurrency, Order, Parameter, Pipeline, Stage, Task, is_default};
use crate::pipeline::name::{ExecutorName, PipelineName, StageName};
use crate::pipeline::template::Template;
use crate::pipeline::trigger::Trigger;

/// Everything of a pipeline but its name, its stages and its tasks. Runs are numbered under the name, so that another one
/// is another pipeline: see [`Pipeline::copied`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// A sentence for the people who see the pipeline in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Values that every text of the definition can refer to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// The longest time in which at least one task is running. 14 days when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
    /// How many runs of one group may go at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Where the steps run; a run may override it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor: Option<ExecutorName>,
    /// What starts a run beside a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// Environment of every task; a task's own `env` goes before it.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, Template>,
    /// How long the workspace of a failed run is kept. 24 hours when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_workspace: Option<HumanDuration>,
    /// The time that all of `finally` may take together. 10 minutes when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finally_timeout: Option<HumanDuration>,
}

impl Settings {
    /// Those of a pipeline.
    pub fn of(pipeline: &Pipeline) -> Self {
        let Pipeline {
            name: _,
            description,
            parameters,
            timeout,
            concurrency,
            executor,
            triggers,
            env,
            keep_workspace,
            stages: _,
            finally: _,
            finally_timeout,
        } = pipeline;
        Self {
            description: description.clone(),
            parameters: parameters.clone(),
            timeout: *timeout,
            concurrency: concurrency.clone(),
            executor: executor.clone(),
            triggers: triggers.clone(),
            env: env.clone(),
            keep_workspace: *keep_workspace,
            finally_timeout: *finally_timeout,
        }
    }

    /// A pipeline with these settings.
    pub(super) fn into_pipeline(self, name: PipelineName, stages: Vec<Stage>, finally: Vec<Task>) -> Pipeline {
        let Self {
            description,
            parameters,
            timeout,
            concurrency,
            executor,
            triggers,
            env,
            keep_workspace,
            finally_timeout,
        } = self;
        Pipeline {
            name,
            description,
            parameters,
            timeout,
            concurrency,
            executor,
            triggers,
            env,
            keep_workspace,
            stages,
            finally,
            finally_timeout,
        }
    }
}

/// Everything of a stage but its tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageSettings {
    /// What the stage is called, unique in the pipeline.
    pub name: StageName,
    /// Whether its tasks run one after another or side by side.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order: Order,
    /// A CEL expression; when it is false the whole stage is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Whether a failure stops what runs beside it in this stage. True when unset.
    #[serde(default = "yes")]
    pub fail_fast: bool,
}

fn yes() -> bool {
    true
}

impl StageSettings {
    /// Those of a sequential stage that always runs.
    pub fn new(name: StageName) -> Self {
        Self { name, order: Order::Sequential, when: None, fail_fast: true }
    }

    /// Those of a stage.
    pub fn of(stage: &Stage) -> Self {
        let Stage { name, order, when, fail_fast, tasks: _ } = stage;
        Self { name: name.clone(), order: *order, when: when.clone(), fail_fast: *fail_fast }
    }

    /// A stage with these settings.
    pub(super) fn into_stage(self, tasks: Vec<Task>) -> Stage {
        let Self { name, order, when, fail_fast } = self;
        Stage { name, order, when, fail_fast, tasks }
    }
}
