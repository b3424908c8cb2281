//! The pipeline's own settings.

use super::{lines, open};
use crate::pipeline::editor::{Settings, Subject};

#[test]
fn settings_change_and_stages_stay() {
    let mut editor = open(
        "{name: p, timeout: 1h, env: {A: b}, stages: [{name: A, tasks: [{name: a, script: x, image: 'x:$TAG'}]}], parameters: [{name: TAG, value: '1'}], finally: [{name: b, script: x}]}",
    );
    let settings = Settings::of(editor.definition());
    assert_eq!(settings.timeout.unwrap().to_string(), "1h");
    let without = Settings { parameters: Vec::new(), description: Some("Builds it".to_owned()), ..settings.clone() };
    let edited = editor.edit_settings(without).unwrap();
    assert_eq!(edited.subject, Subject::Pipeline);
    assert_eq!(edited.definition.description.as_deref(), Some("Builds it"));
    assert_eq!(lines(&edited), ["stages[0].tasks[0].image: there is no variable \"TAG\""]);
    let edited = editor.edit_settings(settings).unwrap();
    assert_eq!(edited.problems, []);
    assert!(!edited.is_changed, "it is as at opening again");
}

#[test]
fn none_of_the_pipelines_own_fields_is_left_out() {
    let document = r#"{name: p, description: d, parameters: [{name: T, dynamic: true}], timeout: 1h, concurrency: {group: g, limit: 2},
        executor: local, triggers: [{event: push}], env: {A: b}, keepWorkspace: 2h, stages: [], finally: [], finallyTimeout: 3m}"#;
    let mut editor = open("{name: p, stages: []}");
    let settings = Settings::of(open(document).definition());
    let edited = editor.edit_settings(settings.clone()).unwrap();
    assert_eq!(*edited.definition, *open(document).definition());
    let json = serde_json::to_value(&settings).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 9);
    assert_eq!(serde_json::from_value::<Settings>(json).unwrap(), settings);
}
