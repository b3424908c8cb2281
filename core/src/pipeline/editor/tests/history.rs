//! Undo, redo, reset.

use super::{outline, script, shown};
use crate::pipeline::editor::{Edit, Place, TaskList};

#[test]
fn steps_are_taken_back_and_done_again_one_by_one() {
    let mut editor = outline("Build: unit");
    editor.copy_task("unit").unwrap();
    let made = editor.add_stage("Deploy", Place::Last).unwrap();
    let undone = editor.undo().unwrap();
    assert_eq!(shown(&undone.definition), "Build: unit unit-2");
    assert_eq!(undone.subject, made.subject);
    assert!(undone.can_undo && undone.can_redo && undone.is_changed);
    let undone = editor.undo().unwrap();
    assert_eq!(shown(&undone.definition), "Build: unit");
    assert!(!undone.can_undo && !undone.is_changed);
    editor.redo().unwrap();
    let redone = editor.apply(Edit::Redo).unwrap();
    assert_eq!(redone, made);
    assert_eq!(editor.redo().unwrap_err().code(), "nothingToRedo");
}

#[test]
fn a_new_step_ends_what_could_be_done_again() {
    let mut editor = outline("Build: unit");
    editor.copy_task("unit").unwrap();
    editor.undo().unwrap();
    editor.add_task(TaskList::Finally, Place::Last, script("tell")).unwrap();
    assert!(!editor.can_redo());
    editor.apply(Edit::Undo).unwrap();
    assert_eq!(
        editor.apply(Edit::Undo).unwrap_err().to_string(),
        "there is nothing to undo: this is the state at opening"
    );
}

#[test]
fn a_refused_step_leaves_what_can_be_done_again() {
    let mut editor = outline("Build: unit");
    editor.copy_task("unit").unwrap();
    editor.undo().unwrap();
    editor.delete_task("nobody").unwrap_err();
    assert_eq!(shown(&editor.redo().unwrap().definition), "Build: unit unit-2");
}

#[test]
fn a_step_that_changes_nothing_is_none() {
    let mut editor = outline("Build: unit lint");
    editor.copy_task("lint").unwrap();
    editor.undo().unwrap();
    editor.move_task("unit", 0).unwrap();
    editor.rename_stage("Build", "Build").unwrap();
    editor.reset();
    assert!(!editor.can_undo() && editor.can_redo());
}

#[test]
fn a_reset_goes_back_to_the_opening_and_can_be_taken_back() {
    let mut editor = outline("Build: unit");
    editor.copy_task("unit").unwrap();
    editor.delete_stage("Build").unwrap();
    let reset = editor.reset();
    assert_eq!(shown(&reset.definition), "Build: unit");
    assert!(!reset.is_changed && reset.can_undo);
    assert_eq!(shown(&editor.undo().unwrap().definition), "");
    assert_eq!(shown(&editor.undo().unwrap().definition), "Build: unit unit-2");
}
