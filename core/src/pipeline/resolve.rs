//! What the engine asks a plan during a run: the values of a task's texts, and whether its conditions hold.

use std::borrow::Cow;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::action::Action;
use super::check::{BUILT_IN, STEP_ONLY};
use super::condition::{ConditionScope, TaskFacts};
use super::container::Service;
use super::plan::{CommitInfo, Plan, PlannedTask, Section, TaskIndex};
use super::planning::early_value;
use super::template::{BadValue, Reference, Scope, Template};

/// What is known of a run at the moment when a task starts.
#[derive(Clone, Copy)]
pub struct RunFacts<'a> {
    /// The unique id of the run.
    pub run_id: &'a str,
    /// Its number in the pipeline.
    pub number: u64,
    /// The attempt, 1 for the first one.
    pub attempt: u32,
    /// The word for the run's state so far: `running` until something failed, then `failed`, `cancelled`, `timedOut`; in
    /// `finally` after success `succeeded`.
    pub status: &'a str,
    /// The address of the run in the portal; empty when there is none.
    pub url: &'a str,
    /// The commit, when a checkout found out more than the plan knows.
    pub commit: Option<&'a CommitInfo>,
    /// The tasks of the run so far.
    pub tasks: &'a dyn TaskHistory,
}

/// What the tasks of a run have done so far.
pub trait TaskHistory {
    /// The word for the task's state: `pending`, `running`, `succeeded`, `failed`, …
    fn state(&self, task: TaskIndex) -> &str;
    /// What it wrote to `$WINDLASS_OUTPUT` under a key in its last attempt.
    fn output(&self, task: TaskIndex, key: &str) -> Option<&str>;
}

/// A task with everything that a script step needs resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedTask {
    /// The environment of the step: built-in variables, parameters, the matrix, the pipeline's env, the task's env. Later
    /// ones win. `WORKSPACE` and `WINDLASS_OUTPUT` are added by the executor, secrets by the engine.
    pub env: BTreeMap<String, String>,
    /// The image.
    pub image: Option<String>,
    /// The shell of a script.
    pub shell: Option<String>,
    /// The text of a script, as it was written.
    pub script: Option<String>,
    /// What an approval asks.
    pub message: Option<String>,
    /// Images and environments of its services, in their order.
    pub services: Vec<(String, BTreeMap<String, String>)>,
}

impl Plan {
    /// The values of a task at the moment when an attempt starts. An error is the cause `badValue` of the task.
    pub fn resolve(&self, index: TaskIndex, facts: &RunFacts<'_>) -> Result<ResolvedTask, BadValue> {
        let scope = self.scope(index, facts);
        let task = scope.task;
        let (script, message) = match task.action() {
            Action::Script(text) => (Some(text.clone()), None),
            Action::Approve(approve) => (None, Some(approve.message.resolve(&scope)?)),
            _ => (None, None),
        };
        Ok(ResolvedTask {
            env: scope.environment()?,
            image: task.definition.image.as_ref().map(|image| image.resolve(&scope)).transpose()?,
            shell: task.definition.shell.clone(),
            script,
            message,
            services: task
                .definition
                .services
                .iter()
                .map(|service| scope.service(service))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether all conditions of a task hold: its stage's, then its own. An error is the cause `badValue` of the task.
    pub fn condition(&self, index: TaskIndex, facts: &RunFacts<'_>) -> Result<bool, BadValue> {
        let history = ByName { plan: self, history: facts.tasks };
        let scope = ConditionScope {
            parameters: &self.parameters,
            trigger: &self.trigger,
            commit: facts.commit.unwrap_or(&self.commit),
            tasks: &history,
        };
        for when in &self.task(index).when {
            if !when.evaluate(&scope)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The values that the texts of a task can refer to, for [`Template::resolve`]. `${hash:FILES}` has no value here.
    pub fn scope<'a>(&'a self, index: TaskIndex, facts: &'a RunFacts<'a>) -> TaskScope<'a> {
        TaskScope {
            plan: self,
            task: self.task(index),
            facts,
            attempt: facts.attempt.to_string(),
            number: facts.number.to_string(),
        }
    }

    /// The instance of that name, or all instances of the task of that name. Looks through all tasks.
    fn instances_of(&self, name: &str) -> impl Iterator<Item = TaskIndex> {
        self.indices().filter(move |index| {
            let task = self.task(*index);
            task.id.as_str() == name || task.name.as_str() == name
        })
    }
}

/// The values that the texts of one task can refer to.
pub struct TaskScope<'a> {
    plan: &'a Plan,
    task: &'a PlannedTask,
    facts: &'a RunFacts<'a>,
    attempt: String,
    number: String,
}

impl TaskScope<'_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let axis = self.task.matrix.get(name).or_else(|| self.plan.parameters.get(name));
        axis.map(|value| Cow::Borrowed(value.as_str())).or_else(|| self.built_in(name))
    }

