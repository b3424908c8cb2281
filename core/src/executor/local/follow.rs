//! Following a raw log as it grows.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};

use super::layout::StepFolder;
use super::watch::Watched;
use super::{Shared, io};
use crate::executor::{ExecutorError, LogChunk};
use crate::run::StepKey;

/// The most that is read at once: a chatty step is read in large pieces, a quiet one byte by byte as it speaks.
const LARGEST: u64 = 1024 * 1024;

/// The step's raw log from an offset to its end.
pub(super) fn follow(
    shared: Arc<Shared>,
    key: StepKey,
    from: u64,
) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
    let folder = shared.step(&key);
    let follower = Follower {
        shared,
        key,
        folder,
        offset: from,
        file: None,
        watched: None,
        ended: None,
        done: false,
        failed: false,
    };
    stream::unfold(follower, |mut follower| async move {
        let item = follower.next().await?;
        follower.failed |= item.is_err();
        Some((item, follower))
    })
    .boxed()
}

struct Follower {
    shared: Arc<Shared>,
    key: StepKey,
    folder: StepFolder,
    offset: u64,
    file: Option<File>,
    watched: Option<Watched>,
    /// Ready when nothing is added to the log any more.
    ended: Option<BoxFuture<'static, ()>>,
    done: bool,
    failed: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<LogChunk, ExecutorError>> {
        if self.failed {
            return None;
        }
        while !self.done {
            match self.read() {
                Ok(Some(chunk)) => return Some(Ok(chunk)),
                Ok(None) => self.grown_or_ended().await,
                Err(error) => return Some(Err(io(format!("reading the log of the step {}", self.key))(error))),
            }
        }
        // What came between the last look and the end.
        self.read().map_err(io(format!("reading the log of the step {}", self.key))).transpose()
    }

    /// Waits until there may be more to read; sets `done` once the log is final.
    async fn grown_or_ended(&mut self) {
        let Some(watched) = &self.watched else {
            // It may have grown before it was watched: look again at once.
            self.watched = Some(self.shared.watcher.watch(self.folder.path()));
            return;
        };
        let (shared, key) = (Arc::clone(&self.shared), self.key.clone());
        let ended = self.ended.get_or_insert_with(|| {
            // How it ended is for `wait` to tell; here it only matters that it did.
            Box::pin(async move { drop(shared.ended(&key).await) })
        });
        tokio::select! {
            biased;
            () = watched.changed() => {}
            () = ended => self.done = true,
            () = self.shared.moment() => self.watched = self.watched.take().filter(Watched::works),
        }
    }

    fn read(&mut self) -> io::Result<Option<LogChunk>> {
        let offset = self.offset;
        let Some(file) = self.open()? else { return Ok(None) };
        let there = file.metadata()?.len().saturating_sub(offset);
        if there == 0 {
            return Ok(None);
        }
        let size = usize::try_from(there.min(LARGEST)).unwrap_or(usize::MAX);
        let mut buffer = vec![0; size];
        let read = file.read_at(&mut buffer, offset)?;
        buffer.truncate(read);
        if read == 0 {
            return Ok(None);
        }
        self.offset += read as u64;
        Ok(Some(LogChunk { offset, bytes: Bytes::from(buffer) }))
    }

    fn open(&mut self) -> io::Result<Option<&File>> {
        if self.file.is_none() {
            match File::open(self.folder.log()) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.file.as_ref())
    }
}
