//! What an action hands on.

use std::collections::BTreeMap;

use crate::executor::MAX_OUTPUT_BYTES;
use crate::pipeline::{CommitInfo, VariableName, nearest};

/// What an action hands to later tasks, as a script does by `$WINDLASS_OUTPUT`.
///
/// ```
/// # use windlass::action::ActionOutput;
/// let output = ActionOutput::default().with("DIGEST", "sha256:9f86d081");
/// assert_eq!(output.get("DIGEST"), Some("sha256:9f86d081"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionOutput {
    values: BTreeMap<String, String>,
    commit: Option<CommitInfo>,
}

/// What an action hands on, once it is known to be right.
pub(crate) struct Checked {
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) commit: Option<Box<CommitInfo>>,
}

/// Why outputs cannot be used. The attempt fails with the cause `badOutput`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadOutput {
    pub(crate) message: String,
    pub(crate) advice: String,
}

impl ActionOutput {
    /// Adds a value. The task must declare the key in its `outputs`; all values together may have a mebibyte.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(key.into(), value.into());
        self
    }

    /// Says which commit the action brought into the workspace: a checkout of one's own. The first one of a run decides what
    /// `CI_COMMIT_SHA` and its like are for the tasks after it, unless the run was started for another commit.
    #[must_use]
    pub fn commit(mut self, commit: CommitInfo) -> Self {
        self.commit = Some(commit);
        self
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The values when all of them were declared and they are not too many.
    pub(crate) fn checked(self, declared: &[VariableName]) -> Result<Checked, BadOutput> {
        if let Some(key) = self.values.keys().find(|key| declared.iter().all(|name| name.as_str() != **key)) {
            return Err(undeclared(key, declared));
        }
        let bytes: usize = self.values.iter().map(|(key, value)| key.len() + value.len()).sum();
        if bytes > MAX_OUTPUT_BYTES {
            let message = format!("the outputs have {bytes} bytes, and {MAX_OUTPUT_BYTES} are allowed");
            return Err(BadOutput { message, advice: "write what is big to a file of the workspace".to_owned() });
        }
        Ok(Checked { outputs: self.values, commit: self.commit.map(Box::new) })
    }
}

fn undeclared(key: &str, declared: &[VariableName]) -> BadOutput {
    let hint = nearest(key, declared.iter().map(|name| name.as_str()));
    let hint = hint.map(|near| format!(", did you mean {near:?}?")).unwrap_or_default();
    let message = format!("the action set the output {key:?}, which the task does not declare{hint}");
    BadOutput { message, advice: format!("add {key} to the `outputs` of the task") }
}
