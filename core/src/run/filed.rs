//! What is kept of an attempt beside its log: which caches it began with, what its tests said, the artifacts that it left.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::{Annotation, TestSummary};

/// A cache as an attempt began with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredCache {
    /// The key that was looked for, with all values put in. Under it the cache is saved after a success.
    pub key: String,
    /// The key of the cache that was put into the workspace: the same, or one that begins as a fallback key says. `None`
    /// when there was none, or it could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// An artifact that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredArtifact {
    /// Its name; unique among the artifacts of its task.
    pub name: String,
    /// The object that holds its archive.
    pub object: String,
    /// How many files are in it.
    pub files: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// The size of the archive, a gzipped tar.
    pub size: u64,
    /// SHA-256 of the archive in hexadecimal digits.
    pub sha256: String,
    /// When it is removed; with its run when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Something that is kept of an attempt that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filing {
    /// See [`super::RunEvent::CachesRestored`].
    CachesRestored(Vec<RestoredCache>),
    /// See [`super::RunEvent::TestsReported`].
    TestsReported(TestSummary),
    /// See [`super::RunEvent::AnnotationsReported`].
    AnnotationsReported {
        /// The remarks.
        annotations: Vec<Annotation>,
        /// How many more there were.
        more: u64,
    },
    /// See [`super::RunEvent::ArtifactStored`].
    ArtifactStored(StoredArtifact),
}
