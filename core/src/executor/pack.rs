//! A folder as a tar stream.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use futures::StreamExt;
use tar::{Builder, Header};

use super::stream::{Outlet, outlet};
use super::{ExecutorError, TarStream};

/// The size of a piece.
const PIECE: usize = 128 * 1024;

/// Streams a file or folder as an archive in which it has this name; all that is in a folder when the name is empty. Links
/// stay links; on Windows all files are programs. `doing` is for errors, and `keep` is dropped at the end.
pub(crate) fn pack(place: PathBuf, name: PathBuf, doing: String, keep: impl Send + 'static) -> TarStream {
    let (outlet, stream) = outlet();
    tokio::task::spawn_blocking(move || {
        let writer = BufWriter::with_capacity(PIECE, outlet.clone());
        if let Err(source) = archive(writer, &place, &name) {
            outlet.fail(ExecutorError::Io { doing, source });
        }
        drop(keep);
    });
    stream.boxed()
}

fn archive(writer: BufWriter<Outlet<ExecutorError>>, place: &Path, name: &Path) -> io::Result<()> {
    let mut builder = Builder::new(writer);
    builder.follow_symlinks(false);
    add(&mut builder, place, name)?;
    builder.into_inner()?.flush()
}

fn add(builder: &mut Builder<BufWriter<Outlet<ExecutorError>>>, place: &Path, name: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(place)?.file_type();
    if !kind.is_dir() {
        // Pipes, sockets and devices are nothing to carry elsewhere.
        return match kind.is_file() {
            true if cfg!(windows) => append_without_mode(builder, place, name),
            true => builder.append_path_with_name(place, name),
            false if kind.is_symlink() => builder.append_path_with_name(place, name),
            false => Ok(()),
        };
    }
    if !name.as_os_str().is_empty() {
        builder.append_dir(name, place)?;
    }
    let mut entries = fs::read_dir(place)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        match add(builder, &entry.path(), &name.join(entry.file_name())) {
            // Removed by a step meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}

/// A file of Windows, which does not say whether it is a program: elsewhere each one can be run, as `docker` has it as well.
fn append_without_mode(
    builder: &mut Builder<BufWriter<Outlet<ExecutorError>>>,
    place: &Path,
    name: &Path,
) -> io::Result<()> {
    let file = File::open(place)?;
    let mut header = Header::new_gnu();
    header.set_metadata(&file.metadata()?);
    header.set_mode(0o755);
    builder.append_data(&mut header, name, file)
}
