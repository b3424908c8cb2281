//! Copying a source folder into a fresh workspace.

use std::fs::{self, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

use crate::disk;
use crate::executor::ExecutorError;
use crate::executor::error::io as failed;

/// Copies files, folders and links with their modes. What git ignores, `.git`, `.windlass` and our own folder stay out;
/// pipes, sockets and devices too.
pub(in crate::executor) fn copy_tree(source: &Path, target: &Path, own: &Path) -> Result<(), ExecutorError> {
    if !source.is_dir() {
        let error = io::Error::from(io::ErrorKind::NotADirectory);
        return Err(failed(format!("copying the source folder {}", source.display()))(error));
    }
    let own = own.canonicalize().unwrap_or_else(|_| own.to_owned());
    let walk = WalkBuilder::new(source)
        .standard_filters(false)
        .git_ignore(true)
        .git_exclude(true)
        .git_global(true)
        .parents(true)
        .require_git(false)
        .filter_entry(move |entry| !stays_out(entry, &own))
        .build();
    let mut folders = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| unreadable(source, error))?;
        let Ok(relative) = entry.path().strip_prefix(source) else { continue };
        if relative.as_os_str().is_empty() {
            continue;
        }
        let place = target.join(relative);
        let copied = copy_entry(&entry, &place, &mut folders);
        copied.map_err(failed(format!("copying {} into the workspace", entry.path().display())))?;
    }
    // Last, since a read-only folder takes no files.
    for (folder, permissions) in folders.into_iter().rev() {
        fs::set_permissions(&folder, permissions)
            .map_err(failed(format!("setting the mode of {}", folder.display())))?;
    }
    Ok(())
}

fn stays_out(entry: &DirEntry, own: &Path) -> bool {
    if entry.depth() == 0 {
        return false;
    }
    let name = entry.file_name();
    name == ".git"
        || name == ".windlass"
        || (entry.file_type().is_some_and(|kind| kind.is_dir()) && is_same(entry.path(), own))
}

fn is_same(path: &Path, own: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path == own)
}

fn copy_entry(entry: &DirEntry, place: &Path, folders: &mut Vec<(PathBuf, Permissions)>) -> io::Result<()> {
    let Some(kind) = entry.file_type() else { return Ok(()) };
    if kind.is_symlink() {
        disk::make_link(&fs::read_link(entry.path())?, place, entry.path().is_dir())
    } else if kind.is_dir() {
        let permissions = fs::symlink_metadata(entry.path())?.permissions();
        folders.push((place.to_owned(), permissions));
        fs::create_dir(place)
    } else if kind.is_file() {
        fs::copy(entry.path(), place).map(drop)
    } else {
        tracing::debug!(path = ?entry.path(), "neither file nor folder nor link; not copied");
        Ok(())
    }
}

fn unreadable(source: &Path, error: ignore::Error) -> ExecutorError {
    let doing = format!("copying the source folder {}", source.display());
    let message = error.to_string();
    failed(doing)(error.into_io_error().unwrap_or_else(|| io::Error::other(message)))
}
