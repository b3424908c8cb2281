//! What is known of a run's steps before they come.

use super::core::Core;
use crate::executor::{StepContainer, StepOutline, StepService};
use crate::pipeline::{Action, Plan, PlannedTask, Reference, Service, TaskIndex, Template};
use crate::run::{RunState, StepKey};

/// The steps of a run in the order of the plan, those whose images are known already.
pub(super) fn outlines(core: &Core, state: &RunState) -> Vec<StepOutline> {
    let plan = state.plan();
    plan.indices().filter_map(|task| outline(core, state, plan, task)).collect()
}

fn outline(core: &Core, state: &RunState, plan: &Plan, index: TaskIndex) -> Option<StepOutline> {
    let task: &PlannedTask = plan.task(index);
    let Action::Script(_) = task.action() else { return None };
    let url = core.run_url(state.run()).unwrap_or_default();
    let known = |text: &Template| -> Option<String> {
        if !is_early(plan, text) {
            return None;
        }
        state.with_facts(1, &url, |facts| text.resolve(&plan.scope(index, facts)).ok())
    };
    let service = |service: &Service| {
        Some(StepService {
            name: service.name.clone(),
            image: known(&service.image)?,
            credential: service.credential.clone(),
            command: service.command.clone(),
            env: Default::default(),
            health: service.health.clone(),
            privileged: service.privileged,
        })
    };
    Some(StepOutline {
        key: StepKey { run: state.run(), task: task.id.clone(), attempt: 1 },
        image: Some(known(task.definition.image.as_ref()?)?),
        container: StepContainer {
            options: task.definition.container.clone().unwrap_or_default(),
            services: task.definition.services.iter().map(service).collect::<Option<_>>()?,
        },
        resources: task.definition.resources.clone().unwrap_or_default(),
        isolation: task.isolation(),
    })
}

/// Whether nothing in the text can be another one when the step starts.
fn is_early(plan: &Plan, text: &Template) -> bool {
    text.references().all(|(reference, _)| match reference {
        Reference::Variable(name) => {
            let of_commit = name.starts_with("CI_COMMIT_") && plan.commit.sha.is_empty();
            plan.parameters.contains_key(name) || !(of_commit || name == "WINDLASS_STATUS" || name == "TASK_ATTEMPT")
        }
        Reference::Output { .. } | Reference::Hash { .. } => false,
    })
}
