//! What SQLite says, as errors that tell a person what to do.

use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use crate::store::StoreError;

/// What went wrong while working with the database. It becomes a [`StoreError`] where the file's path is known.
#[derive(Debug)]
pub(super) enum Failure {
    /// The store has an error of its own for it.
    Refused(StoreError),
    /// What is stored makes no sense.
    Damaged(String),
    /// SQLite said so.
    Sqlite(Error),
}

impl Failure {
    pub(super) fn explain(self, path: &Path) -> StoreError {
        match self {
            Self::Refused(error) => error,
            Self::Damaged(why) => StoreError::Damaged { path: path.to_path_buf(), why },
            Self::Sqlite(error) => explain(&error, path),
        }
    }

    /// Whether the connection should not be trusted any further. After a failed flush nobody knows what the disk has.
    pub(super) fn distrusts_connection(&self) -> bool {
        matches!(self, Self::Sqlite(Error::SqliteFailure(error, _)) if error.code == ErrorCode::SystemIoFailure)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

/// The store's error for what SQLite said about this file.
pub(super) fn explain(error: &Error, path: &Path) -> StoreError {
    let path = path.to_path_buf();
    let why = error.to_string();
    let Error::SqliteFailure(code, _) = error else {
        return match error {
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => StoreError::Damaged { path, why },
            // The statements are right, so the tables are not what they were.
            Error::SqlInputError { .. } => StoreError::Damaged { path, why },
            _ => StoreError::Io { doing: format!("working with {}", path.display()), why },
        };
    };
    match code.code {
        ErrorCode::DiskFull => StoreError::Full { path },
        // The shared index could not be made longer: there is no other reason than space.
        _ if code.extended_code == ffi::SQLITE_IOERR_SHMSIZE => StoreError::Full { path },
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreError::ReadOnly { path, why },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Damaged { path, why },
        ErrorCode::CannotOpen => cannot_open(path, why),
        _ => StoreError::Io { doing: format!("working with {}", path.display()), why },
    }
}

/// SQLite does not say why it cannot open a file. Asking the folder tells.
fn cannot_open(path: std::path::PathBuf, why: String) -> StoreError {
    let folder = path.parent().unwrap_or(Path::new("."));
    #[cfg(unix)]
    if let Err(errno) = nix::unistd::access(folder, nix::unistd::AccessFlags::W_OK) {
        return StoreError::from_io(&path, "opening", &errno.into());
    }
    if let Err(error) = std::fs::metadata(folder) {
        return StoreError::from_io(&path, "opening", &error);
    }
    StoreError::Io { doing: format!("opening {}", path.display()), why }
}
