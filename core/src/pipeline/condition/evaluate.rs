//! Looking at a condition with the values of a run.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, Value};
use indexmap::IndexMap;

use super::{Condition, Use, clashes};
use crate::pipeline::plan::{CommitInfo, TriggerInfo};
use crate::pipeline::template::BadValue;

/// The functions of CEL. Made once, since it takes longer than looking at a condition.
static FUNCTIONS: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What a condition may know of a task.
pub trait TaskFacts {
    /// The word for the task's state, such as `succeeded`. Empty when there is no such task.
    fn state(&self, task: &str) -> Cow<'_, str>;
    /// What the task wrote under a key; empty when it wrote nothing.
    fn output(&self, task: &str, key: &str) -> Cow<'_, str>;
}

/// The values of a run that conditions can look at.
#[derive(Clone, Copy)]
pub struct ConditionScope<'a> {
    /// The parameters with their values.
    pub parameters: &'a IndexMap<String, String>,
    /// What started the run.
    pub trigger: &'a TriggerInfo,
    /// The commit.
    pub commit: &'a CommitInfo,
    /// The tasks.
    pub tasks: &'a dyn TaskFacts,
}

impl Condition {
    /// Whether the condition holds. An error when it does not evaluate to true or false.
    pub fn evaluate(&self, scope: &ConditionScope<'_>) -> Result<bool, BadValue> {
        let Some(program) = &self.compiled.program else { return Ok(true) };
        let tasks = self.tasks(scope.tasks);
        let (parameters, commit, trigger) = (scope.parameters, scope.commit, scope.trigger);
        let found = self.compiled.weight.run(move || program.execute(&context(parameters, commit, trigger, tasks)));
        match found {
            Some(Ok(Value::Bool(holds))) => Ok(holds),
            Some(Ok(other)) => {
                let what = format!("gives {}", kind(&other));
                Err(self.bad(&what, "compare with ==, != or in, so that it is true or false"))
            }
            Some(Err(error)) => {
                let advice = match error {
                    ExecutionError::NoSuchOverload(_) => "all values are texts; int(…) makes a number of one",
                    _ => "correct the expression, or guard it with a condition in front of &&",
                };
                Err(self.bad(&format!("cannot be evaluated: {error}"), advice))
            }
            None => Err(self.bad("cannot be evaluated", "write it in a simpler way")),
        }
    }

    fn bad(&self, what: &str, advice: &str) -> BadValue {
        BadValue::new(format!("the condition {:?} {what}", self.source()), advice)
    }

    /// Only the tasks that the expression names; it cannot look at others.
    fn tasks(&self, facts: &dyn TaskFacts) -> Value {
        let mut tasks: HashMap<String, (String, HashMap<String, Value>)> = HashMap::new();
        for found in self.uses() {
            let (task, key) = match found {
                Use::State { task } => (task, None),
                Use::Output { task, key } => (task, Some(key)),
                _ => continue,
            };
            let entry = tasks.entry(task.clone()).or_insert_with(|| (facts.state(task).into_owned(), HashMap::new()));
            if let Some(key) = key {
                entry.1.insert(key.clone(), Value::from(facts.output(task, key).into_owned()));
            }
        }
        let tasks: HashMap<String, Value> = tasks
            .into_iter()
            .map(|(name, (state, outputs))| {
                let fields = HashMap::from([("state", Value::from(state)), ("outputs", Value::Map(outputs.into()))]);
                (name, Value::Map(fields.into()))
            })
            .collect();
        Value::Map(tasks.into())
    }
}

fn context(
    parameters: &IndexMap<String, String>,
    commit: &CommitInfo,
    trigger: &TriggerInfo,
    tasks: Value,
) -> Context<'static, 'static> {
    let mut context = Context::with_env(Arc::clone(&FUNCTIONS));
    for (name, value) in parameters.iter().filter(|(name, _)| !clashes(name)) {
        context.add_variable_from_value(name.clone(), value.clone());
    }
    context.add_variable_from_value("params", map(parameters.iter().map(|(k, v)| (k.as_str(), v.as_str()))));
    context.add_variable_from_value("commit", commit_value(commit));
    context.add_variable_from_value("trigger", trigger_value(trigger));
    context.add_variable_from_value("tasks", tasks);
    context
}

fn commit_value(commit: &CommitInfo) -> Value {
    map([
        ("sha", commit.sha.as_str()),
        ("shortSha", commit.short_sha()),
        ("branch", &commit.branch),
        ("tag", &commit.tag),
        ("message", &commit.message),
        ("author", &commit.author),
        ("repository", &commit.repository),
    ])
}

fn trigger_value(trigger: &TriggerInfo) -> Value {
    map([("kind", trigger.kind.as_str()), ("actor", &trigger.actor)])
}

fn map<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let entries: HashMap<String, Value> =
        entries.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value.to_owned()))).collect();
    Value::Map(entries.into())
}

fn kind(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text {text:?}"),
        Value::Int(number) => format!("the number {number}"),
        Value::UInt(number) => format!("the number {number}"),
        Value::Float(number) => format!("the number {number}"),
        Value::Null => "null".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        _ => "something else".to_owned(),
    }
}
