//! Why an archive is refused.

use std::io;
use std::path::PathBuf;

/// Why an archive cannot be made, or is not unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackError {
    /// A name that is not below the folder.
    #[error("the entry {name:?} {what}")]
    BadName {
        /// As it stands in the archive.
        name: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A link that leads out.
    #[error("the link {name:?} leads to {target:?}, which is outside")]
    LeavesByLink {
        /// The link.
        name: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A pipe, a device, or something that nobody knows.
    #[error("the entry {name:?} is neither a file nor a folder nor a link")]
    BadKind {
        /// Its name.
        name: PathBuf,
    },
    /// Too much in it.
    #[error("there are more than {limit} files, folders and links in it")]
    TooManyEntries {
        /// How many are allowed.
        limit: u64,
    },
    /// Too much in it.
    #[error("its files have more than {limit} bytes together")]
    TooLarge {
        /// How many are allowed.
        limit: u64,
    },
    /// It grows too much.
    #[error("more than {limit} bytes come out of one byte of it")]
    Bomb {
        /// How many are allowed.
        limit: u64,
    },
    /// It cannot be read, or what is made of it cannot be written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl PackError {
    /// Whether it is what it is because there is too much in it.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, Self::TooManyEntries { .. } | Self::TooLarge { .. } | Self::Bomb { .. })
    }
}
