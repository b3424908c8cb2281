//! Reading a log that this process writes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;

use crate::executor::{ExecutorError, LogChunk};

const LARGEST: u64 = 1024 * 1024;

/// The log from an offset to its end. `length` tells of growth, and is closed when nothing comes any more; without it the
/// file is final.
pub(super) fn follow(
    path: PathBuf,
    from: u64,
    length: Option<watch::Receiver<u64>>,
) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
    let state = Some((path, from, length));
    stream::unfold(state, |state| async move {
        let (path, from, mut length) = state?;
        loop {
            match read(&path, from) {
                Ok(bytes) if !bytes.is_empty() => {
                    let next = from + bytes.len() as u64;
                    return Some((Ok(LogChunk { offset: from, bytes }), Some((path, next, length))));
                }
                Ok(_) => {}
                Err(error) => {
                    let doing = format!("reading the log {}", path.display());
                    return Some((Err(crate::executor::error::io(doing)(error)), None));
                }
            }
            // When the sender is gone there may still be bytes that it wrote before.
            let grown = length.as_mut()?.wait_for(|length| *length > from).await.is_ok();
            if !grown {
                length = None;
            }
        }
    })
    .boxed()
}

fn read(path: &PathBuf, from: u64) -> io::Result<Bytes> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Bytes::new()),
        Err(error) => return Err(error),
    };
    let there = file.metadata()?.len().saturating_sub(from).min(LARGEST);
    let mut buffer = Vec::with_capacity(usize::try_from(there).unwrap_or(0));
    if there > 0 {
        file.seek(SeekFrom::Start(from))?;
        file.take(there).read_to_end(&mut buffer)?;
    }
    Ok(buffer.into())
}
