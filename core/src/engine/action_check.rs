//! What can be known of actions before a run starts: that they are there, and that their settings are right.

use std::panic::AssertUnwindSafe;

use super::action::{action_name, is_action, settings_path};
use super::core::Core;
use crate::action::{MissingAction, SettingsProblem};
use crate::error::{Error, ErrorKind, Result};
use crate::executor::Capabilities;
use crate::explain;
use crate::pipeline::{Pipeline, Problem, Problems, Task};

/// Lets the actions of a definition look at their settings, and refuses those that nobody registered.
pub(super) fn check_actions(core: &Core, pipeline: &Pipeline) -> Result<()> {
    let mut problems = Vec::new();
    for (path, task) in tasks(pipeline) {
        if !is_action(&task.action) {
            continue;
        }
        let handler = core.actions.of(&task.action).map_err(|MissingAction(why)| {
            let message = format!("task {:?}: {why}", task.name.as_str());
            Error::new(ErrorKind::Unsupported, "unsupportedAction", "start", message)
        })?;
        let settings = task.action.settings();
        let found = std::panic::catch_unwind(AssertUnwindSafe(|| handler.check(&settings)));
        let found = found.map_err(|_| {
            let message = explain::action_panicked(action_name(&task.action)).message;
            Error::new(ErrorKind::Internal, "panic", "start", message)
        })?;
        let path = format!("{path}.{}", settings_path(&task.action));
        problems.extend(found.into_iter().map(|problem| placed(&path, problem)));
    }
    Problems::from_vec(problems).map_or(Ok(()), |problems| Err(problems.into()))
}

/// Refuses services where the executor has no containers: tests would fail without the database, and say something else. The
/// other wishes of a container are as without meaning there as its image.
pub(super) fn check_containers(pipeline: &Pipeline, executor: &str, capabilities: &Capabilities) -> Result<()> {
    if capabilities.images {
        return Ok(());
    }
    let problems = tasks(pipeline).filter(|(_, task)| !task.services.is_empty()).map(|(path, task)| Problem {
        file: None,
        position: None,
        path: format!("{path}.services"),
        message: format!(
            "the task {:?} has services, and the executor {executor} has no containers; use one that has, such as docker",
            task.name.as_str()
        ),
        suggestion: None,
    });
    Problems::from_vec(problems.collect()).map_or(Ok(()), |problems| Err(problems.into()))
}

/// All tasks of a definition, with their paths in it.
fn tasks(pipeline: &Pipeline) -> impl Iterator<Item = (String, &Task)> {
    let of_stages = pipeline.stages.iter().enumerate().flat_map(|(stage, definition)| {
        let tasks = definition.tasks.iter().enumerate();
        tasks.map(move |(at, task)| (format!("stages[{stage}].tasks[{at}]"), task))
    });
    of_stages.chain(pipeline.finally.iter().enumerate().map(|(at, task)| (format!("finally[{at}]"), task)))
}

fn placed(settings: &str, problem: SettingsProblem) -> Problem {
    let path = problem.path_below(settings);
    Problem { file: None, position: None, path, message: problem.message, suggestion: None }
}
