//! Archives of workspace files: gzipped tar, made and taken apart as a stream, with every entry checked both ways.
//!
//! Gzip, since everybody can open it, in a browser's download folder as well; it comes from a Rust library and needs no C.

mod entry;
mod error;
mod files;
mod packer;
mod unpack;

pub(crate) use entry::{Kind, Tree};
pub(crate) use error::PackError;
pub(crate) use files::each_file;
pub(crate) use packer::{Packed, Packer};
pub(crate) use unpack::{Unpacked, to_folder, to_tar};

#[cfg(test)]
mod fuzzing;
#[cfg(test)]
mod tests;

/// How much an archive may hold. What passes them is neither stored nor unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Files, folders and links. 500,000 unless set.
    pub entries: u64,
    /// The sizes of all files together, unpacked. 8 GiB unless set.
    pub bytes: u64,
    /// How many bytes may come out of one byte of the archive; counted once 16 MiB have come out. 200 unless set.
    pub ratio: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { entries: 500_000, bytes: 8 << 30, ratio: 200 }
    }
}

/// Less than this is no bomb, however small the archive is.
const HARMLESS: u64 = 16 << 20;

impl ArchiveLimits {
    fn check(&self, entries: u64, bytes: u64, packed: u64) -> Result<(), PackError> {
        if entries > self.entries {
            return Err(PackError::TooManyEntries { limit: self.entries });
        }
        if bytes > self.bytes {
            return Err(PackError::TooLarge { limit: self.bytes });
        }
        if bytes > HARMLESS && bytes / self.ratio.max(1) > packed {
            return Err(PackError::Bomb { limit: self.ratio });
        }
        Ok(())
    }
}
