//! A folder as a tar stream.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::StreamExt;
use tar::Builder;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{ExecutorError, TarStream};

/// The size of a piece.
const PIECE: usize = 128 * 1024;
/// Pieces on their way: a slow reader does not fill the memory.
pub(super) const QUEUE: usize = 8;

/// Streams a file or folder as an archive in which it has this name; all that is in a folder when the name is empty. Links
/// stay links. `doing` is for errors, and `keep` is dropped at the end.
pub(crate) fn pack(place: PathBuf, name: PathBuf, doing: String, keep: impl Send + 'static) -> TarStream {
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::task::spawn_blocking(move || {
        let writer = BufWriter::with_capacity(PIECE, Outlet(sender.clone()));
        if let Err(source) = archive(writer, &place, &name) {
            // Nobody listens any more, or everybody hears it.
            let _ = sender.blocking_send(Err(ExecutorError::Io { doing, source }));
        }
        drop(keep);
    });
    ReceiverStream::new(receiver).boxed()
}

fn archive(writer: BufWriter<Outlet>, place: &Path, name: &Path) -> io::Result<()> {
    let mut builder = Builder::new(writer);
    builder.follow_symlinks(false);
    add(&mut builder, place, name)?;
    builder.into_inner()?.flush()
}

fn add(builder: &mut Builder<BufWriter<Outlet>>, place: &Path, name: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(place)?.file_type();
    if !kind.is_dir() {
        // Pipes, sockets and devices are nothing to carry elsewhere.
        return if kind.is_file() || kind.is_symlink() { builder.append_path_with_name(place, name) } else { Ok(()) };
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

/// Carries what is written to it into a stream.
pub(crate) struct Outlet(pub(crate) mpsc::Sender<Result<Bytes, ExecutorError>>);

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
