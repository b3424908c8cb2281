//! Stages on a canvas.

use super::{open, outline, shown};
use crate::pipeline::editor::{Edit, Place, StageSettings, Subject};
use crate::pipeline::*;

fn stage(name: &str) -> Subject {
    Subject::Stage(StageName::new(name).unwrap())
}

#[test]
fn a_new_pipeline_starts_with_four_empty_stages() {
    let starter = Pipeline::starter("web").unwrap();
    assert_eq!(shown(&starter), "Source:, Build:, Test:, Deploy:");
    assert_eq!(check(&starter), Ok(()));
    let problems = Pipeline::starter("we/b").unwrap_err();
    assert!(problems.to_string().starts_with("name: a pipeline name may not contain '/'"), "{problems}");
}

#[test]
fn a_copied_pipeline_differs_only_in_its_name() {
    let original = open("{name: web, timeout: 1h, stages: [{name: Build, tasks: [{name: unit, script: x}]}]}");
    let copy = original.definition().copied("web-2").unwrap();
    assert_eq!(copy.name.as_str(), "web-2");
    assert_eq!(copy.copied("web").unwrap(), *original.definition());
    assert_eq!(copy.copied("").unwrap_err().to_string(), "name: a pipeline name may not be empty");
}

#[test]
fn a_new_stage_lands_directly_behind_the_one_it_was_made_from() {
    let mut editor = outline("Build: unit, Deploy: ship");
    let edited = editor.add_stage("Test", Place::after("Build")).unwrap();
    assert_eq!(
        (shown(&edited.definition), edited.subject),
        ("Build: unit, Test:, Deploy: ship".to_owned(), stage("Test"))
    );
    editor.add_stage("Source", Place::First).unwrap();
    editor.add_stage("Verify", Place::Last).unwrap();
    assert_eq!(shown(editor.definition()), "Source:, Build: unit, Test:, Deploy: ship, Verify:");
}

#[test]
fn a_stage_without_a_name_gets_a_free_one() {
    let mut editor = outline("Build: unit");
    for _ in 0..3 {
        editor.apply(Edit::AddStage { at: Place::Last, settings: None }).unwrap();
    }
    assert_eq!(shown(editor.definition()), "Build: unit, Stage:, Stage-2:, Stage-3:");
}

#[test]
fn a_copy_lands_directly_behind_the_original_with_free_names_for_itself_and_its_tasks() {
    let mut editor = outline("Build: unit lint, Deploy: ship unit-2");
    let edited = editor.copy_stage("Build").unwrap();
    assert_eq!(shown(&edited.definition), "Build: unit lint, Build-2: unit-3 lint-2, Deploy: ship unit-2");
    assert_eq!(edited.subject, stage("Build-2"));
    editor.copy_stage("Build-2").unwrap();
    let names = "Build: unit lint, Build-2: unit-3 lint-2, Build-3: unit-4 lint-3, Deploy: ship unit-2";
    assert_eq!(shown(editor.definition()), names);
}

#[test]
fn inside_a_copied_stage_references_are_to_the_copies_and_elsewhere_to_the_originals() {
    let mut editor = open(
        "
name: p
stages:
  - name: Source
    tasks: [{name: fetch, script: x, outputs: [SHA]}]
  - name: Build
    order: parallel
    tasks:
      - {name: unit, script: x, outputs: [N], env: {SHA: '${fetch.SHA}'}}
      - {name: report, script: x, needs: [unit, fetch], when: \"tasks['unit'].state == 'succeeded'\", env: {N: '${unit.N}'}}
finally: [{name: tell, script: x, env: {N: '${unit.N:-none}'}}]",
    );
    let edited = editor.copy_stage("Build").unwrap();
    assert_eq!(edited.problems, []);
    let tasks = &edited.definition.stages[2].tasks;
    assert_eq!(tasks[0].env["SHA"].source(), "${fetch.SHA}");
    assert_eq!(tasks[1].needs.as_deref().unwrap()[0].as_str(), "unit-2");
    assert_eq!(tasks[1].needs.as_deref().unwrap()[1].as_str(), "fetch");
    assert_eq!(tasks[1].when.as_ref().unwrap().source(), "tasks['unit-2'].state == 'succeeded'");
    assert_eq!(tasks[1].env["N"].source(), "${unit-2.N}");
    assert_eq!(edited.definition.finally[0].env["N"].source(), "${unit.N:-none}");
}

#[test]
fn a_stage_gets_other_settings_and_keeps_its_tasks() {
    let mut editor = outline("Build: unit lint");
    let settings = StageSettings {
        name: StageName::new("Check").unwrap(),
        order: Order::Parallel,
        when: Some(Condition::parse("commit.branch == 'main'").unwrap()),
        fail_fast: false,
    };
    let edited = editor.edit_stage("Build", settings.clone()).unwrap();
    assert_eq!(edited.subject, stage("Check"));
    assert_eq!(StageSettings::of(&edited.definition.stages[0]), settings);
    assert_eq!(shown(&edited.definition), "Check: unit lint");
    editor.rename_stage("Check", "Build").unwrap();
    assert_eq!(StageSettings::of(&editor.definition().stages[0]).order, Order::Parallel);
}

#[test]
fn stages_are_deleted_and_moved() {
    let mut editor = outline("A:, B:, C:, D:");
    editor.move_stage("A", 2).unwrap();
    assert_eq!(shown(editor.definition()), "B:, C:, A:, D:");
    editor.move_stage("D", 0).unwrap();
    assert_eq!(shown(editor.definition()), "D:, B:, C:, A:");
    let edited = editor.delete_stage("B").unwrap();
    assert_eq!((shown(&edited.definition).as_str(), edited.subject), ("D:, C:, A:", stage("B")));
}

#[test]
fn what_cannot_be_done_is_said_and_changes_nothing() {
    let mut editor = outline("Build: unit, Build-2: lint");
    let before = editor.definition().clone();
    let error = editor.delete_stage("Biuld").unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        ("noSuchStage", "there is no stage \"Biuld\", did you mean \"Build\"?".to_owned())
    );
    let error = editor.add_stage("Build", Place::Last).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        ("nameTaken", "there is a stage \"Build\" already; \"Build-3\" is free".to_owned())
    );
    let error = editor.rename_stage("Build-2", "Build").unwrap_err();
    assert_eq!(error.code(), "nameTaken");
    let error = editor.move_stage("Build", 2).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        ("outOfRange", "there is no place 2 among 2 stages; they are counted from 0 to 1".to_owned())
    );
    let error = editor.add_stage("a/b", Place::Last).unwrap_err();
    assert_eq!(error.code(), "invalidName");
    assert_eq!(editor.add_stage("Test", Place::after("Deploy")).unwrap_err().code(), "noSuchStage");
    assert_eq!(*editor.definition(), before);
    assert!(!editor.can_undo());
}
