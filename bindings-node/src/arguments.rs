//! The arguments of calls that give something else than JSON, and so are no requests of `windlass::wire`. Read as strictly.

use serde::Deserialize;

/// A number of an event, or a position, after which to go on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct After {
    #[serde(default)]
    pub(crate) after: u64,
}

/// A piece of a log. The attempt 0 stands for the newest one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogPiece {
    pub(crate) task: String,
    #[serde(default)]
    pub(crate) attempt: u32,
    #[serde(default)]
    pub(crate) from: u64,
    #[serde(default)]
    pub(crate) max: Option<usize>,
}

/// The last lines of a log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogTail {
    pub(crate) task: String,
    #[serde(default)]
    pub(crate) attempt: u32,
    #[serde(default)]
    pub(crate) lines: Option<usize>,
}

/// A run or a pipeline by what it is called.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Named {
    pub(crate) name: String,
}

/// Who wants something to end, and why.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ending {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) by: String,
    #[serde(default)]
    pub(crate) reason: String,
}

/// Who runs it again.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct By {
    #[serde(default)]
    pub(crate) by: String,
    /// Nobody asks why a run is run again.
    #[serde(default, rename = "reason")]
    _reason: String,
}
