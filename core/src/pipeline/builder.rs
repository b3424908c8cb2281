//! Building definitions in code. The result is the same value as that of the document, and the same checks are made.
//!
//! Names and texts are given as plain strings; what is wrong with them is kept and told by [`PipelineBuilder::build`].

mod action;
mod task;
mod text;

use std::num::NonZeroU32;
use std::time::Duration;

use indexmap::IndexMap;

use super::model::*;
use super::path::Path;
use super::problem::{Findings, Problems};
use super::trigger::{CodeEvent, EventTrigger, Schedule, ScheduleRule, ScheduleTrigger, Trigger};
pub use task::TaskBuilder;

impl Pipeline {
    /// Begins a definition.
    ///
    /// ```
    /// use windlass::pipeline::{Parameter, Pipeline, Problems, Stage, Task, to_yaml};
    ///
    /// let pipeline = Pipeline::builder("hello")
    ///     .parameter(Parameter::dynamic("TARGET").default_value("dev").choices(["dev", "prod"]))
    ///     .stage(
    ///         Stage::parallel("Test")
    ///             .task(Task::script("unit", "cargo test").image("rust:1.95"))
    ///             .task(Task::script("lint", "cargo clippy").when("TARGET == 'prod'")),
    ///     )
    ///     .build()?;
    /// println!("{}", to_yaml(&pipeline));
    /// # Ok::<(), Problems>(())
    /// ```
    pub fn builder(name: impl AsRef<str>) -> PipelineBuilder {
        PipelineBuilder::new(name.as_ref())
    }
}

/// Builds a [`Pipeline`].
#[derive(Debug)]
#[must_use = "nothing is built before `build`"]
pub struct PipelineBuilder {
    pipeline: Pipeline,
    findings: Findings,
}

impl PipelineBuilder {
    fn new(name: &str) -> Self {
        let mut findings = Findings::default();
        let name = text::named(name, Path::root().key("name"), &mut findings);
        let pipeline = Pipeline {
            name,
            description: None,
            parameters: Vec::new(),
            timeout: None,
            concurrency: None,
            executor: None,
            triggers: Vec::new(),
            env: IndexMap::new(),
            keep_workspace: None,
            stages: Vec::new(),
            finally: Vec::new(),
            finally_timeout: None,
        };
        Self { pipeline, findings }
    }

    /// A sentence for the people who see it in a list.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.pipeline.description = Some(text.into());
        self
    }

    /// Adds a parameter.
    pub fn parameter(mut self, parameter: ParameterBuilder) -> Self {
        let path = Path::root().key("parameters").item(self.pipeline.parameters.len());
        self.pipeline.parameters.push(parameter.finish(&path, &mut self.findings));
        self
    }

    /// The longest time in which at least one task is running.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pipeline.timeout = Some(timeout.into());
        self
    }

    /// How many runs whose group has the same text go at once, and what happens to one too many. 0 stands for 1.
    pub fn concurrency(mut self, group: impl AsRef<str>, limit: u32, on_conflict: OnConflict) -> Self {
        let path = Path::root().key("concurrency").key("group");
        let group = text::template(group.as_ref(), path, &mut self.findings);
        let limit = NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        self.pipeline.concurrency = Some(Concurrency { group, limit, on_conflict });
        self
    }

    /// Where the steps run.
    pub fn executor(mut self, name: impl AsRef<str>) -> Self {
        self.pipeline.executor = Some(text::named(name.as_ref(), Path::root().key("executor"), &mut self.findings));
        self
    }

    /// Starts runs at certain times.
    pub fn schedule(mut self, rule: ScheduleRule, time_zone: Option<&str>) -> Self {
        let schedule = Schedule { rule, time_zone: time_zone.map(str::to_owned) };
        self.pipeline.triggers.push(Trigger::Schedule(ScheduleTrigger { schedule }));
        self
    }

    /// Starts runs when something happened in a repository: on these branches, when one of these files changed. Empty
    /// lists stand for all.
    pub fn on_event(mut self, event: CodeEvent, branches: &[&str], paths: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        self.pipeline.triggers.push(Trigger::Event(EventTrigger {
            event,
            branches: owned(branches),
            paths: owned(paths),
        }));
        self
    }

    /// Environment of every task.
    pub fn env(mut self, name: impl Into<String>, value: impl AsRef<str>) -> Self {
        let name = name.into();
        let path = Path::root().key("env").key(name.clone());
        let value = text::template(value.as_ref(), path, &mut self.findings);
        self.pipeline.env.insert(name, value);
        self
    }

    /// How long the workspace of a failed run is kept.
    pub fn keep_workspace(mut self, time: Duration) -> Self {
        self.pipeline.keep_workspace = Some(time.into());
        self
    }

    /// Adds a stage.
    pub fn stage(mut self, stage: StageBuilder) -> Self {
        let path = Path::root().key("stages").item(self.pipeline.stages.len());
        self.pipeline.stages.push(stage.finish(&path, &mut self.findings));
        self
    }

    /// Adds a task that runs at the end, whatever happened.
    pub fn finally(mut self, task: TaskBuilder) -> Self {
        let path = Path::root().key("finally").item(self.pipeline.finally.len());
        self.pipeline.finally.push(task.finish(&path, &mut self.findings));
        self
    }

    /// The time that all of `finally` may take together.
    pub fn finally_timeout(mut self, time: Duration) -> Self {
        self.pipeline.finally_timeout = Some(time.into());
        self
    }

    /// The definition, or everything that is wrong with it.
    pub fn build(self) -> Result<Pipeline, Problems> {
        super::check::checked(self.pipeline, self.findings)
    }
}

