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

/// The keys that the reader knows at a place, from what it says about a wrong one.
fn keys_of_the_reader(document: &str) -> Vec<String> {
    let problems = read(document.as_bytes(), "a.yaml").unwrap_err();
    let problem = problems.iter().find(|problem| problem.message.contains("wrongwrongwrong")).unwrap();
    let (_, keys) = problem.message.split_once("known are ").unwrap();
    let mut keys: Vec<String> = keys.split(", ").map(str::to_owned).collect();
    keys.sort();
    keys
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema = schema();
    let in_task = |rest: &str| format!("name: a\nstages: [{{name: s, tasks: [{{name: t, {rest}}}]}}]");
    let wrong = "wrongwrongwrong: 1";
    for (definition, document) in [
        ("", format!("{wrong}\nname: a\nstages: []")),
        ("Parameter", format!("name: a\nparameters: [{{{wrong}}}]\nstages: []")),
        ("Concurrency", format!("name: a\nconcurrency: {{{wrong}}}\nstages: []")),
        ("Schedule", format!("name: a\ntriggers: [{{schedule: {{{wrong}}}}}]\nstages: []")),
        ("EventTrigger", format!("name: a\ntriggers: [{{event: push, {wrong}}}]\nstages: []")),
        ("Stage", format!("name: a\nstages: [{{{wrong}}}]")),
        ("Task", in_task(wrong)),
        ("Retry", in_task(&format!("retry: {{{wrong}}}"))),
        ("Cache", in_task(&format!("caches: [{{{wrong}}}]"))),
        ("Artifact", in_task(&format!("artifacts: [{{{wrong}}}]"))),
        ("Reports", in_task(&format!("reports: {{{wrong}}}"))),
        ("Resources", in_task(&format!("resources: {{{wrong}}}"))),
        ("Quantities", in_task(&format!("resources: {{limits: {{{wrong}}}}}"))),
        ("SecretVariable", in_task(&format!("secrets: [{{{wrong}}}]"))),
        ("Checkout", in_task(&format!("checkout: {{{wrong}}}"))),
        ("BuildImage", in_task(&format!("buildImage: {{{wrong}}}"))),
        ("DeployManifests", in_task(&format!("deployManifests: {{{wrong}}}"))),
        ("PublishChart", in_task(&format!("publishChart: {{{wrong}}}"))),
        ("DeployChart", in_task(&format!("deployChart: {{{wrong}}}"))),
        ("SyncFiles", in_task(&format!("syncFiles: {{{wrong}}}"))),
        ("Transfer", in_task(&format!("syncFiles: {{transfers: [{{{wrong}}}]}}"))),
        ("RunJob", in_task(&format!("runJob: {{{wrong}}}"))),
        ("Approve", in_task(&format!("approve: {{{wrong}}}"))),
        ("Custom", in_task(&format!("custom: {{{wrong}}}"))),
    ] {
        let found = if definition.is_empty() { &schema } else { &schema["$defs"][definition] };
        let mut keys: Vec<String> = found["properties"].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        assert_eq!(keys, keys_of_the_reader(&document), "{definition}");
    }
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
