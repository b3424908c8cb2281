//! A plan as data.

use std::time::Duration;

use serde_json::{Value, json};

use super::StartOptions;
use crate::error::{Error, Result};
use crate::pipeline::{self, Pipeline, Plan, PlannedTask};

/// What a run of a definition with these options would do: `windlass plan --json` prints the same. Pure: nothing is started.
///
/// # Errors
/// `invalidPipeline` with every mistake of the definition and the parameters; `badOption`.
pub fn plan(definition: &Pipeline, options: StartOptions) -> Result<Value> {
    let request = options.request()?;
    let plan = pipeline::plan(definition, &request.inputs).map_err(Error::from)?;
    Ok(plan_json(&plan))
}

/// A plan for programs.
pub(crate) fn plan_json(plan: &Plan) -> Value {
    let tasks_of = |range: std::ops::Range<u32>| -> Vec<Value> {
        let tasks = (range.start as usize..range.end as usize).filter_map(|at| plan.tasks.get(at));
        tasks.map(|task| task_json(plan, task)).collect()
    };
    let stages: Vec<Value> = plan
        .stages
        .iter()
        .map(|stage| {
            let order = if stage.parallel { "parallel" } else { "sequential" };
            json!({
                "name": stage.name, "order": order, "failFast": stage.fail_fast, "tasks": tasks_of(stage.tasks.clone()),
            })
        })
        .collect();
    json!({
        "pipeline": plan.pipeline,
        "parameters": plan.parameters,
        "executor": plan.executor,
        "concurrency": plan.concurrency,
        "timeoutMs": millis(plan.timeout),
        "finallyTimeoutMs": millis(plan.finally_timeout),
        "stages": stages,
        "finally": tasks_of(plan.finally()),
    })
}

fn task_json(plan: &Plan, task: &PlannedTask) -> Value {
    json!({
        "task": task.id,
        "name": task.name,
        "action": task.action().key(),
        "image": task.definition.image,
        "needs": task.needs.iter().map(|index| plan.task(*index).id.as_str()).collect::<Vec<_>>(),
        "afterStage": task.after.and_then(|stage| plan.stages.get(stage.get())).map(|stage| stage.name.as_str()),
        "when": task.when,
        "matrix": task.matrix,
        "outputs": task.definition.outputs,
        "allowFailure": task.allow_failure(),
        "timeoutMs": task.timeout.map(millis),
        "retry": {"attempts": task.retry.attempts, "on": task.retry.on, "backoffMs": millis(task.retry.backoff)},
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