impl Parameter {
    /// A value that is the same in every run.
    pub fn fixed(name: impl Into<String>, value: impl Into<String>) -> ParameterBuilder {
        ParameterBuilder { name: name.into(), value: Some(value.into()), ..ParameterBuilder::default() }
    }

    /// A value that is given when a run is started.
    pub fn dynamic(name: impl Into<String>) -> ParameterBuilder {
        ParameterBuilder { name: name.into(), dynamic: true, ..ParameterBuilder::default() }
    }
}

/// Builds a [`Parameter`].
#[derive(Clone, Debug, Default)]
#[must_use = "give it to `PipelineBuilder::parameter`"]
pub struct ParameterBuilder {
    name: String,
    value: Option<String>,
    dynamic: bool,
    default: Option<String>,
    choices: Vec<String>,
    description: Option<String>,
}

impl ParameterBuilder {
    /// The value of a dynamic parameter when a run gives none.
    pub fn default_value(mut self, value: impl Into<String>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// The only values that a dynamic parameter may have.
    pub fn choices<T: Into<String>>(mut self, choices: impl IntoIterator<Item = T>) -> Self {
        self.choices = choices.into_iter().map(Into::into).collect();
        self
    }

    /// A sentence for the form in which a person fills it in.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    fn finish(self, path: &Path, findings: &mut Findings) -> Parameter {
        let Self { name, value, dynamic, default, choices, description } = self;
        Parameter {
            name: text::named(&name, path.key("name"), findings),
            value,
            dynamic,
            default,
            choices,
            description,
        }
    }
}

impl Stage {
    /// A stage whose tasks run one after another.
    pub fn sequential(name: impl Into<String>) -> StageBuilder {
        StageBuilder::new(name.into(), Order::Sequential)
    }

    /// A stage whose tasks run side by side.
    pub fn parallel(name: impl Into<String>) -> StageBuilder {
        StageBuilder::new(name.into(), Order::Parallel)
    }
}

/// Builds a [`Stage`].
#[derive(Debug)]
#[must_use = "give it to `PipelineBuilder::stage`"]
pub struct StageBuilder {
    name: String,
    order: Order,
    when: Option<String>,
    fail_fast: bool,
    tasks: Vec<TaskBuilder>,
}

impl StageBuilder {
    fn new(name: String, order: Order) -> Self {
        Self { name, order, when: None, fail_fast: true, tasks: Vec::new() }
    }

    /// A CEL expression; when it is false the whole stage is skipped.
    pub fn when(mut self, expression: impl Into<String>) -> Self {
        self.when = Some(expression.into());
        self
    }

    /// Whether a failure stops what runs beside it in this stage. True unless set.
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }

    /// Adds a task.
    pub fn task(mut self, task: TaskBuilder) -> Self {
        self.tasks.push(task);
        self
    }

    /// Adds tasks.
    pub fn tasks(mut self, tasks: impl IntoIterator<Item = TaskBuilder>) -> Self {
        self.tasks.extend(tasks);
        self
    }

    fn finish(self, path: &Path, findings: &mut Findings) -> Stage {
        let Self { name, order, when, fail_fast, tasks } = self;
        let finish = |(at, task): (usize, TaskBuilder), findings: &mut Findings| {
            task.finish(&path.key("tasks").item(at), findings)
        };
        Stage {
            name: text::named(&name, path.key("name"), findings),
            order,
            when: when.map(|when| text::condition(&when, path.key("when"), findings)),
            fail_fast,
            tasks: tasks.into_iter().enumerate().map(|task| finish(task, findings)).collect(),
        }
    }
}
