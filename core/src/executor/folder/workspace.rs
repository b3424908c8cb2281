//! Making, finding, keeping and adopting workspaces.

use std::fs;
use std::path::Path;

use super::layout::{RunFolder, tempfile_name};
use super::{copy, remove};
use crate::disk;
use crate::executor::error::io;
use crate::executor::{Adopt, ExecutorError, RunScope};

pub(in crate::executor) fn prepare(root: &Path, scope: &RunScope) -> Result<(), ExecutorError> {
    let run = RunFolder::new(root, scope.run);
    let workspace = run.workspace(scope.generation);
    if scope.existing {
        return if workspace.is_dir() {
            disk::make_folders(&run.steps()).map_err(io(format!("making the folder {}", run.steps().display())))
        } else {
            let why = format!("there is no folder {}", workspace.display());
            Err(ExecutorError::WorkspaceLost { run: scope.run, why })
        };
    }
    match scope.adopt {
        Some(kept) => adopt(&run, &workspace, &RunFolder::new(root, kept.run), kept),
        None => make(&run, &workspace, scope, root),
    }
}

fn make(run: &RunFolder, workspace: &Path, scope: &RunScope, root: &Path) -> Result<(), ExecutorError> {
    let doing = || io(format!("making the workspace {}", workspace.display()));
    disk::make_folders(&run.steps()).map_err(doing())?;
    if workspace.is_dir() {
        return Ok(());
    }
    // Renamed when it is whole: a crash in the middle leaves a draft, which nobody takes for a workspace.
    let draft = tempfile_name(run.path(), "draft");
    remove::remove_folder(&draft).map_err(doing())?;
    disk::make_folders(&draft).map_err(doing())?;
    if let Some(source) = &scope.source
        && let Err(error) = copy::copy_tree(source, &draft, root)
    {
        // The first error is the one that counts.
        let _ = remove::remove_folder(&draft);
        return Err(error);
    }
    run.mark_boot().map_err(doing())?;
    match fs::rename(&draft, workspace) {
        // Somebody else was faster.
        Err(_) if workspace.is_dir() => remove::remove_folder(&draft).map_err(doing()),
        result => result.map_err(doing()),
    }
}

/// Moves the workspace that `old` kept into the run. A crash before the rename leaves it with `old`, one after it is found
/// here by the next call, which removes what is left of `old`.
fn adopt(run: &RunFolder, workspace: &Path, old: &RunFolder, kept: Adopt) -> Result<(), ExecutorError> {
    let from = old.workspace(kept.generation);
    let doing = || io(format!("moving the workspace {} to {}", from.display(), workspace.display()));
    // In this order: somebody else may be moving it at this moment.
    if !from.is_dir() && !workspace.is_dir() {
        let why = format!("it was to be taken over, and there is no folder {}", from.display());
        return Err(ExecutorError::WorkspaceLost { run: kept.run, why });
    }
    disk::make_folders(&run.steps()).map_err(doing())?;
    if !workspace.is_dir() {
        run.mark_boot().map_err(doing())?;
        match move_folder(&from, workspace) {
            // Somebody else was faster.
            Err(_) if workspace.is_dir() => {}
            result => result.map_err(doing())?,
        }
    }
    remove::remove_folder(old.path()).map_err(doing())
}

/// Gives a folder another parent, also one whose mode does not let its owner write: a rename has to change its `..`.
fn move_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            let before = fs::symlink_metadata(from)?.permissions();
            disk::let_owner_in(from, &before)?;
            fs::rename(from, to)?;
            fs::set_permissions(to, before)
        }
        result => result,
    }
}

/// Removes everything of the run but this workspace. False when there is no such workspace; then everything is gone.
pub(in crate::executor) fn keep(run: &RunFolder, generation: u32) -> std::io::Result<bool> {
    let workspace = run.workspace(generation);
    if !workspace.is_dir() {
        remove::remove_folder(run.path())?;
        return Ok(false);
    }
    for entry in fs::read_dir(run.path())? {
        let path = entry?.path();
        if path != workspace {
            remove::remove(&path)?;
        }
    }
    Ok(true)
}
