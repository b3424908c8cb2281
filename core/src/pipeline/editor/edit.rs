//! The steps of an editor as plain data, so that a page can send them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{Settings, StageSettings};
use crate::pipeline::model::Task;

/// One step: what a person does on a canvas.
///
/// Its JSON is an object whose `edit` says which: `{"edit": "copyTask", "task": "unit"}`.
///
/// ```
/// use windlass::pipeline::editor::Edit;
///
/// let edit: Edit = serde_json::from_str(
///     r#"{"edit": "addTask", "to": {"stage": "Test"}, "at": {"after": "unit"}, "task": {"name": "lint", "script": "make lint"}}"#,
/// )?;
/// # assert!(matches!(edit, Edit::AddTask { .. }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "edit", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Edit {
    /// Adds a stage without tasks.
    AddStage {
        /// Where it lands. At the end when unset.
        #[serde(default)]
        at: Place,
        /// Its name and the like. Unset: a sequential one with a free name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settings: Option<StageSettings>,
    },
    /// Gives a stage other settings; its tasks stay.
    EditStage {
        /// The stage.
        stage: String,
        /// All of its settings, as they are from now on.
        settings: StageSettings,
    },
    /// Copies a stage with its tasks directly behind it. The copies have free names, and what referred to a task of the
    /// stage refers to its copy there.
    CopyStage {
        /// The stage.
        stage: String,
    },
    /// Deletes a stage with its tasks.
    DeleteStage {
        /// The stage.
        stage: String,
    },
    /// Moves a stage among the stages.
    MoveStage {
        /// The stage.
        stage: String,
        /// Its place afterwards, counted from 0.
        to: usize,
    },
    /// Adds a task.
    AddTask {
        /// Where to.
        to: TaskList,
        /// Its place there. At the end when unset.
        #[serde(default)]
        at: Place,
        /// The task.
        task: Box<Task>,
    },
    /// Puts another task in the place of one. When that changes the name, what referred to the old name follows.
    EditTask {
        /// The task as it is called so far.
        task: String,
        /// The task from now on.
        with: Box<Task>,
    },
    /// Copies a task directly behind it, under a free name.
    CopyTask {
        /// The task.
        task: String,
    },
    /// Deletes a task. What still refers to it is told as a problem.
    DeleteTask {
        /// The task.
        task: String,
    },
    /// Moves a task inside its stage, or inside `finally`.
    MoveTask {
        /// The task.
        task: String,
        /// Its place there afterwards, counted from 0.
        to: usize,
    },
    /// Adds a source: a task that is a checkout.
    AddSource {
        /// The stage. Unset: that of the other sources, else the one that is called `Source`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<String>,
        /// Its place among the sources of the stage, which come before its other tasks. At the end when unset.
        #[serde(default)]
        at: Place,
        /// The source.
        source: Box<Task>,
    },
    /// Puts another source in the place of one.
    EditSource {
        /// The source as it is called so far.
        source: String,
        /// The source from now on.
        with: Box<Task>,
    },
    /// Copies a source directly behind it, under a free name.
    CopySource {
        /// The source.
        source: String,
    },
    /// Deletes a source.
    DeleteSource {
        /// The source.
        source: String,
    },
    /// Moves a source among the sources of its stage; the other tasks of the stage stay where they are.
    MoveSource {
        /// The source.
        source: String,
        /// Its place among them afterwards, counted from 0.
        to: usize,
    },
    /// Gives the pipeline other settings; its stages and tasks stay.
    EditSettings {
        /// All of its settings, as they are from now on.
        settings: Box<Settings>,
    },
    /// Takes the last step back.
    Undo,
    /// Does again what was taken back last.
    Redo,
    /// Goes back to the state at opening. That is a step, and can be taken back.
    Reset,
}

/// Where something new lands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// Before all others.
    First,
    /// Directly behind the one of this name.
    After(String),
    /// Behind all others.
    #[default]
    Last,
}

impl Place {
    /// Directly behind the one of this name.
    pub fn after(name: impl Into<String>) -> Self {
        Self::After(name.into())
    }
}

/// A list of tasks in a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TaskList {
    /// The tasks of the stage of this name.
    Stage(String),
    /// The tasks that run at the end, whatever happened.
    Finally,
}

impl TaskList {
    /// The tasks of the stage of this name.
    pub fn stage(name: impl Into<String>) -> Self {
        Self::Stage(name.into())
    }
}
