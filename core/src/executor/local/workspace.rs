//! Making and finding workspaces.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::layout::{RunFolder, tempfile_name};
use super::{copy, remove};
use crate::executor::{ExecutorError, RunScope};

/// Makes the folder and those above it, for the owner alone.
pub(in crate::executor) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

pub(in crate::executor) fn prepare(root: &Path, scope: &RunScope) -> Result<(), ExecutorError> {
    let run = RunFolder::new(root, scope.run);
    let workspace = run.workspace(scope.generation);
    if scope.existing {
        return if workspace.is_dir() {
            make_private(&run.steps()).map_err(super::io(format!("making the folder {}", run.steps().display())))
        } else {
            let why = format!("there is no folder {}", workspace.display());
            Err(ExecutorError::WorkspaceLost { run: scope.run, why })
        };
    }
    let doing = || super::io(format!("making the workspace {}", workspace.display()));
    make_private(&run.steps()).map_err(doing())?;
    if workspace.is_dir() {
        return Ok(());
    }
    // Renamed when it is whole: a crash in the middle leaves a draft, which nobody takes for a workspace.
    let draft = tempfile_name(run.path(), "draft");
    remove::remove_folder(&draft).map_err(doing())?;
    make_private(&draft).map_err(doing())?;
    if let Some(source) = &scope.source
        && let Err(error) = copy::copy_tree(source, &draft, root)
    {
        // The first error is the one that counts.
        let _ = remove::remove_folder(&draft);
        return Err(error);
    }
    run.mark_boot().map_err(doing())?;
    match fs::rename(&draft, &workspace) {
        // Somebody else was faster.
        Err(_) if workspace.is_dir() => remove::remove_folder(&draft).map_err(doing()),
        result => result.map_err(doing()),
    }
}
