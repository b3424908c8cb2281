//! What refers to a task follows when the task gets another name: `needs`, `retry.from`, `${task.KEY}` and `tasks['name']`.

use std::collections::HashMap;

use serde_json::Value;

use crate::pipeline;
use crate::pipeline::condition::Condition;
use crate::pipeline::model::{Pipeline, Stage, Task};
use crate::pipeline::name::TaskName;
use crate::pipeline::template::Template;

/// Old names of tasks and their new ones.
#[derive(Debug, Default)]
pub(super) struct Renames(HashMap<String, TaskName>);

impl Renames {
    pub(super) fn add(&mut self, old: &TaskName, new: &TaskName) {
        self.0.insert(old.to_string(), new.clone());
    }

    /// Lets everything in the definition follow. A text in which the new name cannot be written, since it has characters
    /// with a meaning there, stays; the checks report it.
    pub(super) fn follow(&self, pipeline: &mut Pipeline) {
        pipeline.stages.iter_mut().for_each(|stage| self.follow_in_stage(stage));
        pipeline.finally.iter_mut().for_each(|task| self.follow_in_task(task));
    }

    pub(super) fn follow_in_stage(&self, stage: &mut Stage) {
        self.condition(&mut stage.when);
        stage.tasks.iter_mut().for_each(|task| self.follow_in_task(task));
    }

    pub(super) fn follow_in_task(&self, task: &mut Task) {
        let retry_from = task.retry.as_mut().and_then(|retry| retry.from.as_mut());
        for name in task.needs.iter_mut().flatten().chain(retry_from) {
            if let Some(new) = self.0.get(name.as_str()) {
                *name = new.clone();
            }
        }
        self.condition(&mut task.when);
        self.texts(task);
    }

    /// The new name of a task, or of an instance of its matrix: `unit[PY=3.11]`.
    fn of(&self, name: &str) -> Option<String> {
        let (base, instance) = name.split_at(name.find('[').unwrap_or(name.len()));
        self.0.get(base).map(|new| format!("{new}{instance}"))
    }

    fn condition(&self, condition: &mut Option<Condition>) {
        let renamed = condition.as_ref().and_then(|condition| condition.with_tasks(|name| self.of(name)));
        if renamed.is_some() {
            *condition = renamed;
        }
    }

    /// Changes the task as a document, in which the place of every text is known.
    fn texts(&self, task: &mut Task) {
        let renamed = |text: &Template| text.with_tasks(|name| self.of(name));
        let texts = pipeline::texts(task).into_iter();
        let mut changed = texts.filter_map(|(place, text)| Some((place, renamed(&text)?))).peekable();
        if changed.peek().is_none() {
            return;
        }
        let Ok(mut document) = serde_json::to_value(&*task) else { return };
        for (place, text) in changed {
            if let Some(place) = document.pointer_mut(&place) {
                *place = Value::String(text.source().to_owned());
            }
        }
        if let Ok(renamed) = serde_json::from_value(document) {
            *task = renamed;
        }
    }
}
