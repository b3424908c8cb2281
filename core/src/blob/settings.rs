//! How much is kept.

use std::time::Duration;

use super::ArchiveLimits;

/// How much of caches and artifacts is kept, and how much one of them may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobSettings {
    /// All caches together, in bytes as they are stored. When there is more, those that were used longest ago go. 10 GiB
    /// unless set.
    pub caches: u64,
    /// What one cache may hold.
    pub cache: ArchiveLimits,
    /// What one artifact may hold.
    pub artifact: ArchiveLimits,
    /// How long artifacts are kept that do not say it themselves; as long as their run when `None`, as it is unless set.
    pub keep_artifacts: Option<Duration>,
    /// The branches whose caches runs of all other branches may read as well, the first one first. `main` and `master` unless
    /// set.
    pub default_branches: Vec<String>,
}

impl Default for BlobSettings {
    fn default() -> Self {
        Self {
            caches: 10 << 30,
            cache: ArchiveLimits::default(),
            artifact: ArchiveLimits::default(),
            keep_artifacts: None,
            default_branches: vec!["main".to_owned(), "master".to_owned()],
        }
    }
}
