//! `windlass plan`.

use std::time::Duration;

use super::args::PlanArgs;
use super::exit::{Exit, Failure};
use super::open::{self, printed};
use super::output::Output;
use super::paint::Paint;
use super::text;
use super::ui::Ui;
use crate::engine::RunRequest;
use crate::pipeline::{self, Plan, PlannedTask, Section};
use crate::wire::plan_json;

pub(super) fn plan(args: &PlanArgs, ui: &Ui) -> Result<Exit, Failure> {
    let pipeline = open::definition(&args.file)?;
    let mut request = RunRequest::manual();
    for (name, value) in args.parameters.by_name().map_err(Failure::input)? {
        request = request.parameter(name, value);
    }
    let plan = pipeline::plan(&pipeline, &request.inputs).map_err(|problems| open::refused(&problems, &args.file))?;
    let mut out = Output::stdout();
    if args.json {
        out.line(plan_json(&plan).to_string());
    } else {
        as_lines(&plan, ui.paint()).iter().for_each(|line| out.line(line));
    }
    printed(Exit::Succeeded, out.finish())
}

/// The plan for a person.
pub(super) fn as_lines(plan: &Plan, paint: Paint) -> Vec<String> {
    let size = format!("{}, {}", text::count(plan.stages.len(), "stage"), text::count(plan.tasks.len(), "task"));
    let mut lines = vec![format!("{}: {size}, timeout {}", paint.bold(&plan.pipeline), duration(plan.timeout))];
    if let Some(executor) = &plan.executor {
        lines.push(format!("executor: {executor}"));
    }
    lines.extend(plan.parameters.iter().map(|(name, value)| format!("parameter {name} = {value:?}")));
    if let Some(group) = &plan.concurrency {
        lines.push(format!("concurrency: {:?}, at most {}", group.group, group.limit));
    }
    for stage in &plan.stages {
        let order = if stage.parallel { "parallel" } else { "sequential" };
        lines.push(String::new());
        lines.push(format!("{} {}", paint.bold(&stage.name), paint.dim(format_args!("({order})"))));
        let tasks = stage.tasks.start as usize..stage.tasks.end as usize;
        lines.extend(tasks.filter_map(|at| plan.tasks.get(at)).map(|task| task_line(plan, task, paint)));
    }
    let finally = plan.finally();
    if !finally.is_empty() {
        lines.push(String::new());
        let budget = format!("(at the end, whatever happened, within {})", duration(plan.finally_timeout));
        lines.push(format!("{} {}", paint.bold("finally"), paint.dim(budget)));
        let tasks = plan.tasks.iter().filter(|task| task.section == Section::Finally);
        lines.extend(tasks.map(|task| task_line(plan, task, paint)));
    }
    lines
}

fn task_line(plan: &Plan, task: &PlannedTask, paint: Paint) -> String {
    let facts = facts(plan, task);
    let rest = if facts.is_empty() { String::new() } else { format!(" · {}", facts.join(" · ")) };
    format!("  {}  {}", paint.bold(&task.id), paint.dim(format_args!("{}{rest}", task.action().key())))
}

/// What a person wants to know of a task beside its name.
fn facts(plan: &Plan, task: &PlannedTask) -> Vec<String> {
    let mut facts = Vec::new();
    let mut before = waits_for(plan, task);
    if let Some(stage) = task.after.and_then(|stage| plan.stages.get(stage.get())) {
        before.push(format!("stage {}", stage.name));
    }
    if !before.is_empty() {
        facts.push(format!("after {}", before.join(", ")));
    }
    facts.extend(task.when.iter().map(|condition| format!("when {}", condition.source())));
    if task.retry.attempts > 1 {
        facts.push(format!("up to {} attempts", task.retry.attempts));
    }
    facts.extend(task.timeout.map(|timeout| format!("timeout {}", duration(timeout))));
    if task.allow_failure() {
        facts.push("may fail".to_owned());
    }
    facts.extend(task.definition.image.as_ref().map(|image| format!("image {image}")));
    if !task.definition.outputs.is_empty() {
        let outputs: Vec<&str> = task.definition.outputs.iter().map(|output| output.as_str()).collect();
        facts.push(format!("outputs {}", outputs.join(", ")));
    }
    facts
}

fn waits_for(plan: &Plan, task: &PlannedTask) -> Vec<String> {
    task.needs.iter().map(|index| plan.task(*index).id.to_string()).collect()
}

fn duration(duration: Duration) -> String {
    pipeline::HumanDuration::from(duration).to_string()
}
