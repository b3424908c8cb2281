//! What each step does to a definition.

use super::edit::{Edit, Place, TaskList};
use super::error::EditError;
use super::follow::Renames;
use super::session::Subject;
use super::settings::{Settings, StageSettings};
use super::{free_name, sources};
use crate::pipeline::model::{Pipeline, Stage, Task};
use crate::pipeline::name::{StageName, TaskName};

/// What a stage is called that was given no name.
const NEW_STAGE: &str = "Stage";

/// Makes a step; says what it made or touched. After an error the definition may be half changed.
pub(super) fn apply(pipeline: &mut Pipeline, edit: Edit) -> Result<Subject, EditError> {
    match edit {
        Edit::AddStage { at, settings } => add_stage(pipeline, &at, settings),
        Edit::EditStage { stage, settings } => edit_stage(pipeline, &stage, settings),
        Edit::CopyStage { stage } => copy_stage(pipeline, &stage),
        Edit::DeleteStage { stage } => {
            let at = stage_at(pipeline, &stage)?;
            Ok(Subject::Stage(pipeline.stages.remove(at).name))
        }
        Edit::MoveStage { stage, to } => {
            let at = stage_at(pipeline, &stage)?;
            move_within(&mut pipeline.stages, at, to, "stages")?;
            Ok(Subject::Stage(pipeline.stages[to].name.clone()))
        }
        Edit::AddTask { to, at, task } => {
            let stage = list_stage(pipeline, &to)?;
            let at = task_place(pipeline, stage, &at)?;
            insert_task(pipeline, Spot { stage, at }, *task)
        }
        Edit::EditTask { task, with } => edit_task(pipeline, &task, *with),
        Edit::CopyTask { task } => copy_task(pipeline, &task),
        Edit::DeleteTask { task } => delete_task(pipeline, &task),
        Edit::MoveTask { task, to } => {
            let spot = task_spot(pipeline, &task)?;
            let tasks = spot.tasks_mut(pipeline);
            move_within(tasks, spot.at, to, "tasks")?;
            Ok(Subject::Task(tasks[to].name.clone()))
        }
        Edit::AddSource { stage, at, source } => sources::add(pipeline, stage.as_deref(), &at, *source),
        Edit::EditSource { source, with } => {
            sources::expect(pipeline, &source)?;
            sources::expect_action(&with)?;
            edit_task(pipeline, &source, *with)
        }
        Edit::CopySource { source } => {
            sources::expect(pipeline, &source)?;
            copy_task(pipeline, &source)
        }
        Edit::DeleteSource { source } => {
            sources::expect(pipeline, &source)?;
            delete_task(pipeline, &source)
        }
        Edit::MoveSource { source, to } => sources::move_to(pipeline, &source, to),
        Edit::EditSettings { settings } => {
            edit_settings(pipeline, *settings);
            Ok(Subject::Pipeline)
        }
        // The editor itself does these: a definition has no history.
        Edit::Undo => Err(EditError::NothingToUndo),
        Edit::Redo => Err(EditError::NothingToRedo),
        Edit::Reset => Ok(Subject::Pipeline),
    }
}

/// Where a task stands.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    /// `None` in `finally`.
    pub(super) stage: Option<usize>,
    pub(super) at: usize,
}

impl Spot {
    pub(super) fn tasks(self, pipeline: &Pipeline) -> &[Task] {
        self.stage.map_or(&pipeline.finally, |stage| &pipeline.stages[stage].tasks)
    }

    pub(super) fn tasks_mut(self, pipeline: &mut Pipeline) -> &mut Vec<Task> {
        match self.stage {
            Some(stage) => &mut pipeline.stages[stage].tasks,
            None => &mut pipeline.finally,
        }
    }
}

pub(super) fn stage_at(pipeline: &Pipeline, name: &str) -> Result<usize, EditError> {
    let names = || pipeline.stages.iter().map(|stage| stage.name.as_str());
    names().position(|found| found == name).ok_or_else(|| EditError::no_stage(name, names()))
}

