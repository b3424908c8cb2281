//! Files of the workspace, in and out, as tar streams.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tar::{Archive, EntryType};

use super::layout::RunFolder;
use super::written;
use crate::below::{self, Use};
use crate::executor::error::{bad_path, io as failed};
use crate::executor::pack::pack;
use crate::executor::{ExecutorError, TarStream};

/// Opens a file or folder of the newest workspace as an archive, whose names begin with the last part of the path.
pub(in crate::executor) fn read(run: &RunFolder, path: &str) -> Result<TarStream, ExecutorError> {
    let workspace = workspace(run)?;
    let relative = checked(path)?;
    let place = beneath(&workspace, &workspace.join(&relative), path)?;
    let name = relative.file_name().map(PathBuf::from).unwrap_or_default();
    Ok(pack(place, name, format!("reading {path:?} from the workspace"), ()))
}

/// Unpacks an archive below a folder of the newest workspace, which is made when it is missing.
pub(in crate::executor) fn unpack(run: &RunFolder, path: &str, archive: impl Read) -> Result<(), ExecutorError> {
    let workspace = workspace(run)?;
    let doing = || failed(format!("writing files below {path:?} into the workspace"));
    let folder = make_beneath(&workspace, &checked(path)?, path)?;
    let mut archive = Archive::new(archive);
    let mut folders = Vec::new();
    for entry in archive.entries().map_err(doing())? {
        let mut entry = entry.map_err(doing())?;
        let name = entry.path().map_err(doing())?.into_owned();
        checked(&name.to_string_lossy())?;
        match entry.header().entry_type() {
            // Last, since a read-only folder takes no files.
            EntryType::Directory => folders.push((name, entry)),
            EntryType::Symlink if cfg!(windows) => return Err(link_on_windows(&name)),
            EntryType::Regular
            | EntryType::Continuous
            | EntryType::GNUSparse
            | EntryType::Symlink
            | EntryType::Link => {
                unpack_entry(&mut entry, &folder, &name)?;
            }
            EntryType::XGlobalHeader => {}
            other => {
                return Err(bad_path(
                    &name.to_string_lossy(),
                    &format!("is of a kind that is not unpacked: {other:?}"),
                ));
            }
        }
    }
    folders.sort_by(|(one, _), (other, _)| other.cmp(one));
    for (name, mut entry) in folders {
        unpack_entry(&mut entry, &folder, &name)?;
    }
    Ok(())
}

fn unpack_entry<R: Read>(entry: &mut tar::Entry<'_, R>, folder: &Path, name: &Path) -> Result<(), ExecutorError> {
    // It follows no link out of the folder.
    match entry.unpack_in(folder) {
        Ok(true) => {
            if entry.header().entry_type().is_file() && entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0) {
                written::by_nobody_any_more(&folder.join(name));
            }
            Ok(())
        }
        Ok(false) => Err(bad_path(&name.to_string_lossy(), "leaves the folder")),
        Err(error) => match in_the_way(folder, name, entry.header().entry_type() == EntryType::Directory) {
            Some(refused) => Err(refused),
            None => Err(failed(format!("unpacking {} into the workspace", name.display()))(error)),
        },
    }
}

/// Windows lets most users make no links, and wants to know of each whether it leads to a folder, which an archive does not say.
fn link_on_windows(name: &Path) -> ExecutorError {
    ExecutorError::BadStep {
        code: "noLinks",
        message: format!("{} is a symbolic link, and those are not unpacked on Windows", name.display()),
        advice: "let the task that makes it write a file in its place, or use an executor with containers".to_owned(),
    }
}

/// What keeps an entry from its place: a file where a folder has to be, or a folder where a file has to be. It may be the work of
/// another task, and is not removed.
fn in_the_way(folder: &Path, name: &Path, is_folder: bool) -> Option<ExecutorError> {
    let kind = |path: &Path| fs::symlink_metadata(folder.join(path)).ok().map(|found| found.is_dir());
    let folders = name.ancestors().skip(usize::from(!is_folder)).filter(|path| !path.as_os_str().is_empty());
    let file = folders.filter(|path| kind(path) == Some(false)).last();
    let (place, is, wanted) = match file {
        Some(file) => (file, "file", "folder"),
        None if !is_folder && kind(name) == Some(true) => (name, "folder", "file"),
        None => return None,
    };
    Some(ExecutorError::BadStep {
        code: "inTheWay",
        message: format!(
            "there is a {is} at {} in the workspace, and a {wanted} is to be written there",
            place.display()
        ),
        advice: "let a task before it remove that, or write into another folder (`path`)".to_owned(),
    })
}

fn workspace(run: &RunFolder) -> Result<PathBuf, ExecutorError> {
    let doing = || failed(format!("looking for the workspace in {}", run.path().display()));
    match run.newest_workspace() {
        Ok(Some(workspace)) => workspace.canonicalize().map_err(doing()),
        Ok(None) => Err(doing()(io::Error::new(io::ErrorKind::NotFound, "the run has no workspace"))),
        Err(error) => Err(doing()(error)),
    }
}

/// The path when it goes nowhere but down and can be a file of this machine.
fn checked(path: &str) -> Result<PathBuf, ExecutorError> {
    below::checked(Path::new(path), Use::File).map_err(|why| bad_path(path, why))
}

/// The real place, when the links on the way to it stay in the workspace.
fn beneath(workspace: &Path, place: &Path, path: &str) -> Result<PathBuf, ExecutorError> {
    let real = place.canonicalize().map_err(failed(format!("opening {path:?} in the workspace")))?;
    if real.starts_with(workspace) {
        Ok(real)
    } else {
        Err(bad_path(path, "leads out of the workspace by a symbolic link"))
    }
}

fn make_beneath(workspace: &Path, relative: &Path, path: &str) -> Result<PathBuf, ExecutorError> {
    let mut folder = workspace.to_owned();
    for part in relative.components() {
        folder.push(part);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(format!("making the folder {path:?} in the workspace"))(error));
            }
            _ => folder = beneath(workspace, &folder, path)?,
        }
    }
    Ok(folder)
}
