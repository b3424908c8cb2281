//! The arguments of calls that have no type of their own in the core. Read strictly, like all options.

use serde::Deserialize;

/// Who does it and why.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Who {
    pub(crate) by: String,
    pub(crate) reason: String,
}

/// A decision about a task.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DecideArguments {
    pub(crate) task: String,
    #[serde(default)]
    pub(crate) by: String,
    #[serde(default)]
    pub(crate) reason: String,
}

/// One text, such as the name of a run or an executor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    pub(crate) name: String,
}

/// A number of an event after which to go on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AfterArguments {
    #[serde(default)]
    pub(crate) after: u64,
}

/// A place in a log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogArguments {
    pub(crate) task: String,
    /// 0 stands for the newest one.
    #[serde(default)]
    pub(crate) attempt: u32,
    #[serde(default)]
    pub(crate) from: u64,
    #[serde(default)]
    pub(crate) max: Option<usize>,
    #[serde(default)]
    pub(crate) lines: Option<usize>,
}

/// Where a backup goes, and who wants it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupArguments {
    pub(crate) path: std::path::PathBuf,
    #[serde(default)]
    pub(crate) by: String,
}

/// How long runs are waited for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DrainArguments {
    pub(crate) limit: Option<windlass::pipeline::HumanDuration>,
}

/// A stored pipeline, and what else a call about it needs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PipelineArguments {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) by: String,
    #[serde(default)]
    pub(crate) reason: String,
}

/// A copy of a stored pipeline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CopyArguments {
    pub(crate) from: String,
    pub(crate) to: String,
    #[serde(default)]
    pub(crate) by: String,
}

/// From which version a save is made, and who makes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaveArguments {
    pub(crate) expected: u64,
    #[serde(default)]
    pub(crate) by: String,
}

/// A version of a stored pipeline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionArguments {
    pub(crate) name: String,
    pub(crate) version: u64,
    /// From which version a save is made; for a restore.
    #[serde(default)]
    pub(crate) expected: u64,
    #[serde(default)]
    pub(crate) by: String,
}

/// A page of a pipeline's history.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryArguments {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) before: Option<u64>,
    #[serde(default)]
    pub(crate) limit: usize,
}