pub(super) fn task_spot(pipeline: &Pipeline, name: &str) -> Result<Spot, EditError> {
    let position = |tasks: &[Task]| tasks.iter().position(|task| task.name.as_str() == name);
    let in_stages = pipeline.stages.iter().enumerate().find_map(|(stage, found)| {
        let at = position(&found.tasks)?;
        Some(Spot { stage: Some(stage), at })
    });
    let found = in_stages.or_else(|| position(&pipeline.finally).map(|at| Spot { stage: None, at }));
    found.ok_or_else(|| EditError::no_task(name, "the pipeline", task_names(pipeline)))
}

fn task_names(pipeline: &Pipeline) -> impl Iterator<Item = &str> {
    let tasks = pipeline.stages.iter().flat_map(|stage| &stage.tasks).chain(&pipeline.finally);
    tasks.map(|task| task.name.as_str())
}

fn list_stage(pipeline: &Pipeline, list: &TaskList) -> Result<Option<usize>, EditError> {
    match list {
        TaskList::Stage(name) => stage_at(pipeline, name).map(Some),
        TaskList::Finally => Ok(None),
    }
}

/// The place of a task that is added to a list.
fn task_place(pipeline: &Pipeline, stage: Option<usize>, place: &Place) -> Result<usize, EditError> {
    let tasks = Spot { stage, at: 0 }.tasks(pipeline);
    match place {
        Place::First => Ok(0),
        Place::Last => Ok(tasks.len()),
        Place::After(name) => {
            let names = || tasks.iter().map(|task| task.name.as_str());
            let found = names().position(|found| found == name).map(|at| at + 1);
            found.ok_or_else(|| EditError::no_task(name, list_name(pipeline, stage), names()))
        }
    }
}

pub(super) fn list_name(pipeline: &Pipeline, stage: Option<usize>) -> String {
    stage.map_or_else(|| "finally".to_owned(), |stage| format!("stage {:?}", pipeline.stages[stage].name))
}

fn move_within<T>(list: &mut Vec<T>, from: usize, to: usize, what: &'static str) -> Result<(), EditError> {
    if to >= list.len() {
        return Err(EditError::OutOfRange { what, to, count: list.len() });
    }
    let moved = list.remove(from);
    list.insert(to, moved);
    Ok(())
}

fn add_stage(pipeline: &mut Pipeline, at: &Place, settings: Option<StageSettings>) -> Result<Subject, EditError> {
    let at = match at {
        Place::First => 0,
        Place::Last => pipeline.stages.len(),
        Place::After(name) => stage_at(pipeline, name)? + 1,
    };
    let settings = match settings {
        Some(settings) => settings,
        None if has_stage(pipeline, NEW_STAGE) => StageSettings::new(free_stage(pipeline, NEW_STAGE)?),
        None => StageSettings::new(StageName::new(NEW_STAGE)?),
    };
    refuse_taken_stage(pipeline, &settings.name)?;
    let name = settings.name.clone();
    pipeline.stages.insert(at, settings.into_stage(Vec::new()));
    Ok(Subject::Stage(name))
}

fn edit_stage(pipeline: &mut Pipeline, name: &str, settings: StageSettings) -> Result<Subject, EditError> {
    let at = stage_at(pipeline, name)?;
    if settings.name.as_str() != name {
        refuse_taken_stage(pipeline, &settings.name)?;
    }
    let subject = Subject::Stage(settings.name.clone());
    let stage = &mut pipeline.stages[at];
    *stage = settings.into_stage(std::mem::take(&mut stage.tasks));
    Ok(subject)
}

fn copy_stage(pipeline: &mut Pipeline, name: &str) -> Result<Subject, EditError> {
    let at = stage_at(pipeline, name)?;
    let original = pipeline.stages[at].clone();
    let copy = Stage { name: free_stage(pipeline, name)?, tasks: Vec::new(), ..original };
    let subject = Subject::Stage(copy.name.clone());
    pipeline.stages.insert(at + 1, copy);
    let mut renames = Renames::default();
    for task in original.tasks {
        let name = free_task(pipeline, &task.name)?;
        renames.add(&task.name, &name);
        // There at once, so that the next copy takes another name.
        pipeline.stages[at + 1].tasks.push(Task { name, ..task });
    }
    renames.follow_in_stage(&mut pipeline.stages[at + 1]);
    Ok(subject)
}

