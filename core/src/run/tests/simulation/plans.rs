//! Random plans.

use std::sync::Arc;

use super::Dice;
use super::world::World;
use crate::pipeline::{Plan, RetryOn, Section, TaskName};
use crate::run::rerun::{ReuseFrom, reuse};
use crate::run::tests::driver::reused;
use crate::run::tests::kit::{Kit, plan};
use crate::run::{RunEvent, TaskEnd};

pub(super) fn generate(dice: &mut Dice) -> Arc<Plan> {
    if dice.chance(12) {
        return repeating(dice);
    }
    let mut kit = plan();
    let mut names = Vec::new();
    let repeats = if dice.chance(25) { 80 } else { 10 };
    for stage in 0..dice.below(4) {
        let name = format!("Stage {stage}");
        kit = if dice.chance(60) { kit.parallel(&name) } else { kit.sequential(&name) };
        if dice.chance(35) {
            kit = kit.lenient();
        }
        for _ in 0..dice.below(5) {
            kit = add_task(kit, &mut names, repeats, dice);
        }
    }
    if dice.chance(80) {
        kit = kit.keep_workspace(1000);
    }
    if dice.chance(25) {
        kit = kit.pipeline_timeout(50 + dice.below(400));
    }
    if dice.chance(60) {
        kit = kit.finally();
        for task in 0..1 + dice.below(3) {
            kit = decorate(kit.task(&format!("end{task}")), dice);
        }
        if dice.chance(40) {
            kit = kit.finally_timeout(20 + dice.below(250));
        }
    }
    kit.build()
}

/// A chain whose last tasks repeat it when they lose the workspace.
fn repeating(dice: &mut Dice) -> Arc<Plan> {
    let chain = 1 + dice.below(4);
    let mut kit = (0..chain).fold(plan().sequential("Source"), |kit, task| kit.task(&format!("t{task}")));
    kit = kit.parallel("Test");
    for task in chain..chain + 1 + dice.below(2) {
        let from = format!("t{}", dice.below(chain.min(2)));
        kit = kit.task(&format!("t{task}")).retry(3, &[RetryOn::Lost, RetryOn::Failure], 0).repeat_from(&from);
    }
    kit.keep_workspace(1000).build()
}

/// What a run of the plan takes over: nothing, anything that it may, or what a whole earlier run of it left.
pub(super) fn taken_over(plan: &Arc<Plan>, dice: &mut Dice) -> Vec<RunEvent> {
    let repeats = plan.tasks.iter().any(|task| task.retry.from.is_some());
    match dice.below(100) {
        0..60 if !repeats => Vec::new(),
        0..30 => Vec::new(),
        30..80 => anything(plan, dice),
        _ => earlier_run(plan, dice),
    }
}

fn anything(plan: &Plan, dice: &mut Dice) -> Vec<RunEvent> {
    let in_stages = plan.tasks.iter().filter(|task| task.section != Section::Finally);
    let share = dice.below(100);
    let chosen = in_stages.filter(|_| dice.chance(share)).collect::<Vec<_>>();
    let mut end = |allowed: bool| match dice.below(6) {
        0 if allowed => TaskEnd::Failed,
        1 if allowed => TaskEnd::TimedOut,
        2 if allowed => TaskEnd::Lost,
        _ => TaskEnd::Succeeded,
    };
    chosen.into_iter().map(|task| reused(task.id.as_str(), end(task.allow_failure()))).collect()
}

fn earlier_run(plan: &Arc<Plan>, dice: &mut Dice) -> Vec<RunEvent> {
    let again = anything(plan, dice);
    let mut world = World::new(Arc::clone(plan), Dice::new(dice.next()), false, again);
    let state = world.run().map(|()| super::replay(plan, &world.history));
    let from = if dice.chance(60) { ReuseFrom::Failed } else { ReuseFrom::Task(any_name(plan, dice)) };
    state.ok().and_then(|state| reuse(&state, &from).ok()).unwrap_or_default()
}

fn any_name(plan: &Plan, dice: &mut Dice) -> TaskName {
    let nobody = || TaskName::new("nobody").unwrap();
    let at = dice.below(plan.tasks.len().max(1) as u64) as usize;
    plan.tasks.get(at).map_or_else(nobody, |task| task.name.clone())
}

fn add_task(mut kit: Kit, names: &mut Vec<String>, repeats: u64, dice: &mut Dice) -> Kit {
    let number = names.len();
    let axis = if dice.chance(20) { format!("t{number}[PY=3.{}]", dice.below(20)) } else { format!("t{number}") };
    kit = if dice.chance(8) { kit.approve(&axis) } else { kit.task(&axis) };
    if dice.chance(20) {
        let needs = names.iter().filter(|_| dice.chance(25)).map(String::as_str).collect::<Vec<_>>();
        kit = kit.needs(&needs);
    }
    kit = decorate(kit, dice);
    if dice.chance(repeats) && !names.is_empty() {
        let from =
            names[dice.below(names.len().min(2) as u64) as usize].split('[').next().unwrap_or_default().to_owned();
        kit = kit.retry(2 + dice.below(2) as u32, &[RetryOn::Lost, RetryOn::Failure], 0).repeat_from(&from);
    }
    names.push(axis);
    kit
}

fn decorate(mut kit: Kit, dice: &mut Dice) -> Kit {
    if dice.chance(15) {
        kit = kit.when(["false", "true", "false", "1 / 0 == 1"][dice.below(4) as usize]);
    }
    if dice.chance(20) {
        kit = kit.allow_failure();
    }
    if dice.chance(35) {
        let all = [RetryOn::Failure, RetryOn::Infrastructure, RetryOn::Timeout, RetryOn::Lost];
        let on = all.into_iter().filter(|_| dice.chance(60)).collect::<Vec<_>>();
        kit = kit.retry(1 + dice.below(4) as u32, &on, [0, 0, 20, 100][dice.below(4) as usize]);
    }
    if dice.chance(25) {
        kit = kit.timeout(10 + dice.below(150));
    }
    if dice.chance(25) {
        kit = kit.without_workspace();
    }
    kit
}
