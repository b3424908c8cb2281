//! The JSON of steps and of what they lead to.

use serde_json::json;

use super::outline;
use crate::pipeline::editor::{Edit, Place, TaskList};

fn parse(value: serde_json::Value) -> Edit {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_page_writes_steps_in_few_words() {
    assert_eq!(parse(json!({"edit": "addStage"})), Edit::AddStage { at: Place::Last, settings: None });
    assert_eq!(parse(json!({"edit": "copyTask", "task": "unit"})), Edit::CopyTask { task: "unit".to_owned() });
    assert_eq!(parse(json!({"edit": "undo"})), Edit::Undo);
    let edit = parse(json!({"edit": "addTask", "to": "finally", "at": "first", "task": {"name": "x", "script": "x"}}));
    assert_eq!(edit, Edit::AddTask { to: TaskList::Finally, at: Place::First, task: super::script("x").into() });
    let edit =
        parse(json!({"edit": "addStage", "at": {"after": "Build"}, "settings": {"name": "Test", "order": "parallel"}}));
    let mut editor = outline("Build: unit");
    let edited = editor.apply(edit).unwrap();
    assert!(edited.definition.stages[1].fail_fast, "what is left out has its default");
}

#[test]
fn a_mistyped_step_is_refused() {
    for (step, why) in [
        (json!({"edit": "copyTsak", "task": "unit"}), "unknown variant `copyTsak`"),
        (json!({"edit": "copyTask", "tsak": "unit"}), "unknown field `tsak`"),
        (json!({"edit": "copyTask", "task": "unit", "to": 1}), "unknown field `to`"),
        (json!({"edit": "moveTask", "task": "unit", "to": -1}), "invalid value"),
        (json!({"edit": "addTask", "to": "finally", "task": {"name": "a/b", "script": "x"}}), "may not contain '/'"),
        (
            json!({"edit": "addTask", "to": "finally", "task": {"name": "a", "script": "x", "image": "$(id)"}}),
            "never executed",
        ),
    ] {
        let error = serde_json::from_value::<Edit>(step).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn what_a_step_leads_to_is_json_as_well() {
    let mut editor = outline("Build: unit");
    let edited = serde_json::to_value(editor.delete_task("unit").unwrap()).unwrap();
    assert_eq!(
        edited,
        json!({
            "definition": {"name": "p", "stages": [{"name": "Build", "tasks": []}]},
            "problems": [], "subject": {"task": "unit"}, "canUndo": true, "canRedo": false, "isChanged": true,
        })
    );
}

#[test]
fn steps_have_a_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(Edit)).unwrap();
    assert_eq!(schema["oneOf"].as_array().unwrap().len(), 19);
}
