//! The JSON Schema of the document, made from the types.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::action::ACTION_KEYS;
use super::model::Pipeline;

/// The JSON Schema (draft 2020-12) of a pipeline. As strict as [`super::read`] about the form; references between tasks
/// and the like only the reader can check.
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Pipeline>().to_value();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        if let Some(task) = definitions.get_mut("Task") {
            close_task(task);
        }
        if let Some(schedule) = definitions.get_mut("Schedule") {
            one_rule(schedule);
        }
    }
    without_null(&mut schema);
    schema
}

/// Puts the actions among the properties of a task, of which exactly one must be there.
fn close_task(task: &mut Value) {
    let Some(task) = task.as_object_mut() else { return };
    let branches = task.remove("oneOf").and_then(|branches| branches.as_array().cloned()).unwrap_or_default();
    for branch in branches {
        let description = branch.get("description").cloned();
        let Some(properties) = branch.get("properties").and_then(Value::as_object).cloned() else { continue };
        for (key, mut property) in properties {
            if let (Some(property), Some(description)) = (property.as_object_mut(), description.clone()) {
                property.entry("description").or_insert(description);
            }
            if let Some(all) = task.get_mut("properties").and_then(Value::as_object_mut) {
                all.insert(key, property);
            }
        }
    }
    let exactly_one: Vec<Value> = ACTION_KEYS.iter().map(|key| json!({"required": [key]})).collect();
    task.insert("oneOf".to_owned(), exactly_one.into());
    task.insert("additionalProperties".to_owned(), false.into());
    task.remove("unevaluatedProperties");
}

fn one_rule(schedule: &mut Value) {
    let rules = ["everyMinutes", "everyHours", "daily", "weekly", "monthly", "cron"];
    let exactly_one: Vec<Value> = rules.iter().map(|key| json!({"required": [key]})).collect();
    if let Some(schedule) = schedule.as_object_mut() {
        schedule.insert("oneOf".to_owned(), exactly_one.into());
        schedule.insert("dependentRequired".to_owned(), json!({"minute": ["everyHours"]}));
    }
}

/// A key without a value is a mistake, so `null` is not among the types.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(map) => {
            if let Some(types) = map.get_mut("type").and_then(Value::as_array_mut) {
                types.retain(|one| one != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    map.insert("type".to_owned(), one);
                }
            }
            if let Some(any) = map.get_mut("anyOf").and_then(Value::as_array_mut) {
                any.retain(|one| *one != json!({"type": "null"}));
                if let [Value::Object(one)] = any.as_slice() {
                    let one = one.clone();
                    map.remove("anyOf");
                    one.into_iter().for_each(|(key, value)| {
                        map.entry(key).or_insert(value);
                    });
                }
            }
            map.values_mut().for_each(without_null);
        }
        _ => {}
    }
}
