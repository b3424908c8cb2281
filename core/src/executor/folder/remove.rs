//! Removing folders that resist: read-only ones, and ones in which something is still being made.

use std::fs;
use std::io;
use std::path::Path;

use crate::disk;

/// How often removing is tried when new files keep appearing.
const TRIES: usize = 10;

/// Removes a file, or a folder with everything in it. One that is not there is fine.
pub(in crate::executor) fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => remove_folder(path),
        Ok(_) => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes the folder with everything in it, following no link. A folder that is not there is fine.
pub(in crate::executor) fn remove_folder(folder: &Path) -> io::Result<()> {
    let mut last = Ok(());
    for _ in 0..TRIES {
        last = fs::remove_dir_all(folder);
        match &last {
            Ok(()) => return Ok(()),
            Err(_) if fs::symlink_metadata(folder).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) => {
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => open_up(folder),
            // A file appeared or vanished meanwhile.
            Err(_) => {}
        }
    }
    last
}

/// Lets the owner into every folder below. What fails here fails again, and is told, at the removal.
fn open_up(folder: &Path) {
    let Ok(data) = fs::symlink_metadata(folder) else { return };
    if !data.is_dir() {
        return;
    }
    let _ = disk::let_owner_in(folder, &data.permissions());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}
