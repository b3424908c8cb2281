//! Taking an archive apart: every entry is checked before anything is made of it.

use std::cell::Cell;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::GzDecoder;
use tar::{Archive, Builder, Entry};

use super::entry::check_file;
use super::packer::{kind_of, plain_header};
use super::{ArchiveLimits, Kind, PackError, Tree};

/// What came out of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// How many files; links count.
    pub(crate) files: u64,
    /// Their sizes together.
    pub(crate) bytes: u64,
}

/// Makes a plain tar stream of an archive, for an executor to unpack.
pub(crate) fn to_tar(archive: impl Read, out: impl Write, limits: ArchiveLimits) -> Result<Unpacked, PackError> {
    let mut builder = Builder::new(out);
    let unpacked = each(archive, limits, |entry, name, kind| {
        let size = if *kind == Kind::File { entry.size() } else { 0 };
        let mut header = plain_header(entry.header(), kind, size)?;
        match kind {
            Kind::Folder => builder.append_data(&mut header, name, io::empty())?,
            Kind::File => builder.append_data(&mut header, name, entry)?,
            Kind::Link(target) | Kind::SameFile(target) => builder.append_link(&mut header, name, target)?,
        }
        Ok(())
    })?;
    builder.into_inner()?.flush()?;
    Ok(unpacked)
}

/// Unpacks an archive into a folder, which is made when it is missing. Files that are there are replaced; links that lie in
/// the way are not followed out of the folder. On Windows links are refused, and names that mean something else there.
pub(crate) fn to_folder(archive: impl Read, folder: &Path, limits: ArchiveLimits) -> Result<Unpacked, PackError> {
    fs::create_dir_all(folder)?;
    each(archive, limits, |mut entry, name, kind| {
        check_file(name, kind)?;
        // The library follows no link out of the folder; it is also the second judge of names.
        if entry.unpack_in(folder)? {
            return Ok(());
        }
        Err(PackError::BadName { name: name.to_owned(), what: "leaves the folder" })
    })
}

/// Calls for each entry that may be unpacked; stops at the first one that may not.
fn each<R: Read>(
    archive: R,
    limits: ArchiveLimits,
    mut take: impl FnMut(Entry<'_, Limited<GzDecoder<Counting<R>>>>, &Path, &Kind) -> Result<(), PackError>,
) -> Result<Unpacked, PackError> {
    let packed = Rc::new(Cell::new(0));
    let counting = Counting { from: archive, count: packed.clone() };
    let most = limits.bytes.saturating_add(limits.entries.saturating_mul(4096)).saturating_add(1 << 20);
    let limited = Limited { from: GzDecoder::new(counting), out: 0, most, packed, ratio: limits.ratio };
    let mut archive = Archive::new(limited);
    let (mut tree, mut unpacked, mut entries) = (Tree::default(), Unpacked::default(), 0);
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry.path()?.into_owned();
        let kind = kind_of(&entry, Path::new(""))?.ok_or(PackError::BadKind { name: name.clone() })?;
        let name: PathBuf = tree.admit(&name, &kind)?;
        entries += 1;
        unpacked.files += u64::from(kind != Kind::Folder);
        unpacked.bytes = unpacked.bytes.saturating_add(if kind == Kind::File { entry.size() } else { 0 });
        limits.check(entries, unpacked.bytes, u64::MAX)?;
        if !name.as_os_str().is_empty() {
            take(entry, &name, &kind)?;
        }
    }
    // What stands behind the archive's end is read as well, so that one that was cut off there is noticed.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(unpacked)
}

/// Counts what is read of the archive.
struct Counting<R> {
    from: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// Lets through no more than an archive within its limits can have, headers and padding included.
struct Limited<R> {
    from: R,
    out: u64,
    most: u64,
    packed: Rc<Cell<u64>>,
    ratio: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.out += read as u64;
        let limits = ArchiveLimits { entries: u64::MAX, bytes: self.most, ratio: self.ratio };
        match limits.check(0, self.out, self.packed.get()) {
            Ok(()) => Ok(read),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }
}
