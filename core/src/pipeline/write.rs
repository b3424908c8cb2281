//! Writing definitions: what [`super::read`] reads again as the same value.

use super::model::Pipeline;

/// The definition as YAML.
pub fn to_yaml(pipeline: &Pipeline) -> String {
    // Only a writer that refuses bytes, or a map with keys that are no texts, could fail; there is neither.
    serde_saphyr::to_string(pipeline).unwrap_or_default()
}

/// The definition as JSON, indented for people.
pub fn to_json(pipeline: &Pipeline) -> String {
    serde_json::to_string_pretty(pipeline).unwrap_or_default()
}
