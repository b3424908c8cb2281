//! What a deployment would change.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// One field that would be another one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Where, such as `spec.template.spec.containers[web].image`.
    pub path: String,
    /// What is there; `None` when nothing is. Values of secrets are `***`.
    pub before: Option<Value>,
    /// What would be there; `None` when nothing would be.
    pub after: Option<Value>,
}

/// What would become of an object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectPreview {
    /// What it is called, such as `Deployment web/shop`.
    pub object: String,
    /// Whether it would be made, changed or deleted.
    pub action: PreviewAction,
    /// The fields that would change; of an object that is new or deleted none.
    pub changes: Vec<FieldChange>,
}

/// What would become of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PreviewAction {
    /// It would be made.
    Create,
    /// It would be changed.
    Change,
    /// It stays as it is.
    Keep,
    /// It would be deleted, since the files no longer have it.
    Delete,
}

/// The longest value that is shown of a field, in characters.
const SHOWN: usize = 200;

impl ObjectPreview {
    /// What it says to a person: a line for the object, and one for each field.
    pub fn lines(&self) -> Vec<String> {
        let (sign, what) = match self.action {
            PreviewAction::Create => ('+', "would be created"),
            PreviewAction::Change => ('~', "would be changed"),
            PreviewAction::Keep => (' ', "stays"),
            PreviewAction::Delete => ('-', "would be deleted"),
        };
        let first = format!("{sign} {}: {what}", self.object);
        std::iter::once(first).chain(self.changes.iter().map(|change| format!("    {change}"))).collect()
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.path, shown(self.before.as_ref()), shown(self.after.as_ref()))
    }
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Fields of an object's metadata that the cluster keeps for itself.
const OWN: [&str; 6] = ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"];

/// What differs between an object as it is and as it would be.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let secret = after.get("kind").and_then(Value::as_str) == Some("Secret");
    let mut found = Vec::new();
    compare("", Some(&bare(before)), Some(&bare(after)), &mut found);
    if secret {
        for change in &mut found {
            if change.path.starts_with("data") || change.path.starts_with("stringData") {
                change.before = change.before.as_ref().map(|_| Value::from("***"));
                change.after = change.after.as_ref().map(|_| Value::from("***"));
            }
        }
    }
    found
}

/// The object without what the cluster adds.
pub(super) fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        OWN.iter().for_each(|field| drop(metadata.remove(*field)));
    }
    object
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<FieldChange>) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            for key in keys(before, after) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&path, before.get(&key), after.get(&key), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) if named(before) && named(after) => {
            let mut names: Vec<&str> = before.iter().chain(after).filter_map(name).collect();
            names.dedup();
            let mut seen = Vec::new();
            for item in names {
                if seen.contains(&item) {
                    continue;
                }
                seen.push(item);
                let of = |items: &'_ [Value]| items.iter().position(|value| name(value) == Some(item));
                let (one, other) = (of(before).map(|at| &before[at]), of(after).map(|at| &after[at]));
                compare(&format!("{path}[{item}]"), one, other, found);
            }
        }
        (before, after) => {
            found.push(FieldChange { path: path.to_owned(), before: before.cloned(), after: after.cloned() });
        }
    }
}

/// The keys of both, those of the second one where it has them, in its order.
fn keys(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    after.keys().chain(gone).cloned().collect()
}

/// Whether the items of a list are told apart by their names, as containers are.
fn named(items: &[Value]) -> bool {
    items.iter().all(|item| name(item).is_some())
}

fn name(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}
