//! Earlier states of a definition, kept so that a long session stays small: what two states have in common is there once.

use std::collections::HashMap;
use std::sync::Arc;

use super::settings::{Settings, StageSettings};
use crate::pipeline::model::{Pipeline, Task};
use crate::pipeline::name::PipelineName;

/// A state of a definition.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    name: PipelineName,
    settings: Arc<Settings>,
    stages: Vec<(StageSettings, Vec<Arc<Task>>)>,
    finally: Vec<Arc<Task>>,
}

impl Kept {
    pub(super) fn first(pipeline: &Pipeline) -> Self {
        Self::sharing(pipeline, Settings::of(pipeline).into(), &HashMap::new())
    }

    /// The state that follows this one.
    pub(super) fn next(&self, pipeline: &Pipeline) -> Self {
        let settings = Settings::of(pipeline);
        let settings = if *self.settings == settings { Arc::clone(&self.settings) } else { settings.into() };
        let tasks = self.stages.iter().flat_map(|(_, tasks)| tasks).chain(&self.finally);
        let known = tasks.map(|task| (task.name.as_str(), task)).collect();
        Self::sharing(pipeline, settings, &known)
    }

    fn sharing(pipeline: &Pipeline, settings: Arc<Settings>, known: &HashMap<&str, &Arc<Task>>) -> Self {
        let keep = |tasks: &[Task]| {
            let keep = |task: &Task| match known.get(task.name.as_str()) {
                Some(same) if ***same == *task => Arc::clone(same),
                _ => Arc::new(task.clone()),
            };
            tasks.iter().map(keep).collect::<Vec<_>>()
        };
        Self {
            name: pipeline.name.clone(),
            settings,
            stages: pipeline.stages.iter().map(|stage| (StageSettings::of(stage), keep(&stage.tasks))).collect(),
            finally: keep(&pipeline.finally),
        }
    }

    pub(super) fn restore(&self) -> Pipeline {
        let tasks = |kept: &[Arc<Task>]| kept.iter().map(|task| Task::clone(task)).collect::<Vec<_>>();
        let stages = self.stages.iter().map(|(settings, kept)| settings.clone().into_stage(tasks(kept)));
        Settings::clone(&self.settings).into_pipeline(self.name.clone(), stages.collect(), tasks(&self.finally))
    }
}
