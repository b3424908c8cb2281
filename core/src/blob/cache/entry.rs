//! What is known of a cache.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::CacheScope;
use crate::blob::artifact::digest;
use crate::run::StepKey;

/// The folder of all caches.
pub(super) const CACHES: &str = "caches";

/// What is known of a cache, as it stands beside its archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CacheEntry {
    /// Under this it is found.
    pub(crate) key: String,
    /// The folders that are in it: another set is another cache.
    pub(crate) paths: Vec<String>,
    /// The object with its archive.
    pub(crate) archive: String,
    /// The size of the archive.
    pub(crate) size: u64,
    /// How many files are in it.
    pub(crate) files: u64,
    /// SHA-256 of the archive.
    pub(crate) digest: String,
    /// When it was made.
    pub(crate) created: Timestamp,
}

/// Where the caches of a pipeline and a scope are.
pub(super) fn folder(pipeline: &str, scope: &CacheScope) -> String {
    format!("{CACHES}/{}/{}", digest(pipeline), digest(&scope.to_string()))
}

/// The part of names that a cache's objects share.
pub(super) fn stem(pipeline: &str, scope: &CacheScope, key: &str, paths: &[String]) -> String {
    format!("{}/{}", folder(pipeline, scope), digest(&format!("{key}\0{}", paths.join("\0"))))
}

/// The object of an entry.
pub(super) fn entry_object(stem: &str) -> String {
    format!("{stem}.json")
}

/// The object of an archive. Each attempt has one of its own, so that two that save at once do not mix. Short,
/// since some services keep objects as files, whose names have a limit.
pub(super) fn archive_object(stem: &str, step: &StepKey) -> String {
    format!("{stem}-{}.tar.gz", digest(&format!("{}/{}", step.run, step.slug())))
}

/// The stem of an object of a cache, and whether it is an entry.
pub(super) fn stem_of(object: &str) -> Option<(&str, Part)> {
    if let Some(stem) = object.strip_suffix(".json") {
        return Some((stem, Part::Entry));
    }
    let folder = object.rfind('/')? + 1;
    let name = object[folder..].strip_suffix(".tar.gz")?;
    Some((&object[..folder + name.find('-')?], Part::Archive))
}

/// What an object is for its cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Entry,
    Archive,
}
