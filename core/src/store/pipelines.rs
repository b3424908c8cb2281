//! Pipelines as they are kept: a definition with a version, and what it was before.

use serde::Deserialize;
use serde_json::Value;

use crate::run::Now;

/// A pipeline as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineRecord {
    /// Its name.
    pub name: String,
    /// The version of its definition. Versions of a name rise, also when the pipeline was deleted and made again.
    pub version: u64,
    /// Whether it can be run.
    pub active: bool,
    /// Its definition, as JSON of `pipeline::Pipeline`.
    pub definition: Value,
    /// When it was made.
    pub created: Now,
    /// When its definition was changed last.
    pub changed: Now,
    /// Who changed its definition last; may be empty.
    pub changed_by: String,
}

/// A pipeline in a listing: the record without its definition.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineListing {
    /// Its name.
    pub name: String,
    /// The version of its definition.
    pub version: u64,
    /// Whether it can be run.
    pub active: bool,
    /// When it was made.
    pub created: Now,
    /// When its definition was changed last.
    pub changed: Now,
    /// Who changed its definition last; may be empty.
    pub changed_by: String,
}

/// A definition that a pipeline has or had.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineVersion {
    /// The pipeline.
    pub name: String,
    /// The version.
    pub version: u64,
    /// The definition, as JSON of `pipeline::Pipeline`.
    pub definition: Value,
    /// When it was saved.
    pub at: Now,
    /// Who saved it; may be empty.
    pub by: String,
}

/// Which pipelines a listing shows. In the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PipelineFilter {
    /// Only active ones, or only others.
    pub active: Option<bool>,
    /// Only names after this one: the last of the page before.
    pub after: Option<String>,
    /// At most so many. 0 stands for 50.
    pub limit: usize,
}

/// A change of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum PipelineChange {
    /// A new one, active. `StoreError::PipelineExists` when there is one of the name, also inactive. Its version must be the
    /// one after [`last version`](super::Store::last_version), otherwise `StoreError::StaleVersion`.
    Create(PipelineVersion),
    /// Another definition, with the version after the expected one. `StoreError::StaleVersion` when the pipeline has another
    /// version than that, `StoreError::NoSuchPipeline`.
    Update(PipelineVersion),
    /// Whether it can be run. `StoreError::NoSuchPipeline`.
    SetActive {
        /// The pipeline.
        name: String,
        /// Whether it can be run from now on.
        active: bool,
    },
    /// It goes, with the history of its definition; its runs stay. `StoreError::NoSuchPipeline`.
    Delete {
        /// The pipeline.
        name: String,
    },
}

impl PipelineChange {
    /// The pipeline that it is about.
    pub fn name(&self) -> &str {
        match self {
            Self::Create(version) | Self::Update(version) => &version.name,
            Self::SetActive { name, .. } | Self::Delete { name } => name,
        }
    }
}

impl PipelineFilter {
    /// How many pipelines the page has at most.
    pub fn page(&self) -> usize {
        if self.limit == 0 { super::RunFilter::DEFAULT_LIMIT } else { self.limit }
    }
}

impl PipelineRecord {
    /// The pipeline as listings show it.
    pub(super) fn listing(&self) -> PipelineListing {
        PipelineListing {
            name: self.name.clone(),
            version: self.version,
            active: self.active,
            created: self.created,
            changed: self.changed,
            changed_by: self.changed_by.clone(),
        }
    }
}
