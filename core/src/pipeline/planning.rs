//! From a definition and a run's inputs to the plan.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::check::{self, Broken, Outline, STEP_ONLY};
use super::condition::Condition;
use super::matrix;
use super::model::{Order, Pipeline, Retry, Task, default_retry_on};
use super::path::Path;
use super::plan::*;
use super::problem::{Findings, Problems};
use super::template::{BadValue, Reference, Scope};

/// Makes the plan, or says all that is wrong with the definition and with what the run was given.
pub fn plan(pipeline: &Pipeline, inputs: &RunInputs) -> Result<Plan, Problems> {
    let mut findings = Findings::default();
    check::check(pipeline, &Broken::default(), &mut findings);
    let parameters = parameters(pipeline, inputs, &mut findings);
    let concurrency = concurrency(pipeline, inputs, &parameters, &mut findings);
    match findings.into_problems(None, |_| None) {
        Some(problems) => Err(problems),
        None => Ok(graph(pipeline, inputs, parameters, concurrency)),
    }
}

/// Every parameter with its value in this run.
fn parameters(pipeline: &Pipeline, inputs: &RunInputs, findings: &mut Findings) -> IndexMap<String, String> {
    let mut values = IndexMap::with_capacity(pipeline.parameters.len());
    for parameter in &pipeline.parameters {
        let name = parameter.name.as_str();
        let path = || Path::root().key("parameters").key(name.to_owned());
        let value = match (parameter.dynamic, inputs.parameters.get(name)) {
            (false, None) => parameter.value.clone().unwrap_or_default(),
            (false, Some(_)) => {
                let message = format!(
                    "{name:?} is static and cannot be given when a run is started; make it dynamic: true for that"
                );
                findings.report(path(), message);
                continue;
            }
            (true, given) => match given.or(parameter.default.as_ref()) {
                Some(value) => value.clone(),
                None => {
                    findings.report(path(), format!("{name:?} has no default, so the run must give it a value"));
                    continue;
                }
            },
        };
        if !parameter.choices.is_empty() && !parameter.choices.contains(&value) {
            let message = format!("{value:?} is not allowed for {name:?}, only {}", parameter.choices.join(", "));
            findings.report_unknown(path(), message, &value, parameter.choices.iter().map(String::as_str));
        } else if value.contains('\0') {
            findings.report(path(), "a value may not contain the character NUL");
        }
        values.insert(name.to_owned(), value);
    }
    for name in inputs.parameters.keys().filter(|name| !pipeline.parameters.iter().any(|p| p.name.as_str() == **name)) {
        let known = pipeline.parameters.iter().map(|parameter| parameter.name.as_str());
        let path = Path::root().key("parameters").key(name.clone());
        findings.report_unknown(path, format!("there is no parameter {name:?}"), name, known);
    }
    values
}

/// What is known before the run has a number.
struct Early<'a> {
    pipeline: &'a Pipeline,
    inputs: &'a RunInputs,
    parameters: &'a IndexMap<String, String>,
}

impl Scope for Early<'_> {
    fn value(&self, reference: &Reference) -> Result<Option<Cow<'_, str>>, BadValue> {
        let Reference::Variable(name) = reference else { return Ok(None) };
        if STEP_ONLY.contains(&name.as_str()) && !self.parameters.contains_key(name) {
            return Ok(None);
        }
        let value = self.parameters.get(name).map(|value| Cow::Borrowed(value.as_str()));
        Ok(value.or_else(|| early_value(name, &self.pipeline.name, &self.inputs.trigger, &self.inputs.commit)))
    }
}

/// The built-in variables whose value is known before the run has a number.
pub(super) fn early_value<'a>(
    name: &str,
    pipeline: &'a super::name::PipelineName,
    trigger: &'a TriggerInfo,
    commit: &'a CommitInfo,
) -> Option<Cow<'a, str>> {
    let value = match name {
        "CI" => "true",
        "PIPELINE_NAME" | "JOB_NAME" => pipeline.as_str(),
        "TRIGGER_KIND" => &trigger.kind,
        "CI_COMMIT_SHA" => &commit.sha,
        "CI_COMMIT_SHORT_SHA" => commit.short_sha(),
        "CI_COMMIT_BRANCH" => &commit.branch,
        "CI_COMMIT_TAG" => &commit.tag,
        "CI_COMMIT_MESSAGE" => &commit.message,
        "CI_COMMIT_AUTHOR" => &commit.author,
        "CI_REPOSITORY_URL" => &commit.repository,
        _ => return None,
    };
    Some(Cow::Borrowed(value))
}

fn concurrency(
    pipeline: &Pipeline,
    inputs: &RunInputs,
    parameters: &IndexMap<String, String>,
    findings: &mut Findings,
) -> Option<PlannedConcurrency> {
    let concurrency = pipeline.concurrency.as_ref()?;
    // A mistake found before would only be told a second time.
    if !findings.is_empty() {
        return None;
    }
    match concurrency.group.resolve(&Early { pipeline, inputs, parameters }) {
        Ok(group) => {
            Some(PlannedConcurrency { group, limit: concurrency.limit.get(), on_conflict: concurrency.on_conflict })
        }
        Err(error) => {
            let path = Path::root().key("concurrency").key("group");
            findings.report(path, format!("{}; {}", error.message, error.advice));
            None
        }
    }
}

