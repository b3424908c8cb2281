//! The JSON Schema, and the copy of it that editors use.

use crate::pipeline::*;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema/pipeline.schema.json");

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let now = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(COMMITTED, &now).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(
        committed == now,
        "docs/schema/pipeline.schema.json is not that of the types; write it anew with\n  UPDATE_SCHEMA=1 cargo test -p windlass --lib pipeline::tests::schema"
    );
}

#[test]
fn a_task_is_closed_and_has_exactly_one_action() {
    let schema = schema();
    let task = &schema["$defs"]["Task"];
    assert_eq!(task["additionalProperties"], false);
    assert_eq!(task["oneOf"].as_array().map(Vec::len), Some(10));
    assert!(task["properties"]["script"]["description"].is_string());
    assert_eq!(schema["$defs"]["Schedule"]["oneOf"].as_array().map(Vec::len), Some(6));
}

#[test]
fn every_mapping_of_the_schema_is_closed() {
    fn walk(place: &str, value: &serde_json::Value) {
        if value["properties"].is_object() {
            assert_eq!(value["additionalProperties"], false, "{place}");
        }
        assert!(value["type"] != "null" && !value["type"].is_array(), "{place}");
    }
    let schema = schema();
    walk("root", &schema);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        walk(name, definition);
    }
}
