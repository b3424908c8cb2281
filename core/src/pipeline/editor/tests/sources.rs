//! Sources: checkouts, among themselves.

use super::{open, script, shown};
use crate::pipeline::editor::{Edit, Editor, Place};
use crate::pipeline::*;

fn source(name: &str) -> Task {
    let url = Template::literal("https://example.com/a.git");
    let checkout = Checkout {
        url,
        reference: None,
        credential: None,
        path: None,
        depth: None,
        submodules: false,
        ca_certificate: None,
        verify_certificate: true,
    };
    Task::new(TaskName::new(name).unwrap(), checkout.into())
}

fn add(editor: &mut Editor, at: Place, name: &str) {
    editor.apply(Edit::AddSource { stage: None, at, source: source(name).into() }).unwrap();
}

#[test]
fn the_first_source_lands_in_the_stage_of_that_name() {
    let mut editor = Editor::open(Pipeline::starter("web").unwrap());
    editor.add_source(source("app")).unwrap();
    assert_eq!(shown(editor.definition()), "Source: app, Build:, Test:, Deploy:");
    let sources: Vec<_> = editor.sources().map(|(stage, task)| format!("{}/{}", stage.name, task.name)).collect();
    assert_eq!(sources, ["Source/app"]);
}

#[test]
fn later_ones_land_beside_it_whatever_the_stage_is_called_and_before_other_tasks() {
    let mut editor = Editor::open(Pipeline::starter("web").unwrap());
    editor.add_source(source("app")).unwrap();
    editor.rename_stage("Source", "Fetch").unwrap();
    editor.add_task(crate::pipeline::editor::TaskList::stage("Fetch"), Place::Last, script("list")).unwrap();
    add(&mut editor, Place::Last, "docs");
    add(&mut editor, Place::First, "tools");
    add(&mut editor, Place::after("app"), "assets");
    assert_eq!(shown(editor.definition()), "Fetch: tools app assets docs list, Build:, Test:, Deploy:");
}

#[test]
fn sources_are_reordered_among_themselves_and_others_stay() {
    let mut editor = Editor::open(Pipeline::starter("web").unwrap());
    for name in ["a", "b", "c", "d"] {
        editor.add_source(source(name)).unwrap();
    }
    for after in ["a", "c"] {
        let list = crate::pipeline::editor::TaskList::stage("Source");
        editor.add_task(list, Place::after(after), script(&format!("x{after}"))).unwrap();
    }
    let names = |editor: &Editor| shown(editor.definition()).split(',').next().unwrap().to_owned();
    assert_eq!(names(&editor), "Source: a xa b c xc d");
    editor.move_source("d", 0).unwrap();
    assert_eq!(names(&editor), "Source: d xa a b xc c");
    editor.move_source("d", 2).unwrap();
    assert_eq!(names(&editor), "Source: a xa b d xc c");
    let error = editor.move_source("d", 4).unwrap_err();
    assert_eq!(error.to_string(), "there is no place 4 among 4 sources; they are counted from 0 to 3");
    editor.copy_source("a").unwrap();
    editor.delete_source("b").unwrap();
    let edited = editor.edit_source("c", source("e")).unwrap();
    assert_eq!(shown(&edited.definition), "Source: a a-2 xa d xc e, Build:, Test:, Deploy:");
}

#[test]
fn what_is_no_checkout_is_no_source() {
    let mut editor = Editor::open(Pipeline::starter("web").unwrap());
    editor.add_source(source("app")).unwrap();
    let list = crate::pipeline::editor::TaskList::stage("Build");
    editor.add_task(list, Place::Last, script("unit")).unwrap();
    let error = editor.delete_source("unit").unwrap_err();
    assert_eq!(error.to_string(), "task \"unit\" is no source: a source is a checkout, and this one has script");
    assert_eq!(editor.add_source(script("x")).unwrap_err().code(), "notASource");
    assert_eq!(editor.edit_source("app", script("app")).unwrap_err().code(), "notASource");
    assert_eq!(editor.copy_source("unit").unwrap_err().code(), "notASource");
    assert_eq!(editor.move_source("unit", 0).unwrap_err().code(), "notASource");
    assert_eq!(editor.move_source("ap", 0).unwrap_err().code(), "noSuchTask");
}

#[test]
fn a_source_needs_a_stage() {
    let mut editor = open("{name: p, stages: [{name: Build}]}");
    assert_eq!(editor.add_source(source("app")).unwrap_err().code(), "noSourceStage");
    let edit = Edit::AddSource { stage: Some("Build".to_owned()), at: Place::Last, source: source("app").into() };
    editor.apply(edit).unwrap();
    assert_eq!(shown(editor.definition()), "Build: app");
}