fn graph(
    pipeline: &Pipeline,
    inputs: &RunInputs,
    parameters: IndexMap<String, String>,
    concurrency: Option<PlannedConcurrency>,
) -> Plan {
    let (stages, tasks) = Unfolded::of(pipeline).into_graph(pipeline);
    let length = |given: Option<super::duration::HumanDuration>, default| given.map_or(default, |given| given.get());
    Plan {
        pipeline: pipeline.name.clone(),
        parameters,
        trigger: inputs.trigger.clone(),
        commit: inputs.commit.clone(),
        executor: inputs.executor.clone().or_else(|| pipeline.executor.clone()),
        concurrency,
        timeout: length(pipeline.timeout, DEFAULT_TIMEOUT),
        finally_timeout: length(pipeline.finally_timeout, DEFAULT_FINALLY_TIMEOUT),
        keep_workspace: length(pipeline.keep_workspace, DEFAULT_KEEP_WORKSPACE),
        env: pipeline.env.clone(),
        stages,
        tasks,
    }
}

/// The tasks of the document with the range of their instances in the plan.
struct Unfolded<'a> {
    outline: Outline<'a>,
    instances: Vec<Vec<matrix::Instance>>,
    ranges: Vec<std::ops::Range<u32>>,
}

impl<'a> Unfolded<'a> {
    fn of(pipeline: &'a Pipeline) -> Self {
        // The definition has been checked, so that nothing is found here.
        let outline = Outline::of(pipeline, &Broken::default(), &mut Findings::default());
        let mut next = 0;
        let (mut instances, mut ranges) = (Vec::new(), Vec::new());
        for spot in outline.spots() {
            let of_task = matrix::instances(&spot.task.name, &spot.task.matrix);
            let end = next + of_task.len() as u32;
            ranges.push(next..end);
            instances.push(of_task);
            next = end;
        }
        Self { outline, instances, ranges }
    }

    fn into_graph(self, pipeline: &Pipeline) -> (Vec<PlannedStage>, Vec<PlannedTask>) {
        let Self { outline, instances, ranges } = self;
        let mut stages = Vec::with_capacity(pipeline.stages.len());
        let mut first = 0;
        for stage in &pipeline.stages {
            let last = first + stage.tasks.len();
            let start =
                ranges.get(first).map_or_else(|| ranges.last().map_or(0, |range| range.end), |range| range.start);
            let end = if last > first { ranges[last - 1].end } else { start };
            stages.push(PlannedStage {
                name: stage.name.clone(),
                parallel: stage.order == Order::Parallel,
                fail_fast: stage.fail_fast,
                tasks: start..end,
            });
            first = last;
        }
        let mut tasks = Vec::with_capacity(ranges.last().map_or(0, |range| range.end as usize));
        for (index, of_task) in instances.into_iter().enumerate() {
            let (needs, after) = outline.waits_for(index);
            let needs: Vec<TaskIndex> = needs.iter().flat_map(|need| ranges[*need].clone()).map(TaskIndex).collect();
            let spot = &outline.spots()[index];
            let stage_when = spot.stage.and_then(|stage| pipeline.stages[stage].when.as_ref());
            let definition = Arc::new(spot.task.clone());
            for instance in of_task {
                let place = (spot.stage, needs.clone(), after.filter(|_| spot.stage.is_some()));
                tasks.push(planned(instance, place, stage_when, &definition));
            }
        }
        (stages, tasks)
    }
}

fn planned(
    instance: matrix::Instance,
    (stage, needs, after): (Option<usize>, Vec<TaskIndex>, Option<usize>),
    stage_when: Option<&Condition>,
    task: &Arc<Task>,
) -> PlannedTask {
    let stage_index = |stage: usize| StageIndex(stage as u32);
    PlannedTask {
        id: instance.id,
        name: task.name.clone(),
        section: stage.map_or(Section::Finally, |stage| Section::Stage(stage_index(stage))),
        needs,
        after: after.map(stage_index),
        when: stage_when.into_iter().chain(&task.when).cloned().collect(),
        matrix: instance.values,
        retry: retry_policy(task.retry.as_ref()),
        timeout: task.timeout.map(|timeout| timeout.get()),
        grace: task.grace.map_or(DEFAULT_GRACE, |grace| grace.get()),
        definition: Arc::clone(task),
    }
}

fn retry_policy(retry: Option<&Retry>) -> RetryPolicy {
    match retry {
        None => RetryPolicy { attempts: 1, on: default_retry_on(), backoff: Duration::ZERO, from: None },
        Some(retry) => RetryPolicy {
            attempts: retry.attempts.get(),
            on: retry.on.clone(),
            backoff: retry.backoff.map_or(Duration::ZERO, |backoff| backoff.get()),
            from: retry.from.clone(),
        },
    }
}
