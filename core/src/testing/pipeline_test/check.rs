//! A test that speaks of tasks which the run does not have is wrong.

use super::PipelineTest;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Action, Plan, PlannedTask, nearest};

/// The name of a task without that of its matrix instance.
pub(super) fn base(name: &str) -> &str {
    name.split_once('[').map_or(name, |(base, _)| base)
}

/// What was said for a task: under the name of its instance, else under its own.
pub(super) fn said<'a, T>(said: &'a std::collections::BTreeMap<String, T>, task: &str) -> Option<&'a T> {
    said.get(task).or_else(|| said.get(base(task)))
}

pub(super) fn check(test: &PipelineTest, plan: &Plan) -> Result<()> {
    for name in test.scripts.keys() {
        if is_approval(find(plan, name, "a script")?) {
            let message = format!(
                "{name:?} is an approval, which has no steps: say .approve({name:?}, …) or .reject({name:?}, …)"
            );
            return Err(mistake("approvalScripted", message));
        }
    }
    for name in test.answers.keys() {
        let task = find(plan, name, "an answer")?;
        if !is_approval(task) {
            let action = task.action().key();
            let message = format!("{name:?} asks nobody, it has {action}: say what it does with .task({name:?}, …)");
            return Err(mistake("notAnApproval", message));
        }
    }
    match test.scripts.iter().find(|(_, scripts)| scripts.is_empty()) {
        None => Ok(()),
        Some((name, _)) => {
            Err(mistake("noScript", format!("there are attempts for {name:?}, but the list has no scripts")))
        }
    }
}

fn is_approval(task: &PlannedTask) -> bool {
    matches!(task.action(), Action::Approve(_))
}

fn find<'a>(plan: &'a Plan, name: &str, what: &str) -> Result<&'a PlannedTask> {
    let is_it = |task: &&PlannedTask| task.id.as_str() == name || task.name.as_str() == name;
    plan.tasks.iter().find(is_it).ok_or_else(|| {
        let known = || plan.tasks.iter().flat_map(|task| [task.id.as_str(), task.name.as_str()]);
        let hint = match nearest(name, known()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => {
                let ids: Vec<&str> = plan.tasks.iter().map(|task| task.id.as_str()).collect();
                format!("it has {}", ids.join(", "))
            }
        };
        Error::new(
            ErrorKind::NotFound,
            "noSuchTask",
            "test",
            format!("the test has {what} for the task {name:?}, which the run does not have; {hint}"),
        )
    })
}

fn mistake(code: &'static str, message: String) -> Error {
    Error::new(ErrorKind::Invalid, code, "test", message)
}
