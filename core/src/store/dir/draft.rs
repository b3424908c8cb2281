//! A data directory that is being made as the copy of another one: it is there whole, or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use super::lock::{self, DirLock};
use super::{BLOBS, DB, LOGS, format};
use crate::disk;
use crate::store::StoreError;

/// What the name of an unfinished one ends with.
const PARTIAL: &str = ".partial";

/// A data directory in the making. Dropped before it is finished, it is removed again.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Where it is being made.
    at: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// It gets its name when it is finished.
    Beside { path: PathBuf },
    /// In an empty folder that was there, such as a mounted volume. Nobody takes it for a data directory before its format
    /// is written, which comes last.
    Inside { _lock: DirLock },
    /// There is nothing to remove any more.
    Finished,
}

impl Draft {
    /// Begins one at a path where nothing is, and which is not inside of another folder.
    pub(crate) fn beside(path: &Path, other: &Path) -> Result<Self, StoreError> {
        let path = real(path)?;
        let no_place = |why: &str| StoreError::NoPlace { path: path.clone(), why: why.to_owned() };
        if path.starts_with(other) {
            return Err(no_place(&format!("it is inside {}; choose another folder", other.display())));
        }
        if fs::symlink_metadata(&path).is_ok() {
            return Err(no_place("there is something already; choose another name, or move it away"));
        }
        let mut name = path.as_os_str().to_owned();
        name.push(PARTIAL);
        let at = PathBuf::from(name);
        match disk::make_folder(&at) {
            Ok(()) => Ok(Self { at, place: Place::Beside { path } }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(no_place(&format!(
                "an unfinished one is at {}: wait for it, or remove it when nobody is writing it any more",
                at.display()
            ))),
            Err(error) => Err(StoreError::from_io(&at, "making", &error)),
        }
    }

    /// Begins one where a data directory shall be: where nothing is, or in an empty folder.
    pub(crate) fn at(path: &Path, other: &Path) -> Result<Self, StoreError> {
        if !fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
            return Self::beside(path, other);
        }
        let path = disk::real(path).map_err(|error| StoreError::from_io(path, "opening", &error))?;
        if path.starts_with(other) {
            let why = format!("it is inside {}; choose another folder", other.display());
            return Err(StoreError::NoPlace { path, why });
        }
        refuse_content(&path, None)?;
        let lock = DirLock::take(&path)?;
        refuse_content(&path, Some(lock::FILE))?;
        Ok(Self { at: path, place: Place::Inside { _lock: lock } })
    }

    /// Where its database belongs.
    pub(crate) fn db(&self) -> PathBuf {
        self.at.join(DB)
    }

    /// Where its logs belong.
    pub(crate) fn logs(&self) -> PathBuf {
        self.at.join(LOGS)
    }

    /// Where artifacts go.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.at.join(BLOBS)
    }

    /// Flushes the database and the folders, and makes it a data directory. Whoever wrote the logs has flushed them. Gives
    /// the path. Blocks.
    pub(crate) fn finish(mut self) -> Result<PathBuf, StoreError> {
        flush(&self.db())?;
        if self.logs().is_dir() {
            flush(&self.logs())?;
        }
        flush(&self.at)?;
        format::bring_up_to_date(&self.at)?;
        let Place::Beside { path } = &self.place else {
            self.place = Place::Finished;
            return Ok(self.at.clone());
        };
        let path = path.clone();
        let renamed = match fs::symlink_metadata(&path) {
            Ok(_) => Err(std::io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(&self.at, &path),
        };
        renamed.map_err(|error| StoreError::from_io(&path, "making", &error))?;
        self.place = Place::Finished;
        path.parent().map_or(Ok(()), flush)?;
        Ok(path)
    }

    fn remove(&self) -> std::io::Result<()> {
        match &self.place {
            Place::Beside { .. } => fs::remove_dir_all(&self.at),
            Place::Inside { .. } => fs::read_dir(&self.at)?.try_for_each(|entry| {
                let entry = entry?;
                let path = entry.path();
                if entry.file_type()?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
            }),
            Place::Finished => Ok(()),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(path = %self.at.display(), %error, "an unfinished data directory could not be removed");
        }
    }
}

/// A data directory that nobody works with as long as this is there. Nothing is written to it: one that was never opened for
/// writing, as a backup, has no lock to take.
#[derive(Debug)]
pub(crate) struct Quiet {
    _lock: Option<DirLock>,
}

impl Quiet {
    pub(crate) fn new(dir: &Path) -> Result<Self, StoreError> {
        let lock = dir.join(lock::FILE).exists().then(|| DirLock::take(dir)).transpose()?;
        Ok(Self { _lock: lock })
    }
}

/// The path as it is without links, of something that need not be there in a folder that must.
fn real(path: &Path) -> Result<PathBuf, StoreError> {
    let no_place = |why: String| StoreError::NoPlace { path: path.to_path_buf(), why };
    let absolute = std::path::absolute(path).map_err(|error| no_place(error.to_string()))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(no_place("it does not end with the name of a folder".to_owned()));
    };
    match disk::real(parent) {
        Ok(parent) => Ok(parent.join(name)),
        Err(error) => Err(no_place(format!("there is no folder {} ({error}); make it first", parent.display()))),
    }
}

fn refuse_content(path: &Path, but: Option<&str>) -> Result<(), StoreError> {
    let entries = fs::read_dir(path).map_err(|error| StoreError::from_io(path, "reading", &error))?;
    for entry in entries {
        let name = entry.map_err(|error| StoreError::from_io(path, "reading", &error))?.file_name();
        if but.is_none_or(|but| name != but) {
            let why = format!("it has content, such as {name:?}; choose an empty folder, or one that is not there");
            return Err(StoreError::NoPlace { path: path.to_path_buf(), why });
        }
    }
    Ok(())
}

fn flush(path: &Path) -> Result<(), StoreError> {
    disk::flush(path).map_err(|error| StoreError::from_io(path, "flushing", &error))
}
