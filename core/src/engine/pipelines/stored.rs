//! Stored pipelines as embedders see them.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{self, Pipeline, Problems};
use crate::store::{PipelineRecord, PipelineVersion};

/// A pipeline as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredPipeline {
    /// Its name.
    pub name: String,
    /// The version of its definition: what a save must be made from.
    pub version: u64,
    /// Whether it can be run.
    pub active: bool,
    /// Its definition.
    pub definition: Pipeline,
    /// When it was made.
    pub created: Timestamp,
    /// When its definition was changed last.
    pub changed: Timestamp,
    /// Who changed its definition last; may be empty.
    pub changed_by: String,
}

/// A definition that a pipeline has or had.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredVersion {
    /// The pipeline.
    pub name: String,
    /// The version.
    pub version: u64,
    /// The definition.
    pub definition: Pipeline,
    /// When it was saved.
    pub saved: Timestamp,
    /// Who saved it; may be empty.
    pub saved_by: String,
}

/// Somebody else saved the pipeline since the version from which a save was made. Behind an error with the code
/// `staleVersion`; see [`Error::stale_version`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error(
    "the pipeline {pipeline:?} has version {found} by now, which {} saved at {saved:.0}, and this change was made to version \
     {expected}: look at what was changed meanwhile, and make the change again",
    by(saved_by)
)]
pub struct StaleVersion {
    /// The pipeline.
    pub pipeline: String,
    /// The version from which the save was made.
    pub expected: u64,
    /// The version that is there.
    pub found: u64,
    /// When that one was saved.
    pub saved: Timestamp,
    /// Who saved it; may be empty.
    pub saved_by: String,
}

fn by(name: &str) -> String {
    if name.is_empty() { "somebody".to_owned() } else { format!("{name:?}") }
}

impl StoredPipeline {
    pub(super) fn of(record: PipelineRecord) -> Result<Self> {
        Ok(Self {
            definition: definition(&record.name, record.version, record.definition)?,
            name: record.name,
            version: record.version,
            active: record.active,
            created: record.created.wall,
            changed: record.changed.wall,
            changed_by: record.changed_by,
        })
    }
}

impl StoredVersion {
    pub(super) fn of(version: PipelineVersion) -> Result<Self> {
        Ok(Self {
            definition: definition(&version.name, version.version, version.definition)?,
            name: version.name,
            version: version.version,
            saved: version.at.wall,
            saved_by: version.by,
        })
    }
}

/// The definition as it is kept: JSON that [`pipeline::read`] reads again as the same value. Everything is refused that is
/// wrong by itself; what only a start needs, such as parameters that it gives, is not asked for.
pub(super) fn document(definition: &Pipeline) -> Result<Value> {
    pipeline::check(definition).map_err(unsaved)?;
    // Only its size can still be wrong.
    pipeline::read(pipeline::to_json(definition).as_bytes(), "definition.json").map_err(unsaved)?;
    serde_json::to_value(definition).map_err(|error| {
        let message = format!("the definition cannot be written: {error}");
        Error::new(ErrorKind::Internal, "unwritable", "save", message)
    })
}

fn unsaved(problems: Problems) -> Error {
    Error::new(ErrorKind::Invalid, "invalidPipeline", "save", problems.to_string()).with_source(problems)
}

/// A stored definition.
pub(super) fn definition(name: &str, version: u64, stored: Value) -> Result<Pipeline> {
    serde_json::from_value(stored).map_err(|error| {
        let message = format!("version {version} of the pipeline {name:?} is damaged: {error}");
        Error::new(ErrorKind::Damaged, "damagedPipeline", "find", message)
    })
}
