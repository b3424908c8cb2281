//! What only steps that are processes have in their folders: a cookie, a script, a log that somebody else writes.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::layout::{RunFolder, StepFolder, open_log};

/// The variable by which processes of a step are known, wherever they went.
pub(super) const COOKIE_NAME: &str = "WINDLASS_STEP";

impl RunFolder {
    /// What the environment of every process of the run starts its cookie with.
    pub(super) fn cookie_prefix(&self) -> String {
        format!("{COOKIE_NAME}={}/", last(self.path()))
    }

    /// Whether the machine was restarted since the run began. A mark that did not reach the disk says so as well.
    pub(super) fn outlived_a_boot(&self) -> bool {
        let Some(now) = crate::clock::boot() else { return false };
        fs::read_to_string(self.path().join("boot")).ok().as_deref() != Some(&now)
    }
}

impl StepFolder {
    /// What stands in the environment of the step's processes as the cookie.
    pub(super) fn cookie_value(&self) -> String {
        let run = self.path().ancestors().nth(2).unwrap_or(self.path());
        format!("{}/{}", last(run), last(self.path()))
    }

    /// The same as `NAME=VALUE`.
    pub(super) fn cookie(&self) -> String {
        format!("{COOKIE_NAME}={}", self.cookie_value())
    }

    pub(super) fn script(&self) -> PathBuf {
        self.path().join("script")
    }

    /// Puts a draft in the folder's place; false when there is a folder with something in it.
    pub(super) fn adopt(&self, draft: &Path) -> io::Result<bool> {
        match fs::rename(draft, self.path()) {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the log for whoever copies into it.
    pub(super) fn open_log(&self) -> io::Result<File> {
        open_log(&self.log())
    }

    /// Device and inode of the log, by which a process that writes to it is known.
    pub(super) fn log_identity(&self) -> Option<(u64, u64)> {
        fs::metadata(self.log()).ok().map(|data| (data.dev(), data.ino()))
    }
}

/// The names of a run's folder and of a step's are ASCII.
fn last(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}
