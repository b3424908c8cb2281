//! What goes wrong with stored logs.

use std::io;
use std::path::{Path, PathBuf};

/// Why a log could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Bytes that were committed are not there any more.
    #[error(
        "{path} is damaged: {why}. Restore the data directory from a backup; the rest of the log can still be read"
    )]
    Damaged {
        /// The file, or the folder when the file is missing.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// It cannot be written: a read-only folder or file system, or missing rights.
    #[error("{path} cannot be written: {why}")]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// There is no space left. Nothing is lost: the raw log is still there, and writing can be tried again.
    #[error("no space is left for {path}: free some, or move the data directory")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that the disk said.
    #[error("{doing}: {why}")]
    Io {
        /// What was being done.
        doing: String,
        /// What was said.
        why: String,
    },
}

impl LogError {
    /// What the system said about a file.
    pub(super) fn from_io(path: &Path, doing: &str, error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let path = path.to_path_buf();
        match error.kind() {
            Kind::StorageFull | Kind::QuotaExceeded => Self::Full { path },
            Kind::ReadOnlyFilesystem | Kind::PermissionDenied => Self::ReadOnly { path, why: error.to_string() },
            _ => Self::Io { doing: format!("{doing} {}", path.display()), why: error.to_string() },
        }
    }

    pub(super) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_path_buf(), why: why.into() }
    }
}
