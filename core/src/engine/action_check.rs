//! What can be known of actions before a run starts: that they are there, and that their settings are right.

use std::panic::AssertUnwindSafe;

use super::core::Core;
use crate::action::SettingsProblem;
use crate::error::{Error, ErrorKind, Result};
use crate::explain;
use crate::pipeline::{Action, Custom, Pipeline, Problem, Problems, Task};

/// Lets the actions of a definition look at their settings, and refuses those that nobody registered.
pub(super) fn check_actions(core: &Core, pipeline: &Pipeline) -> Result<()> {
    let mut problems = Vec::new();
    for (path, task) in tasks(pipeline) {
        let Action::Custom(Custom { name, with }) = &task.action else { continue };
        let Some(handler) = core.actions.get(name) else {
            let message = format!("task {:?}: {}", task.name.as_str(), core.actions.missing(name));
            return Err(Error::new(ErrorKind::Unsupported, "unsupportedAction", "start", message));
        };
        let with = serde_json::Value::Object(with.clone().into_iter().collect());
        let found = std::panic::catch_unwind(AssertUnwindSafe(|| handler.check(&with)));
        let found = found
            .map_err(|_| Error::new(ErrorKind::Internal, "panic", "start", explain::action_panicked(name).message))?;
        problems.extend(found.into_iter().map(|problem| placed(&path, problem)));
    }
    Problems::from_vec(problems).map_or(Ok(()), |problems| Err(problems.into()))
}

/// All tasks of a definition, with their paths in it.
fn tasks(pipeline: &Pipeline) -> impl Iterator<Item = (String, &Task)> {
    let of_stages = pipeline.stages.iter().enumerate().flat_map(|(stage, definition)| {
        let tasks = definition.tasks.iter().enumerate();
        tasks.map(move |(at, task)| (format!("stages[{stage}].tasks[{at}]"), task))
    });
    of_stages.chain(pipeline.finally.iter().enumerate().map(|(at, task)| (format!("finally[{at}]"), task)))
}

fn placed(task: &str, problem: SettingsProblem) -> Problem {
    let path = problem.path_below(&format!("{task}.custom.with"));
    Problem { file: None, position: None, path, message: problem.message, suggestion: None }
}
