//! A session over a definition.

use std::sync::Arc;

use serde::Serialize;

use super::edit::{Edit, Place, TaskList};
use super::error::EditError;
use super::history::Kept;
use super::settings::{Settings, StageSettings};
use super::{apply, sources};
use crate::pipeline::check;
use crate::pipeline::model::{Pipeline, Stage, Task};
use crate::pipeline::name::{StageName, TaskName};
use crate::pipeline::problem::Problem;

/// A session over a definition: every step gives the new definition and what is wrong with it so far; steps can be taken
/// back. What is wrong hinders no step.
///
/// ```
/// use windlass::Pipeline;
/// use windlass::pipeline::editor::{Edit, Editor, Place, TaskList};
/// use windlass::pipeline::{Action, Task, TaskName};
///
/// let mut editor = Editor::open(Pipeline::starter("web")?);
/// let unit = Task::new(TaskName::new("unit")?, Action::Script("make test".to_owned()));
/// editor.add_task(TaskList::stage("Test"), Place::Last, unit)?;
/// let edited = editor.apply(Edit::CopyTask { task: "unit".to_owned() })?;
/// assert_eq!(edited.definition.stages[2].tasks[1].name.as_str(), "unit-2");
/// assert!(edited.problems.is_empty());
/// editor.undo()?;
/// assert!(editor.can_redo());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Editor {
    opening: Arc<Pipeline>,
    current: Arc<Pipeline>,
    /// The current state once more, in the form that the next one shares.
    kept: Kept,
    /// The states before the steps that can be taken back, the newest last.
    past: Vec<Step>,
    /// The states after the steps that were taken back, the next one last.
    future: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    state: Kept,
    subject: Subject,
}

/// What a step led to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edited {
    /// The definition after the step.
    pub definition: Arc<Pipeline>,
    /// All that is wrong with it, with paths in the tree. Empty for one that can be run.
    pub problems: Vec<Problem>,
    /// What the step made or touched.
    pub subject: Subject,
    /// Whether a step can be taken back.
    pub can_undo: bool,
    /// Whether a step that was taken back can be done again.
    pub can_redo: bool,
    /// Whether it differs from the definition at opening.
    pub is_changed: bool,
}

/// What a step made or touched; for a canvas to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// The stage of this name; it is gone after it was deleted, or after its making was taken back.
    Stage(StageName),
    /// The task of this name, likewise.
    Task(TaskName),
    /// The pipeline as a whole, or its settings.
    Pipeline,
}

impl Editor {
    /// Begins a session. The definition may have mistakes.
    pub fn open(definition: Pipeline) -> Self {
        let kept = Kept::first(&definition);
        let opening = Arc::new(definition);
        Self { current: Arc::clone(&opening), opening, kept, past: Vec::new(), future: Vec::new() }
    }

    /// The definition as it is now.
    pub fn definition(&self) -> &Pipeline {
        &self.current
    }

    /// All that is wrong with it, with paths in the tree. Empty for one that can be run.
    pub fn problems(&self) -> Vec<Problem> {
        match check::definition(&self.current) {
            Ok(()) => Vec::new(),
            Err(problems) => problems.into_iter().collect(),
        }
    }

    /// The sources, each with its stage: the tasks that are checkouts, outside `finally`.
    pub fn sources(&self) -> impl Iterator<Item = (&Stage, &Task)> {
        self.current
            .stages
            .iter()
            .flat_map(|stage| stage.tasks.iter().map(move |task| (stage, task)))
            .filter(|(_, task)| sources::is_source(task))
    }

    /// Whether a step can be taken back.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether a step that was taken back can be done again.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// Whether the definition differs from the one at opening.
    pub fn is_changed(&self) -> bool {
        self.current != self.opening
    }

    /// Makes a step. One that leaves everything as it was counts as none: it is not there to be taken back.
    ///
    /// # Errors
    /// A stage or task that is not there, a name that is taken (with a free one), a place out of range; nothing changes.
    pub fn apply(&mut self, edit: Edit) -> Result<Edited, EditError> {
        match edit {
            Edit::Undo => self.undo(),
            Edit::Redo => self.redo(),
            Edit::Reset => Ok(self.reset()),
            edit => {
                let mut definition = Pipeline::clone(&self.current);
                let subject = apply::apply(&mut definition, edit)?;
                self.step(definition, &subject);
                Ok(self.edited(subject))
            }
        }
    }

    /// Takes the last step back.
    pub fn undo(&mut self) -> Result<Edited, EditError> {
        let Step { state, subject } = self.past.pop().ok_or(EditError::NothingToUndo)?;
        let undone = self.go_to(state);
        self.future.push(Step { state: undone, subject: subject.clone() });
        Ok(self.edited(subject))
    }

    /// Does again what was taken back last. Every new step ends that.
    pub fn redo(&mut self) -> Result<Edited, EditError> {
        let Step { state, subject } = self.future.pop().ok_or(EditError::NothingToRedo)?;
        let before = self.go_to(state);
        self.past.push(Step { state: before, subject: subject.clone() });
        Ok(self.edited(subject))
    }

    /// Goes back to the state at opening. That is a step, and can be taken back.
    pub fn reset(&mut self) -> Edited {
        self.step(Pipeline::clone(&self.opening), &Subject::Pipeline);
        self.edited(Subject::Pipeline)
    }

    /// Gives a state its turn; returns the one that had it.
    fn go_to(&mut self, state: Kept) -> Kept {
        self.current = Arc::new(state.restore());
        std::mem::replace(&mut self.kept, state)
    }

