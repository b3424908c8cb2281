//! Random plans.

use std::sync::Arc;

use super::Dice;
use crate::pipeline::{Plan, RetryOn};
use crate::run::tests::kit::{Kit, plan};

pub(super) fn generate(dice: &mut Dice) -> Arc<Plan> {
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