pub(super) fn insert_task(pipeline: &mut Pipeline, spot: Spot, task: Task) -> Result<Subject, EditError> {
    refuse_taken_task(pipeline, &task.name)?;
    let subject = Subject::Task(task.name.clone());
    spot.tasks_mut(pipeline).insert(spot.at, task);
    Ok(subject)
}

fn edit_task(pipeline: &mut Pipeline, name: &str, with: Task) -> Result<Subject, EditError> {
    let spot = task_spot(pipeline, name)?;
    let new_name = with.name.clone();
    let old = std::mem::replace(&mut spot.tasks_mut(pipeline)[spot.at], with);
    if old.name != new_name {
        if task_names(pipeline).filter(|found| *found == new_name.as_str()).count() > 1 {
            return Err(taken_task(pipeline, &new_name));
        }
        let mut renames = Renames::default();
        renames.add(&old.name, &new_name);
        renames.follow(pipeline);
    }
    Ok(Subject::Task(new_name))
}

fn copy_task(pipeline: &mut Pipeline, name: &str) -> Result<Subject, EditError> {
    let spot = task_spot(pipeline, name)?;
    let original = &spot.tasks(pipeline)[spot.at];
    let mut copy = Task { name: free_task(pipeline, &original.name)?, ..original.clone() };
    let mut renames = Renames::default();
    renames.add(&original.name, &copy.name);
    renames.follow_in_task(&mut copy);
    insert_task(pipeline, Spot { at: spot.at + 1, ..spot }, copy)
}

fn delete_task(pipeline: &mut Pipeline, name: &str) -> Result<Subject, EditError> {
    let spot = task_spot(pipeline, name)?;
    Ok(Subject::Task(spot.tasks_mut(pipeline).remove(spot.at).name))
}

fn edit_settings(pipeline: &mut Pipeline, settings: Settings) {
    let (stages, finally) = (std::mem::take(&mut pipeline.stages), std::mem::take(&mut pipeline.finally));
    *pipeline = settings.into_pipeline(pipeline.name.clone(), stages, finally);
}

fn has_stage(pipeline: &Pipeline, name: &str) -> bool {
    pipeline.stages.iter().any(|stage| stage.name.as_str() == name)
}

fn free_stage(pipeline: &Pipeline, name: &str) -> Result<StageName, EditError> {
    Ok(StageName::new(free_name::after(name, |candidate| has_stage(pipeline, candidate)))?)
}

fn free_task(pipeline: &Pipeline, name: &TaskName) -> Result<TaskName, EditError> {
    let is_taken = |candidate: &str| task_names(pipeline).any(|found| found == candidate);
    Ok(TaskName::new(free_name::after(name.as_str(), is_taken))?)
}

fn refuse_taken_stage(pipeline: &Pipeline, name: &StageName) -> Result<(), EditError> {
    if !has_stage(pipeline, name.as_str()) {
        return Ok(());
    }
    let free = free_stage(pipeline, name.as_str())?.to_string();
    Err(EditError::NameTaken { what: "stage", name: name.to_string(), free })
}

fn refuse_taken_task(pipeline: &Pipeline, name: &TaskName) -> Result<(), EditError> {
    match task_names(pipeline).any(|found| found == name.as_str()) {
        true => Err(taken_task(pipeline, name)),
        false => Ok(()),
    }
}

fn taken_task(pipeline: &Pipeline, name: &TaskName) -> EditError {
    match free_task(pipeline, name) {
        Ok(free) => EditError::NameTaken { what: "task", name: name.to_string(), free: free.to_string() },
        Err(error) => error,
    }
}