    fn step(&mut self, definition: Pipeline, subject: &Subject) {
        if definition == *self.current {
            return;
        }
        let state = self.kept.next(&definition);
        let before = std::mem::replace(&mut self.kept, state);
        self.current = Arc::new(definition);
        self.past.push(Step { state: before, subject: subject.clone() });
        self.future.clear();
    }

    fn edited(&self, subject: Subject) -> Edited {
        Edited {
            definition: Arc::clone(&self.current),
            problems: self.problems(),
            subject,
            can_undo: self.can_undo(),
            can_redo: self.can_redo(),
            is_changed: self.is_changed(),
        }
    }
}

/// The steps by name; each is an [`Edit`].
impl Editor {
    /// Adds a sequential stage without tasks.
    pub fn add_stage(&mut self, name: impl AsRef<str>, at: Place) -> Result<Edited, EditError> {
        let settings = Some(StageSettings::new(StageName::new(name)?));
        self.apply(Edit::AddStage { at, settings })
    }

    /// Gives a stage other settings: [`StageSettings::of`] tells those that it has.
    pub fn edit_stage(&mut self, stage: impl Into<String>, settings: StageSettings) -> Result<Edited, EditError> {
        self.apply(Edit::EditStage { stage: stage.into(), settings })
    }

    /// Gives a stage another name.
    pub fn rename_stage(&mut self, stage: impl AsRef<str>, name: impl AsRef<str>) -> Result<Edited, EditError> {
        let at = apply::stage_at(&self.current, stage.as_ref())?;
        let settings = StageSettings { name: StageName::new(name)?, ..StageSettings::of(&self.current.stages[at]) };
        self.edit_stage(stage.as_ref(), settings)
    }

    /// Copies a stage with its tasks directly behind it, under free names.
    pub fn copy_stage(&mut self, stage: impl Into<String>) -> Result<Edited, EditError> {
        self.apply(Edit::CopyStage { stage: stage.into() })
    }

    /// Deletes a stage with its tasks.
    pub fn delete_stage(&mut self, stage: impl Into<String>) -> Result<Edited, EditError> {
        self.apply(Edit::DeleteStage { stage: stage.into() })
    }

    /// Moves a stage to a place, counted from 0.
    pub fn move_stage(&mut self, stage: impl Into<String>, to: usize) -> Result<Edited, EditError> {
        self.apply(Edit::MoveStage { stage: stage.into(), to })
    }

    /// Adds a task.
    pub fn add_task(&mut self, to: TaskList, at: Place, task: Task) -> Result<Edited, EditError> {
        self.apply(Edit::AddTask { to, at, task: task.into() })
    }

    /// Puts another task in the place of one; what referred to the old name follows.
    pub fn edit_task(&mut self, task: impl Into<String>, with: Task) -> Result<Edited, EditError> {
        self.apply(Edit::EditTask { task: task.into(), with: with.into() })
    }

    /// Gives a task another name; what referred to the old one follows.
    pub fn rename_task(&mut self, task: impl AsRef<str>, name: impl AsRef<str>) -> Result<Edited, EditError> {
        let spot = apply::task_spot(&self.current, task.as_ref())?;
        let with = Task { name: TaskName::new(name)?, ..spot.tasks(&self.current)[spot.at].clone() };
        self.edit_task(task.as_ref(), with)
    }

    /// Copies a task directly behind it, under a free name.
    pub fn copy_task(&mut self, task: impl Into<String>) -> Result<Edited, EditError> {
        self.apply(Edit::CopyTask { task: task.into() })
    }

    /// Deletes a task. What still refers to it is told as a problem.
    pub fn delete_task(&mut self, task: impl Into<String>) -> Result<Edited, EditError> {
        self.apply(Edit::DeleteTask { task: task.into() })
    }

    /// Moves a task inside its stage, or inside `finally`, to a place counted from 0.
    pub fn move_task(&mut self, task: impl Into<String>, to: usize) -> Result<Edited, EditError> {
        self.apply(Edit::MoveTask { task: task.into(), to })
    }

    /// Adds a source behind the other ones.
    pub fn add_source(&mut self, source: Task) -> Result<Edited, EditError> {
        self.apply(Edit::AddSource { stage: None, at: Place::Last, source: source.into() })
    }

    /// Puts another source in the place of one.
    pub fn edit_source(&mut self, source: impl Into<String>, with: Task) -> Result<Edited, EditError> {
        self.apply(Edit::EditSource { source: source.into(), with: with.into() })
    }

    /// Copies a source directly behind it, under a free name.
    pub fn copy_source(&mut self, source: impl Into<String>) -> Result<Edited, EditError> {
        self.apply(Edit::CopySource { source: source.into() })
    }

    /// Deletes a source.
    pub fn delete_source(&mut self, source: impl Into<String>) -> Result<Edited, EditError> {
        self.apply(Edit::DeleteSource { source: source.into() })
    }

    /// Moves a source among the sources of its stage to a place counted from 0.
    pub fn move_source(&mut self, source: impl Into<String>, to: usize) -> Result<Edited, EditError> {
        self.apply(Edit::MoveSource { source: source.into(), to })
    }

    /// Gives the pipeline other settings: [`Settings::of`] tells those that it has.
    pub fn edit_settings(&mut self, settings: Settings) -> Result<Edited, EditError> {
        self.apply(Edit::EditSettings { settings: settings.into() })
    }
}
