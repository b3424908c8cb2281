//! Tasks on a canvas.

use super::{lines, open, outline, script, shown};
use crate::pipeline::editor::{Edit, Place, Subject, TaskList};
use crate::pipeline::*;

#[test]
fn a_task_is_added_where_a_person_points() {
    let mut editor = outline("Build: unit, Deploy:");
    let build = || TaskList::stage("Build");
    editor.add_task(build(), Place::after("unit"), script("lint")).unwrap();
    editor.add_task(build(), Place::First, script("fetch")).unwrap();
    editor.add_task(TaskList::stage("Deploy"), Place::Last, script("ship")).unwrap();
    let edited = editor.add_task(TaskList::Finally, Place::Last, script("tell")).unwrap();
    assert_eq!(shown(&edited.definition), "Build: fetch unit lint, Deploy: ship");
    assert_eq!(edited.definition.finally, [script("tell")]);
    assert_eq!(edited.subject, Subject::Task(TaskName::new("tell").unwrap()));
}

#[test]
fn a_copy_lands_directly_behind_the_original_with_a_free_name() {
    let mut editor = outline("Build: unit lint, Test: unit-2");
    editor.copy_task("unit").unwrap();
    assert_eq!(shown(editor.definition()), "Build: unit unit-3 lint, Test: unit-2");
    editor.copy_task("unit-2").unwrap();
    assert_eq!(shown(editor.definition()), "Build: unit unit-3 lint, Test: unit-2 unit-4");
}

#[test]
fn tasks_move_only_inside_their_stage() {
    let mut editor = outline("Build: a b c, Test: d");
    editor.move_task("a", 2).unwrap();
    assert_eq!(shown(editor.definition()), "Build: b c a, Test: d");
    editor.move_task("a", 0).unwrap();
    assert_eq!(shown(editor.definition()), "Build: a b c, Test: d");
    let error = editor.move_task("a", 3).unwrap_err();
    assert_eq!(error.to_string(), "there is no place 3 among 3 tasks; they are counted from 0 to 2");
    assert_eq!(editor.move_task("d", 1).unwrap_err().code(), "outOfRange");
}

#[test]
fn tasks_of_finally_are_edited_like_others() {
    let mut editor = open("{name: p, stages: [], finally: [{name: a, script: x}, {name: b, script: x}]}");
    let names = |pipeline: &Pipeline| pipeline.finally.iter().map(|task| task.name.to_string()).collect::<Vec<_>>();
    editor.copy_task("a").unwrap();
    assert_eq!(names(editor.definition()), ["a", "a-2", "b"]);
    editor.move_task("b", 0).unwrap();
    editor.rename_task("a", "c").unwrap();
    editor.delete_task("a-2").unwrap();
    assert_eq!(names(editor.definition()), ["b", "c"]);
    let edited = editor.add_task(TaskList::Finally, Place::after("b"), script("a")).unwrap();
    assert_eq!(names(&edited.definition), ["b", "a", "c"]);
}

#[test]
fn what_is_wrong_so_far_is_told_with_its_place_and_hinders_nothing() {
    let mut editor = open(
        "{name: p, stages: [{name: A, tasks: [{name: a, script: x, outputs: [V]}]}, {name: B, tasks: [{name: b, script: x, needs: [a], env: {V: '${a.V}'}}]}]}",
    );
    let edited = editor.delete_task("a").unwrap();
    assert_eq!(
        lines(&edited),
        ["stages[1].tasks[0].needs[0]: there is no task \"a\"", "stages[1].tasks[0].env.V: there is no task \"a\""]
    );
    // The same as reading the definition says.
    let again = read(to_json(&edited.definition).as_bytes(), "a.json").unwrap_err();
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    let read_again = again.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
    assert_eq!(sorted(lines(&edited)), sorted(read_again));
    let edited = editor.add_task(TaskList::stage("A"), Place::Last, script("c")).unwrap();
    assert_eq!(edited.problems.len(), 2);
    let edited = editor.edit_task("b", script("b")).unwrap();
    assert_eq!(edited.problems, []);
}

#[test]
fn a_name_that_is_taken_is_refused_with_one_that_is_free() {
    let mut editor = outline("Build: unit lint, Deploy: ship");
    let deploy = TaskList::stage("Deploy");
    let error = editor.add_task(deploy, Place::Last, script("unit")).unwrap_err();
    assert_eq!(error.to_string(), "there is a task \"unit\" already; \"unit-2\" is free");
    assert_eq!(editor.rename_task("lint", "ship").unwrap_err().code(), "nameTaken");
    assert_eq!(editor.edit_task("lint", script("unit")).unwrap_err().code(), "nameTaken");
    assert_eq!(shown(editor.definition()), "Build: unit lint, Deploy: ship");
    assert!(!editor.can_undo());
}

#[test]
fn a_task_that_is_not_there_is_told_with_the_nearest() {
    let mut editor = outline("Build: unit, Deploy: ship");
    assert_eq!(
        editor.delete_task("unti").unwrap_err().to_string(),
        "there is no task \"unti\" in the pipeline, did you mean \"unit\"?"
    );
    let edit = Edit::AddTask { to: TaskList::stage("Deploy"), at: Place::after("unit"), task: script("x").into() };
    let error = editor.apply(edit).unwrap_err();
    assert_eq!(error.to_string(), "there is no task \"unit\" in stage \"Deploy\"");
    let edit = Edit::AddTask { to: TaskList::Finally, at: Place::after("unit"), task: script("x").into() };
    assert_eq!(editor.apply(edit).unwrap_err().to_string(), "there is no task \"unit\" in finally");
    let error = crate::Error::from(error);
    assert_eq!((error.kind(), error.code()), (crate::ErrorKind::NotFound, "noSuchTask"));
}
