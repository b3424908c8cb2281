//! Making an archive out of what workspaces give.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, Entry, EntryType, Header};

use super::entry::clean_below;
use super::{ArchiveLimits, Kind, PackError, Tree};

/// Makes an archive. Everything in it blocks.
pub(crate) struct Packer<W: Write> {
    builder: Builder<GzEncoder<Digesting<W>>>,
    tree: Tree,
    limits: ArchiveLimits,
    entries: u64,
    bytes: u64,
    files: u64,
    /// Links that lead out, and what is neither file nor folder: left out.
    left_out: Vec<String>,
}

/// An archive that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    /// How many files it has; links count.
    pub(crate) files: u64,
    /// Their sizes together.
    pub(crate) bytes: u64,
    /// The size of the archive.
    pub(crate) size: u64,
    /// SHA-256 of the archive in hexadecimal digits.
    pub(crate) digest: String,
    /// What was left out: links that lead out, sockets and the like.
    pub(crate) left_out: Vec<String>,
}

/// More names than this are not kept of what was left out.
const MAX_LEFT_OUT: usize = 20;

impl<W: Write> Packer<W> {
    /// Begins an archive.
    pub(crate) fn new(out: W, limits: ArchiveLimits) -> Self {
        let out = Digesting { out, digest: Sha256::new(), size: 0 };
        Self {
            builder: Builder::new(GzEncoder::new(out, Compression::fast())),
            tree: Tree::default(),
            limits,
            entries: 0,
            bytes: 0,
            files: 0,
            left_out: Vec::new(),
        }
    }

    /// Adds what is wanted of a tar stream whose names are below `place`. Returns files that are wanted and that the stream
    /// has only as another name of a file that is not: they have to be read by themselves.
    pub(crate) fn add(
        &mut self,
        tar: impl Read,
        place: &Path,
        wanted: impl Fn(&Path) -> bool,
    ) -> Result<Vec<PathBuf>, PackError> {
        let mut alone = Vec::new();
        for entry in Archive::new(tar).entries()? {
            let entry = entry?;
            let name = clean_below(place, &entry.path()?)?;
            let Some(kind) = kind_of(&entry, place)? else {
                self.leave_out(&name, "it is no file");
                continue;
            };
            // Folders come with what is in them; an empty one is worth an entry where everything is wanted.
            if name.as_os_str().is_empty() || self.tree.has(&name) || !wanted(&name) {
                continue;
            }
            if let Kind::SameFile(target) = &kind
                && !self.tree.has(target)
            {
                alone.push(name);
                continue;
            }
            self.take(entry, name, kind)?;
        }
        Ok(alone)
    }

    fn take<R: Read>(&mut self, entry: Entry<'_, R>, name: PathBuf, kind: Kind) -> Result<(), PackError> {
        if let Err(error) = self.tree.admit(&name, &kind) {
            if matches!(error, PackError::LeavesByLink { .. }) {
                self.leave_out(&name, "the link leads out of the workspace");
                return Ok(());
            }
            return Err(error);
        }
        self.entries += 1;
        self.files += u64::from(kind != Kind::Folder);
        let size = if kind == Kind::File { entry.size() } else { 0 };
        self.bytes = self.bytes.saturating_add(size);
        // The ratio is known at the end.
        self.limits.check(self.entries, self.bytes, u64::MAX)?;
        let mut header = plain_header(entry.header(), &kind, size)?;
        match &kind {
            Kind::Folder => self.builder.append_data(&mut header, &name, io::empty())?,
            Kind::File => self.builder.append_data(&mut header, &name, entry)?,
            Kind::Link(target) | Kind::SameFile(target) => self.builder.append_link(&mut header, &name, target)?,
        }
        Ok(())
    }

    fn leave_out(&mut self, name: &Path, why: &str) {
        if self.left_out.len() < MAX_LEFT_OUT {
            self.left_out.push(format!("{}: {why}", name.display()));
        }
    }

    /// How many entries it has so far.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Ends the archive.
    pub(crate) fn finish(self) -> Result<Packed, PackError> {
        let mut out = self.builder.into_inner()?.finish()?;
        out.flush()?;
        self.limits.check(self.entries, self.bytes, out.size)?;
        let digest = out.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Packed { files: self.files, bytes: self.bytes, size: out.size, digest, left_out: self.left_out })
    }
}

/// What an entry is; `None` for what is not carried elsewhere. Targets of second names are made whole.
pub(super) fn kind_of<R: Read>(entry: &Entry<'_, R>, place: &Path) -> Result<Option<Kind>, PackError> {
    let target = || -> Result<PathBuf, PackError> { Ok(entry.link_name()?.unwrap_or_default().into_owned()) };
    Ok(Some(match entry.header().entry_type() {
        EntryType::Directory => Kind::Folder,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Symlink => Kind::Link(target()?),
        EntryType::Link => Kind::SameFile(clean_below(place, &target()?)?),
        _ => return Ok(None),
    }))
}

/// A header with what matters elsewhere as well: no owner, no device.
pub(super) fn plain_header(from: &Header, kind: &Kind, size: u64) -> Result<Header, PackError> {
    let mut header = Header::new_gnu();
    header.set_entry_type(match kind {
        Kind::Folder => EntryType::Directory,
        Kind::File => EntryType::Regular,
        Kind::Link(_) => EntryType::Symlink,
        Kind::SameFile(_) => EntryType::Link,
    });
    // A folder that its owner cannot write to would take none of its files when it is unpacked.
    let own = if *kind == Kind::Folder { 0o700 } else { 0 };
    header.set_mode(from.mode()? & 0o777 | own);
    header.set_mtime(from.mtime()?);
    header.set_size(size);
    Ok(header)
}

/// Counts and digests what goes through.
struct Digesting<W> {
    out: W,
    digest: Sha256,
    size: u64,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
