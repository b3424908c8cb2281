//! Repositories within a repository, brought where somebody asked for them.

use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use super::access::Access;
use super::copy::WorkingCopy;
use super::error::SourceError;
use super::export::Objects;
use super::mirror::{Fetched, Mirrors};
use super::refs::RefName;
use super::session::of_git;
use super::url::RemoteUrl;

/// How deep submodules of submodules may go.
const DEEPEST: usize = 8;

/// A submodule as its parent names it.
struct Submodule {
    /// Below the parent.
    path: PathBuf,
    remote: RemoteUrl,
    commit: Oid,
}

impl Mirrors {
    /// Brings the submodules of a working copy, and theirs. Returns the addresses from which they came.
    ///
    /// The access is that of the parent, but only at the same host: a repository must not be able to send a credential
    /// elsewhere by naming an address.
    pub(crate) async fn add_submodules(
        &self,
        copy: &mut WorkingCopy,
        fetched: &Fetched,
        access: &Access,
    ) -> Result<Vec<String>, SourceError> {
        let mut brought = Vec::new();
        let mut open = vec![(PathBuf::new(), fetched.remote.clone(), 1)];
        while let Some((at, parent, depth)) = open.pop() {
            let (folder, own) = (copy.folder().join(&at), parent.clone());
            for module in self.blocking(&parent, move |_, _| submodules(&folder, &own)).await? {
                if depth > DEEPEST {
                    let why = format!("its submodules are more than {DEEPEST} deep; do they name themselves?");
                    return Err(SourceError::Failed { url: parent.to_string(), why });
                }
                let access = access.at(&fetched.remote, &module.remote);
                let inner = self.fetch(&module.remote, &access, Some(&RefName::Commit(module.commit))).await?;
                let below = at.join(&module.path);
                let folder = copy.folder().join(&below);
                let exported = self.blocking(&module.remote, move |_, _| export(&inner, &folder)).await?;
                copy.add(&below, exported);
                brought.push(format!("{} at {}", module.remote, below.display()));
                open.push((below, module.remote, depth + 1));
            }
        }
        Ok(brought)
    }
}

fn export(inner: &Fetched, folder: &Path) -> Result<super::export::Exported, SourceError> {
    // Checked out as an empty folder. Anything else, such as a link, leads elsewhere.
    let plain = std::fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    if !plain {
        let why = format!("the place of its submodule {} is no folder", inner.remote);
        return Err(SourceError::Failed { url: inner.remote.to_string(), why });
    }
    inner.export_with(folder, None, Objects::Linked)
}

fn submodules(folder: &Path, parent: &RemoteUrl) -> Result<Vec<Submodule>, SourceError> {
    let failed = |error: git2::Error| of_git(parent, &error);
    let repository = Repository::open(folder).map_err(failed)?;
    let mut found = Vec::new();
    for module in repository.submodules().map_err(failed)? {
        // One that only the configuration names has no commit here.
        let Some(commit) = module.head_id() else { continue };
        let Ok(Some(url)) = module.url() else {
            let why = format!("its submodule {:?} has none, or one that begins with a dash", module.path());
            return Err(SourceError::BadUrl { url: parent.to_string(), why });
        };
        let remote = parent.submodule(url)?;
        found.push(Submodule { path: module.path().to_owned(), remote, commit });
    }
    Ok(found)
}
