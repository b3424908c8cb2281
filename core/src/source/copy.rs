//! A working copy on its way into a workspace.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::error::SourceError;
use super::export::{Exported, Objects};
use super::mirror::{Fetched, Held, io, remove};
use crate::below;

/// A working copy in a folder of its own, which goes with this value.
pub(crate) struct WorkingCopy {
    folder: PathBuf,
    /// What is in it.
    pub(crate) exported: Exported,
    /// Keeps the data directory ours until the folder is gone.
    held: Held,
}

impl WorkingCopy {
    /// Makes it. Its objects are links to those of the mirror: nothing that runs steps ever sees this folder. Blocks.
    pub(super) fn make(
        fetched: &Fetched,
        folder: PathBuf,
        depth: Option<NonZeroU32>,
        held: Held,
    ) -> Result<Self, SourceError> {
        remove(&folder, &fetched.remote)?;
        fs::create_dir_all(&folder).map_err(|error| io(&fetched.remote, &error))?;
        // From here on it is removed whatever happens.
        let mut copy = Self { folder, exported: Exported::default(), held };
        copy.exported = fetched.export_with(&copy.folder, depth, Objects::Linked)?;
        Ok(copy)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds what a submodule below it has.
    pub(super) fn add(&mut self, at: &Path, exported: Exported) {
        self.exported.files += exported.files;
        self.exported.lfs_files += exported.lfs_files;
        let below = exported.lfs.iter().map(|name| below::joined(at, Path::new(name)).to_string_lossy().into_owned());
        self.exported.lfs.extend(below);
    }
}

impl Drop for WorkingCopy {
    fn drop(&mut self) {
        let (folder, held) = (std::mem::take(&mut self.folder), self.held.take());
        let tidy = move || {
            if let Err(error) = fs::remove_dir_all(&folder) {
                tracing::warn!(folder = %folder.display(), %error, "a working copy could not be removed");
            }
            drop(held);
        };
        // It may be large, and this may be one of the runtime's own threads.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(tidy)),
            Err(_) => tidy(),
        }
    }
}
