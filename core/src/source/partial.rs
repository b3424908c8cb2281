//! Repositories of this machine that have only a part of the history, such as a clone with a depth. libgit2 fetches from them,
//! and forgets to say where the history is cut.

use std::fs;
use std::path::Path;

use git2::Repository;

use super::error::SourceError;
use super::mirror::{io, remove};
use super::url::{Place, RemoteUrl};

/// The commits without parents in a repository that have some: one a line. Empty for a whole history.
const CUT: &str = "shallow";

/// Where the history of a remote is cut; `None` for remotes behind a network, which tell it by themselves.
pub(super) fn cut_of(remote: &RemoteUrl) -> Option<String> {
    let Place::Local(path) = remote.place() else { return None };
    let Ok(repository) = Repository::open(path) else { return Some(String::new()) };
    Some(fs::read_to_string(repository.commondir().join(CUT)).unwrap_or_default())
}

/// Removes a mirror whose history is cut elsewhere: what is missing in it would never be fetched.
pub(super) fn forget_other(mirror: &Path, cut: &str, remote: &RemoteUrl) -> Result<(), SourceError> {
    let known = fs::read_to_string(mirror.join(CUT)).unwrap_or_default();
    if known == cut { Ok(()) } else { remove(mirror, remote) }
}

/// Notes where the history of a mirror, or of a copy of it, is cut.
pub(super) fn note(repository: &Path, cut: &str, remote: &RemoteUrl) -> Result<(), SourceError> {
    if cut.is_empty() {
        return Ok(());
    }
    fs::write(repository.join(CUT), cut).map_err(|error| io(remote, &error))
}

/// Where the history of a mirror is cut.
pub(super) fn cut_in(mirror: &Repository) -> String {
    fs::read_to_string(mirror.path().join(CUT)).unwrap_or_default()
}