    fn built_in(&self, name: &str) -> Option<Cow<'_, str>> {
        let stage = || match self.task.section {
            Section::Stage(stage) => self.plan.stages.get(stage.get()).map_or("", |stage| stage.name.as_str()),
            Section::Finally => "finally",
        };
        let value = match name {
            "BUILD_ID" | "BUILD_NUMBER" => &self.number,
            "RUN_ID" => self.facts.run_id,
            "STAGE_NAME" => stage(),
            "TASK_NAME" => self.task.id.as_str(),
            "TASK_ATTEMPT" => &self.attempt,
            "BUILD_URL" => self.facts.url,
            "WINDLASS_STATUS" => self.facts.status,
            _ => {
                let commit = self.facts.commit.unwrap_or(&self.plan.commit);
                return early_value(name, &self.plan.pipeline, &self.plan.trigger, commit);
            }
        };
        Some(Cow::Borrowed(value))
    }

    fn service(&self, service: &Service) -> Result<(String, BTreeMap<String, String>), BadValue> {
        let env = service.env.iter().map(|(name, value)| Ok((name.clone(), value.resolve(self)?)));
        Ok((service.image.resolve(self)?, env.collect::<Result<_, BadValue>>()?))
    }

    fn output(&self, name: &str, key: &str) -> Result<Option<Cow<'_, str>>, BadValue> {
        let mut found = self.plan.instances_of(name);
        let (Some(index), None) = (found.next(), found.next()) else { return Ok(None) };
        Ok(self.facts.tasks.output(index, key).map(Cow::Borrowed))
    }

    /// The environment of the step.
    fn environment(&self) -> Result<BTreeMap<String, String>, BadValue> {
        let mut env = BTreeMap::new();
        for name in BUILT_IN {
            env.insert(name.to_owned(), self.built_in(name).unwrap_or_default().into_owned());
        }
        env.extend(self.plan.parameters.iter().map(|(name, value)| (name.clone(), value.clone())));
        env.extend(self.task.matrix.iter().map(|(name, value)| (name.to_string(), value.clone())));
        for (name, template) in self.plan.env.iter().chain(&self.task.definition.env) {
            env.insert(name.clone(), template.resolve(self)?);
        }
        match env.iter().find(|(_, value)| value.contains('\0')) {
            None => Ok(env),
            Some((name, _)) => Err(BadValue::new(
                format!("the value of {name} contains the character NUL"),
                "an environment variable cannot hold it; pass such data in a file",
            )),
        }
    }
}

impl Scope for TaskScope<'_> {
    fn value(&self, reference: &Reference) -> Result<Option<Cow<'_, str>>, BadValue> {
        match reference {
            Reference::Variable(name) => match self.variable(name) {
                None if STEP_ONLY.contains(&name.as_str()) => Err(BadValue::new(
                    format!("${name} is known only in the step's own environment"),
                    "use it in a script, or write $$ for a dollar sign",
                )),
                value => Ok(value),
            },
            Reference::Output { task, key } => self.output(task, key),
            Reference::Hash { .. } => Ok(None),
        }
    }
}

/// Resolves the texts inside values of any form, such as the `with` of a custom action. Keys stay as they are.
pub fn resolve_value(value: &Value, scope: &dyn Scope) -> Result<Value, BadValue> {
    Ok(match value {
        Value::String(text) => {
            let template = Template::parse(text.as_str()).map_err(|error| {
                BadValue::new(format!("{text:?} cannot be read: {error}"), "write $$ for a dollar sign")
            })?;
            Value::String(template.resolve(scope)?)
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| resolve_value(item, scope)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let entries = map.iter().map(|(key, item)| Ok((key.clone(), resolve_value(item, scope)?)));
            Value::Object(entries.collect::<Result<_, BadValue>>()?)
        }
        other => other.clone(),
    })
}

/// Resolves the values of a map, such as the arguments of an image's build.
pub fn resolve_map(map: &IndexMap<String, Template>, scope: &dyn Scope) -> Result<IndexMap<String, String>, BadValue> {
    map.iter().map(|(name, template)| Ok((name.clone(), template.resolve(scope)?))).collect()
}

/// What happened, by the names that conditions use.
struct ByName<'a> {
    plan: &'a Plan,
    history: &'a dyn TaskHistory,
}

/// From the state that matters most to the one that matters least: of a matrix, the first of these that an instance has
/// is the state of the whole.
const WEIGHT: [&str; 9] =
    ["lost", "failed", "timedOut", "cancelled", "running", "waiting", "pending", "skipped", "succeeded"];

impl TaskFacts for ByName<'_> {
    fn state(&self, task: &str) -> Cow<'_, str> {
        let weight = |state: &&str| WEIGHT.iter().position(|word| word == state).unwrap_or(WEIGHT.len());
        let state = self.plan.instances_of(task).map(|index| self.history.state(index)).min_by_key(weight);
        Cow::Borrowed(state.unwrap_or_default())
    }

    fn output(&self, task: &str, key: &str) -> Cow<'_, str> {
        let found = self.plan.instances_of(task).find_map(|index| self.history.output(index, key));
        Cow::Borrowed(found.unwrap_or_default())
    }
}
