//! Files of the workspace on their way to the Docker engine.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use bytes::Bytes;
use futures::StreamExt;
use tar::{Archive, Builder, Entry, EntryType, Header};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::ignore::Ignore;
use crate::executor::stream::{Outlet, pipe};
use crate::executor::{ExecutorError, TarStream};

/// Pieces on their way: a slow engine does not fill the memory.
const QUEUE: usize = 8;
const PIECE: usize = 128 * 1024;

/// Which files of the workspace the build sees, and under which names.
#[derive(Debug)]
pub(super) struct Filter {
    /// Parts at the beginning of each name that are none of the build's: 1 for a folder of the workspace, 0 for all of it.
    pub(super) skip: usize,
    pub(super) ignore: Ignore,
    /// Seen whatever is ignored, since the engine itself needs them.
    pub(super) always: Vec<String>,
}

impl Filter {
    /// The name that the build sees; `None` when it does not see it.
    fn name(&self, entry: &Path) -> Option<String> {
        let name = self.below(entry)?;
        (self.always.contains(&name) || !self.ignore.ignores(&name)).then_some(name)
    }

    fn below(&self, entry: &Path) -> Option<String> {
        let parts = entry.components().filter_map(|part| match part {
            std::path::Component::Normal(part) => Some(part.to_string_lossy()),
            _ => None,
        });
        let name = parts.skip(self.skip).collect::<Vec<_>>().join("/");
        (!name.is_empty()).then_some(name)
    }
}

/// The context of a build: the files that it sees.
pub(super) fn context(files: TarStream, filter: Filter) -> TarStream {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let (feed, inlet) = pipe(files);
    let failing = sender.clone();
    tokio::spawn(async move {
        let writing =
            tokio::task::spawn_blocking(move || copy(inlet, BufWriter::with_capacity(PIECE, Outlet(sender)), &filter));
        let (fed, written) = futures::join!(feed, writing);
        let error = match (fed, written) {
            (Err(error), _) => Some(error),
            (Ok(()), Ok(Err(source))) => {
                Some(ExecutorError::Io { doing: "packing the files for the build".to_owned(), source })
            }
            (Ok(()), _) => None,
        };
        if let Some(error) = error {
            // Nobody listens any more, or everybody hears it.
            let _ = failing.send(Err(error)).await;
        }
    });
    ReceiverStream::new(receiver).boxed()
}

fn copy(files: impl Read, writer: impl Write, filter: &Filter) -> io::Result<()> {
    let mut builder = Builder::new(writer);
    for entry in Archive::new(files).entries()? {
        let mut entry = entry?;
        if let Some(name) = filter.name(&entry.path()?) {
            append(&mut builder, &mut entry, &name, filter)?;
        }
    }
    builder.into_inner()?.flush()
}

/// Owners are nobody's business there: files of a build belong to root, as the `docker` command has it.
fn append(
    builder: &mut Builder<impl Write>,
    entry: &mut Entry<'_, impl Read>,
    name: &str,
    filter: &Filter,
) -> io::Result<()> {
    let kind = entry.header().entry_type();
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(entry.header().mode()?);
    header.set_mtime(entry.header().mtime()?);
    header.set_size(entry.size());
    let target = entry.link_name()?.map(|target| target.into_owned());
    match (kind, target) {
        (EntryType::Regular | EntryType::Continuous | EntryType::Directory, _) => {
            builder.append_data(&mut header, name, entry)
        }
        (EntryType::Symlink, Some(target)) => builder.append_link(&mut header, name, target),
        (EntryType::Link, Some(target)) => match filter.below(&target) {
            Some(target) => builder.append_link(&mut header, name, target),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The names at the top of a folder, as far as they are worth a sentence.
pub(super) async fn names_at_top(files: TarStream, skip: usize) -> io::Result<Vec<String>> {
    const MOST: usize = 20;
    let filter = Filter { skip, ignore: Ignore::default(), always: Vec::new() };
    let (feed, inlet) = pipe(files);
    let listing = tokio::task::spawn_blocking(move || {
        let mut names = BTreeSet::new();
        for entry in Archive::new(inlet).entries()? {
            if let Some(name) = filter.below(&entry?.path()?) {
                names.insert(name.split('/').next().unwrap_or_default().to_owned());
            }
        }
        Ok(names.into_iter().take(MOST).collect())
    });
    let (_, names) = futures::join!(feed, listing);
    names.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Writes the only file of an archive to a place.
pub(super) async fn unpack_file(files: TarStream, place: &Path) -> io::Result<()> {
    let (feed, inlet) = pipe(files);
    let place = place.to_owned();
    let writing = tokio::task::spawn_blocking(move || {
        let mut archive = Archive::new(inlet);
        let Some(entry) = archive.entries()?.next() else { return Err(io::ErrorKind::NotFound.into()) };
        let mut entry = entry?;
        if !matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        io::copy(&mut entry, &mut File::create(place)?).map(drop)
    });
    let (fed, written) = futures::join!(feed, writing);
    fed.map_err(|error| io::Error::other(error.to_string()))?;
    written.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// A file from a stream of bytes.
pub(super) async fn spool<E: Into<io::Error>>(
    mut bytes: impl futures::Stream<Item = Result<Bytes, E>> + Unpin,
    place: &Path,
) -> io::Result<()> {
    use tokio::io::AsyncWriteExt;
    let mut file = tokio::fs::File::create(place).await?;
    while let Some(piece) = bytes.next().await {
        file.write_all(&piece.map_err(Into::into)?).await?;
    }
    file.flush().await
}
