//! What goes wrong with objects.

use std::io;

use super::PackError;

/// Why an object could not be stored, read or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// There is no such object.
    #[error("{what} is not there")]
    Missing {
        /// What was looked for.
        what: String,
    },
    /// It is not what was stored.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// What was read.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// Too many files, too many bytes, or too much in too little.
    #[error("{what} is too big: {why}")]
    TooBig {
        /// What it was to become.
        what: String,
        /// The limit.
        why: String,
    },
    /// The disk is full.
    #[error("{doing}: there is no space left")]
    NoSpace {
        /// What was being done.
        doing: String,
    },
    /// The store refused, or could not be reached.
    #[error("{doing}: {why}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the store said.
        why: String,
    },
}

impl BlobError {
    /// A stable code in camelCase.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "objectMissing",
            Self::Damaged { .. } => "objectDamaged",
            Self::TooBig { .. } => "tooBig",
            Self::NoSpace { .. } => "noSpace",
            Self::Io { .. } => "objectStoreFailed",
        }
    }

    pub(crate) fn of_store(doing: impl Into<String>, error: &object_store::Error) -> Self {
        let doing = doing.into();
        if let object_store::Error::NotFound { .. } = error {
            return Self::Missing { what: doing };
        }
        if is_full(error) { Self::NoSpace { doing } } else { Self::Io { doing, why: error.to_string() } }
    }

    pub(crate) fn of_pack(what: impl Into<String>, error: PackError) -> Self {
        let what = what.into();
        match error {
            error if error.is_limit() => Self::TooBig { what, why: error.to_string() },
            PackError::Io(error) if is_full(&error) => Self::NoSpace { doing: what },
            error => Self::Damaged { what, why: error.to_string() },
        }
    }
}

/// Whether an error says, anywhere in what stands behind it, that a disk is full.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        {
            return true;
        }
        next = error.source();
    }
    false
}
