//! Who shares caches with whom. Pure.

use std::fmt;

use crate::pipeline::{CommitInfo, Origin, TriggerInfo};

/// Runs of one pipeline and one scope share their caches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CacheScope {
    Branch(String),
    Tag(String),
    /// Runs that are for no commit.
    Unknown,
}

impl fmt::Display for CacheScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Unknown => f.write_str("no branch"),
        }
    }
}

/// The scopes in which a run looks for caches; it saves in the first one.
pub(crate) fn scopes(commit: &CommitInfo, default_branches: &[String]) -> Vec<CacheScope> {
    let own = match (commit.branch.as_str(), commit.tag.as_str()) {
        ("", "") => CacheScope::Unknown,
        ("", tag) => CacheScope::Tag(tag.to_owned()),
        (branch, _) => CacheScope::Branch(branch.to_owned()),
    };
    let mut scopes = vec![own];
    for branch in default_branches {
        let scope = CacheScope::Branch(branch.clone());
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes
}

/// Whether a run may leave caches for others. What comes from a fork is written by people who may not write to the
/// repository: it reads caches, and never leaves one that other runs would trust.
pub(crate) fn may_save(trigger: &TriggerInfo) -> bool {
    match trigger.origin {
        Origin::Repository => true,
        Origin::Fork => false,
    }
}
