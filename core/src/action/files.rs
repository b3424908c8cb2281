//! Single files of a workspace, out of tar streams and into them.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use jiff::Timestamp;
use tar::{Archive, Builder, EntryType, Header};

use super::ActionError;
use crate::executor::{ExecutorError, TarStream};

/// What a tar archive of one file has beside the file: headers, a long name, padding.
const AROUND: usize = 64 * 1024;

/// A file that is not there is the mistake of who named it.
pub(super) fn not_found(path: &str, error: ExecutorError) -> ActionError {
    match error {
        ExecutorError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ActionError::failed(
            "fileNotFound",
            format!("there is no {path:?} in the workspace"),
            "look whether an earlier task writes it, and whether the path is spelled right",
        ),
        error => error.into(),
    }
}

/// The archive of a file of at most `max` bytes; of a larger one its beginning.
pub(super) async fn gather(mut tar: TarStream, max: usize) -> Result<Bytes, ActionError> {
    let most = max.saturating_add(AROUND);
    let mut archive = BytesMut::new();
    while archive.len() <= most
        && let Some(piece) = tar.next().await
    {
        archive.extend_from_slice(&piece?);
    }
    Ok(archive.freeze())
}

/// The content of the only file in an archive.
pub(super) fn unpack_one(archive: &[u8], path: &str, max: usize) -> Result<Bytes, ActionError> {
    let broken = |error: std::io::Error| {
        ActionError::infrastructure("badArchive", format!("the archive of {path:?} cannot be read: {error}"), "")
    };
    let mut archive = Archive::new(archive);
    let mut entries = archive.entries().map_err(broken)?;
    let Some(first) = entries.next() else { return Err(not_a_file(path, "a folder")) };
    let mut first = first.map_err(broken)?;
    match first.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => {}
        EntryType::Directory => return Err(not_a_file(path, "a folder")),
        _ => return Err(not_a_file(path, "something else")),
    }
    let size = first.size();
    if size > max as u64 {
        return Err(ActionError::failed(
            "fileTooLarge",
            format!("{path:?} has {size} bytes, and the action reads {max} at most"),
            "let the task that writes it write less",
        ));
    }
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    first.read_to_end(&mut content).map_err(broken)?;
    Ok(content.into())
}

/// The folder of a path, and an archive with the file to be unpacked there.
pub(super) fn pack_one<'a>(path: &'a str, content: &[u8], at: Timestamp) -> Result<(&'a str, Bytes), ActionError> {
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    // An absolute path is refused by the executor, as it stands.
    let folder = if folder.is_empty() { "/" } else { folder };
    let bad = |what: &str| {
        let advice = "name a file below the workspace, such as `build/notes.txt`";
        ActionError::failed("badPath", format!("{path:?} {what}"), advice)
    };
    if matches!(name, "" | "." | "..") {
        return Err(bad("names a folder, and not a file"));
    }
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_mtime(u64::try_from(at.as_second()).unwrap_or(0));
    let mut builder = Builder::new(Vec::with_capacity(content.len() + 2048));
    builder.append_data(&mut header, name, content).map_err(|error| bad(&format!("cannot be packed: {error}")))?;
    let archive = builder.into_inner().map_err(|error| bad(&format!("cannot be packed: {error}")))?;
    Ok((folder, archive.into()))
}

fn not_a_file(path: &str, what: &str) -> ActionError {
    ActionError::failed("notAFile", format!("{path:?} is {what}, and not a file"), "name a file")
}
