//! Archives on their way between a workspace in a container and whoever reads or writes it.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tar::{Archive, Builder, EntryType, Header};
use tokio::sync::mpsc;

use super::transfer::checked;
use crate::below::{self, Use};
use crate::executor::ExecutorError;
use crate::executor::error::bad_path;
use crate::executor::stream::Outlet;

/// Gives the entries the names that the contract wants.
pub(super) fn rename(
    archive: impl Read,
    sender: &mpsc::Sender<Result<Bytes, ExecutorError>>,
    wanted: Option<&Path>,
) -> io::Result<()> {
    let mut builder = Builder::new(io::BufWriter::with_capacity(128 * 1024, Outlet(sender.clone())));
    for entry in Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let clean = below::checked(&path, Use::Carried)
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidData, format!("the path {path:?} {why}")))?;
        let name: PathBuf = match wanted {
            // The target of a link has the link's name.
            Some(wanted) => std::iter::once(wanted.as_os_str()).chain(clean.iter().skip(1)).collect(),
            None => clean,
        };
        copy(&mut builder, &mut entry, &name)?;
    }
    builder.into_inner()?.flush()
}

fn copy<W: Write, R: Read>(builder: &mut Builder<W>, entry: &mut tar::Entry<'_, R>, name: &Path) -> io::Result<()> {
    // A fresh one: names of the old one would shine through shorter ones.
    let mut header = Header::new_gnu();
    let old = entry.header();
    header.set_entry_type(old.entry_type());
    header.set_mode(old.mode()?);
    header.set_mtime(old.mtime()?);
    header.set_size(entry.size());
    match entry.header().entry_type() {
        EntryType::Symlink | EntryType::Link => {
            let target = entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?.into_owned();
            builder.append_link(&mut header, name, target)
        }
        _ => builder.append_data(&mut header, name, entry),
    }
}

/// Passes an archive on, as far as nothing in it leaves the folder into which it is unpacked.
pub(super) fn check(
    archive: impl Read,
    sender: &mpsc::Sender<Result<Bytes, ExecutorError>>,
) -> Result<(), ExecutorError> {
    let doing = |source| ExecutorError::Io { doing: "writing files into the workspace".to_owned(), source };
    let mut builder = Builder::new(io::BufWriter::with_capacity(128 * 1024, Outlet(sender.clone())));
    let mut links: HashSet<PathBuf> = HashSet::new();
    let mut archive = Archive::new(archive);
    for entry in archive.entries().map_err(doing)? {
        let mut entry = entry.map_err(doing)?;
        let path = entry.path().map_err(doing)?.into_owned();
        let name = checked(&path.to_string_lossy())?;
        if name.ancestors().skip(1).any(|above| links.contains(above)) {
            return Err(bad_path(&path.to_string_lossy(), "goes through a link of the same archive"));
        }
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => continue,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Directory => {}
            EntryType::Symlink => {
                links.insert(name.clone());
            }
            EntryType::Link => {
                let target = entry.link_name().map_err(doing)?.unwrap_or_default().into_owned();
                checked(&target.to_string_lossy())?;
            }
            other => {
                return Err(bad_path(
                    &path.to_string_lossy(),
                    &format!("is of a kind that is not unpacked: {other:?}"),
                ));
            }
        }
        if !name.as_os_str().is_empty() {
            copy(&mut builder, &mut entry, &name).map_err(doing)?;
        }
    }
    builder.into_inner().and_then(|mut out| out.flush()).map_err(doing)
}
