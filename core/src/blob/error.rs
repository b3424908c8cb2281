//! What goes wrong with objects.

use super::PackError;
use super::fault::{Fault, is_full};

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
    /// The store does not let the engine in, or not do this.
    #[error("{doing}: the store refuses it: {why}")]
    Refused {
        /// What was being done.
        doing: String,
        /// What the store said.
        why: String,
    },
    /// There is no such bucket.
    #[error("{doing}: the bucket is not there")]
    NoBucket {
        /// What was being done.
        doing: String,
    },
    /// The store does not answer.
    #[error("{doing}: the store does not answer: {why}")]
    Unreachable {
        /// What was being done.
        doing: String,
        /// What became of the last try.
        why: String,
    },
    /// The store failed in another way.
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
            Self::Refused { .. } => "objectStoreRefused",
            Self::NoBucket { .. } => "bucketMissing",
            Self::Unreachable { .. } => "objectStoreUnreachable",
            Self::Io { .. } => "objectStoreFailed",
        }
    }

    /// What a store said while something was done to an object.
    pub(crate) fn of_store(doing: impl Into<String>, error: &object_store::Error) -> Self {
        let doing = doing.into();
        match Fault::of(error) {
            Fault::Missing => Self::Missing { what: doing },
            Fault::Full => Self::NoSpace { doing },
            Fault::NoBucket => Self::NoBucket { doing },
            Fault::Refused(why) => Self::Refused { doing, why },
            Fault::Unreachable(why) => Self::Unreachable { doing, why },
            Fault::Other(why) => Self::Io { doing, why },
        }
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
