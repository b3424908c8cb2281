//! The data directory: one folder that holds everything, with its format and its lock.

#[cfg(feature = "sqlite")]
mod draft;
mod format;
mod lock;

use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "sqlite")]
pub(crate) use self::draft::{Draft, Quiet};
use self::lock::DirLock;
use super::error::StoreError;
use crate::{below, disk};

/// The database.
const DB: &str = "windlass.db";
/// The folder with the logs.
const LOGS: &str = "logs";
/// The folder with caches and artifacts.
const BLOBS: &str = "blobs";
/// What may lie in a folder that an interrupted first `open` left.
const FIRST_FILES: &[&str] = &[".gitignore", lock::FILE, format::FILE, format::NEW_FILE];

/// A folder with everything that an engine keeps. Whoever has opened it for writing is its only owner until the value is
/// dropped. Not meant for network file systems: neither locks nor the database can be relied on there.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: Option<DirLock>,
}

impl DataDir {
    /// Makes the folder (for its owner only) when there is none, takes its lock, and brings it to this version's format.
    ///
    /// Refused with [`StoreError::Locked`] while somebody has it open, also in this process; with
    /// [`StoreError::NotADataDir`] for a folder that has other things in it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        make(path)?;
        let path = disk::real(path).map_err(|error| StoreError::from_io(path, "opening", &error))?;
        refuse_foreign(&path)?;
        let lock = DirLock::take(&path)?;
        format::bring_up_to_date(&path)?;
        Ok(Self { path, lock: Some(lock) })
    }

    /// Opens it for reading, also beside a running engine. Nothing is made, nothing is locked.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let found = fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => not_a_data_dir(path, "there is no such folder; the first run makes it"),
            _ => StoreError::from_io(path, "opening", &error),
        })?;
        if !found.is_dir() {
            return Err(not_a_data_dir(path, "it is not a folder"));
        }
        let path = disk::real(path).map_err(|error| StoreError::from_io(path, "opening", &error))?;
        format::check_for_reading(&path)?;
        Ok(Self { path, lock: None })
    }

    /// Says whether nobody holds the folder: [`StoreError::Locked`] otherwise, with who does. Takes nothing.
    pub fn check_free(path: impl AsRef<Path>) -> Result<(), StoreError> {
        lock::check_free(path.as_ref())
    }

    /// The folder itself, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        self.lock.is_none()
    }

    /// The database with runs and events.
    pub fn db(&self) -> PathBuf {
        self.path.join(DB)
    }

    /// The folder with the logs.
    pub fn logs(&self) -> PathBuf {
        self.path.join(LOGS)
    }

    /// The folder with copies of repositories. They can be fetched again at any time, and are in no backup.
    #[cfg(feature = "git")]
    pub fn sources(&self) -> PathBuf {
        self.path.join("sources")
    }

    /// The folder with caches and artifacts.
    pub fn blobs(&self) -> PathBuf {
        self.path.join(BLOBS)
    }

    /// The folder with what an executor of this name keeps. Characters that could mean something in a path are written as
    /// `%` and two hexadecimal digits, so that a name stays a name.
    pub fn executor_state(&self, name: &str) -> PathBuf {
        Self::executor_state_in(&self.path, name)
    }

    /// The same in the data directory of this path.
    pub(crate) fn executor_state_in(path: &Path, name: &str) -> PathBuf {
        path.join("executors").join(as_file_name(name))
    }

    /// The file with the master key, unless that is kept elsewhere. It is in no backup.
    pub fn master_key(&self) -> PathBuf {
        self.path.join("master.key")
    }

    /// The socket over which other processes reach the engine.
    pub fn control_socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }
}

fn not_a_data_dir(path: &Path, why: &str) -> StoreError {
    StoreError::NotADataDir { path: path.to_path_buf(), why: why.to_owned() }
}

fn as_file_name(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    // Windows does not tell `A` from `a`, and has devices with names such as `con`.
    let is_device = cfg!(windows) && below::is_device(name.as_bytes());
    for (at, byte) in name.bytes().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric() && !(cfg!(windows) && byte.is_ascii_uppercase());
        if (is_plain || byte == b'-' || byte == b'_') && !(is_device && at == 0) {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    if safe.is_empty() {
        // Otherwise it would be the folder of all executors.
        safe.push('%');
    }
    if safe.len() > 200 {
        safe = format!("{}%{:08x}", &safe[..180], crc32fast::hash(name.as_bytes()));
    }
    safe
}

fn make(path: &Path) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => return Err(not_a_data_dir(path, "it is not a folder")),
        // Below a file there is nothing, as Windows has it.
        Err(_) if path.ancestors().skip(1).any(Path::is_file) => {
            return Err(not_a_data_dir(path, "a part of its path is not a folder"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::from_io(path, "opening", &error)),
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| StoreError::from_io(parent, "making", &error))?;
    }
    match disk::make_folder(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        result => result.map_err(|error| StoreError::from_io(path, "making", &error)),
    }
}

/// A folder with somebody's files is not taken over: its `.gitignore` would hide them from git.
fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    if path.join(format::FILE).exists() {
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(|error| StoreError::from_io(path, "reading", &error))?;
    for entry in entries {
        let name = entry.map_err(|error| StoreError::from_io(path, "reading", &error))?.file_name();
        if !FIRST_FILES.iter().any(|first| name == *first) {
            let name = name.to_string_lossy();
            return Err(not_a_data_dir(
                path,
                &format!("it has other things in it, such as {name:?}; choose an empty folder"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
