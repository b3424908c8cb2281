//! Manifests out of files.

use serde_json::Value;

use super::manifest::Manifest;
use super::variables::Substitution;
use super::yaml;

/// Why a file is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ManifestError {
    /// The file.
    pub file: String,
    /// The line, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

/// The objects of a file of YAML or JSON, with variables replaced in its scalars, never in its structure: a value cannot become
/// a key, a list or another object. Empty documents are left out, the items of a `List` taken out of it.
///
/// # Errors
/// For the first thing in it that is not YAML, or not an object.
pub fn read_manifests(file: &str, text: &str, substitution: Substitution<'_>) -> Result<Vec<Manifest>, ManifestError> {
    let documents = yaml::documents(text, substitution).map_err(|error| ManifestError {
        file: file.to_owned(),
        line: Some(error.line),
        message: error.message,
    })?;
    let mut manifests = Vec::new();
    for (at, document) in documents.into_iter().enumerate() {
        let place = format!("{file}, document {}", at + 1);
        for object in objects(document) {
            let manifest = Manifest::new(object, place.as_str()).map_err(|message| ManifestError {
                file: file.to_owned(),
                line: None,
                message: format!("document {}: {message}", at + 1),
            })?;
            manifests.push(manifest);
        }
    }
    Ok(manifests)
}

fn objects(document: Value) -> Vec<Value> {
    let is_list = document.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match document {
        Value::Null => Vec::new(),
        Value::Object(mut list) if is_list && list.get("items").is_some_and(Value::is_array) => {
            match list.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        object => vec![object],
    }
}
