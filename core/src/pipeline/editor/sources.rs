//! Sources: the tasks that are checkouts.

use super::apply::{Spot, insert_task, list_name, stage_at, task_spot};
use super::edit::Place;
use super::error::EditError;
use super::session::Subject;
use crate::pipeline::action::Action;
use crate::pipeline::model::{Pipeline, Task};
use crate::pipeline::starter::SOURCE_STAGE;

pub(super) fn is_source(task: &Task) -> bool {
    matches!(task.action, Action::Checkout(_))
}

/// The task, which must be a source in a stage.
pub(super) fn expect(pipeline: &Pipeline, name: &str) -> Result<Spot, EditError> {
    let spot = task_spot(pipeline, name)?;
    expect_action(&spot.tasks(pipeline)[spot.at])?;
    Ok(spot)
}

pub(super) fn expect_action(task: &Task) -> Result<(), EditError> {
    match is_source(task) {
        true => Ok(()),
        false => Err(EditError::NotASource { task: task.name.to_string(), action: task.action.key() }),
    }
}

/// The places of the sources in a list of tasks.
fn places(tasks: &[Task]) -> Vec<usize> {
    tasks.iter().enumerate().filter(|(_, task)| is_source(task)).map(|(at, _)| at).collect()
}

pub(super) fn add(
    pipeline: &mut Pipeline,
    stage: Option<&str>,
    at: &Place,
    source: Task,
) -> Result<Subject, EditError> {
    expect_action(&source)?;
    let stage = match stage {
        Some(name) => stage_at(pipeline, name)?,
        None => stage_of_sources(pipeline).ok_or(EditError::NoSourceStage)?,
    };
    let tasks = &pipeline.stages[stage].tasks;
    let sources = places(tasks);
    let at = match at {
        Place::First => sources.first().copied().unwrap_or(0),
        Place::Last => sources.last().map_or(0, |last| last + 1),
        Place::After(name) => {
            let names = || sources.iter().map(|at| tasks[*at].name.as_str());
            let found = sources.iter().zip(names()).find(|(_, found)| *found == name.as_str());
            let found = found.map(|(at, _)| at + 1);
            found.ok_or_else(|| {
                EditError::no_task(name, format!("the sources of {}", list_name(pipeline, Some(stage))), names())
            })?
        }
    };
    insert_task(pipeline, Spot { stage: Some(stage), at }, source)
}

/// That of the other sources, else the one with the name that it has in a new pipeline.
fn stage_of_sources(pipeline: &Pipeline) -> Option<usize> {
    let with_sources = pipeline.stages.iter().position(|stage| stage.tasks.iter().any(is_source));
    with_sources.or_else(|| pipeline.stages.iter().position(|stage| stage.name.as_str() == SOURCE_STAGE))
}

/// The places of the sources stay; which source has which place changes.
pub(super) fn move_to(pipeline: &mut Pipeline, name: &str, to: usize) -> Result<Subject, EditError> {
    let spot = expect(pipeline, name)?;
    let tasks = spot.tasks_mut(pipeline);
    let places = places(tasks);
    let from = places.iter().position(|at| *at == spot.at).unwrap_or(0);
    if to >= places.len() {
        return Err(EditError::OutOfRange { what: "sources", to, count: places.len() });
    }
    // One swap after another, with the neighbour on the way.
    if from < to {
        (from..to).for_each(|at| tasks.swap(places[at], places[at + 1]));
    } else {
        (to..from).rev().for_each(|at| tasks.swap(places[at], places[at + 1]));
    }
    Ok(Subject::Task(tasks[places[to]].name.clone()))
}
