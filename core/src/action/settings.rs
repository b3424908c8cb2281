//! The settings of an action, read as a type of its own.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::ActionError;
use crate::pipeline::Template;

/// Something wrong with the settings of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    /// Where in the settings, such as `channels[0].name`. Empty for all of them.
    pub path: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl SettingsProblem {
    /// A problem from its two parts.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    /// What keeps the settings from being read as `T`, at most the first thing. A text with a variable in it is not judged,
    /// since nobody knows yet what it will be.
    pub fn of<T: DeserializeOwned>(settings: &Value) -> Vec<Self> {
        let Err(error) = serde_path_to_error::deserialize::<_, T>(settings) else { return Vec::new() };
        if at(settings, error.path()).is_some_and(is_late) {
            return Vec::new();
        }
        vec![Self { path: path_of(&error), message: error.inner().to_string() }]
    }

    /// Its path in the definition, below that of the settings.
    pub(crate) fn path_below(&self, settings: &str) -> String {
        match self.path.as_str() {
            "" => settings.to_owned(),
            path if path.starts_with('[') => format!("{settings}{path}"),
            path => format!("{settings}.{path}"),
        }
    }
}

/// The settings as `T`, which stand at `place` in the task. A mistake is the person's who wrote them.
pub(super) fn read<T: DeserializeOwned>(settings: &Value, place: &str) -> Result<T, ActionError> {
    serde_path_to_error::deserialize(settings).map_err(|error| {
        let place = SettingsProblem::new(path_of(&error), "").path_below(place);
        let message = format!("{place}: {}", error.inner());
        ActionError::failed("badSettings", message, "correct the settings of the task, or the variables in them")
    })
}

fn path_of(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    match error.path().to_string() {
        root if root == "." => String::new(),
        path => path,
    }
}

/// The value at a place.
fn at<'a>(settings: &'a Value, path: &serde_path_to_error::Path) -> Option<&'a Value> {
    path.iter().try_fold(settings, |value, segment| match segment {
        Segment::Seq { index } => value.get(index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { .. } | Segment::Unknown => None,
    })
}

/// Whether variables are still to be replaced in it.
fn is_late(value: &Value) -> bool {
    let Value::String(text) = value else { return false };
    Template::parse(text.as_str()).is_ok_and(|template| template.references().next().is_some())
}
