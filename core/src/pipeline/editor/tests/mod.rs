//! The behaviour of the editor, seen from outside.

mod history;
mod renaming;
mod sequences;
mod settings;
mod sources;
mod stages;
mod tasks;
mod wire;

use crate::pipeline::editor::{Edited, Editor};
use crate::pipeline::*;

/// An editor on a document in YAML.
fn open(document: &str) -> Editor {
    Editor::open(read(document.as_bytes(), "a.yaml").unwrap())
}

/// An editor on stages of tasks with scripts: `Build: unit lint, Deploy: ship`.
fn outline(outline: &str) -> Editor {
    let stage = |stage: &str| {
        let (name, tasks) = stage.split_once(':').unwrap();
        Stage {
            name: StageName::new(name.trim()).unwrap(),
            order: Order::Sequential,
            when: None,
            fail_fast: true,
            tasks: tasks.split_whitespace().map(script).collect(),
        }
    };
    let mut pipeline = Pipeline::builder("p").build().unwrap();
    pipeline.stages = outline.split(',').map(stage).collect();
    Editor::open(pipeline)
}

fn script(name: &str) -> Task {
    Task::new(TaskName::new(name).unwrap(), Action::Script("x".to_owned()))
}

/// The stages and tasks of a definition, as [`outline`] takes them.
fn shown(pipeline: &Pipeline) -> String {
    let names = |tasks: &[Task]| tasks.iter().map(|task| format!(" {}", task.name)).collect::<String>();
    let stages: Vec<_> =
        pipeline.stages.iter().map(|stage| format!("{}:{}", stage.name, names(&stage.tasks))).collect();
    stages.join(", ")
}

fn lines(edited: &Edited) -> Vec<String> {
    edited.problems.iter().map(ToString::to_string).collect()
}
