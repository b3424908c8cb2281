//! Following a log as it grows.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::host::{Output, Streams};
use super::link::Told;
use super::protocol::{Frame, Unframer};
use super::{Inner, Patience};
use crate::executor::{ExecutorError, LogChunk};
use crate::run::StepKey;

/// The most that the launcher is asked for at once. Whoever has more gets a launcher of its own.
const MOST: u64 = 256 * 1024;
/// The pauses between two looks at a log that does not grow, and the last of them.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(50);
/// Pieces that are read ahead while earlier ones are stored. Engines send pieces of about 32 KiB.
const AHEAD: usize = 128;

type Logs = BoxStream<'static, Result<LogChunk, ExecutorError>>;

pub(super) fn follow(inner: Arc<Inner>, key: StepKey, from: u64) -> Logs {
    let slug = key.slug();
    let follower = Follower { inner, slug, offset: from, pause: FIRST_PAUSE, asked: false, pouring: None, last: false };
    stream::unfold(follower, |mut follower| async move {
        let item = follower.next().await?;
        follower.last |= item.is_err();
        Some((item, follower))
    })
    .boxed()
}

struct Follower {
    inner: Arc<Inner>,
    slug: String,
    offset: u64,
    pause: Duration,
    /// Whether the launcher was asked for the log.
    asked: bool,
    /// A launcher of its own, which sends without being asked.
    pouring: Option<Pouring>,
    last: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<LogChunk, ExecutorError>> {
        while !self.last {
            let frame = match self.frame().await {
                Ok(frame) => frame,
                Err(error) => return Some(Err(error)),
            };
            self.last = frame.last;
            if frame.bytes.is_empty() {
                continue;
            }
            self.pause = FIRST_PAUSE;
            let chunk = LogChunk { offset: self.offset, bytes: frame.bytes };
            self.offset += chunk.bytes.len() as u64;
            return Some(Ok(chunk));
        }
        None
    }

    async fn frame(&mut self) -> Result<Frame, ExecutorError> {
        if let Some(pouring) = &mut self.pouring {
            match pouring.next().await {
                Some(frame) => return Ok(frame),
                // Its connection broke: what it did not send is asked for.
                None => self.pouring = None,
            }
        }
        if !std::mem::replace(&mut self.asked, true) {
            self.settle().await;
        }
        if let Some(frame) = self.known_end().await {
            return Ok(frame);
        }
        let (slug, offset) = (self.slug.clone(), self.offset);
        let frame = self.inner.fetch(|id| format!("frame {id} {slug} {offset} {MOST}\n"), Patience::Endless).await?;
        if frame.bytes.is_empty() && !frame.last {
            self.rest().await;
        }
        if frame.bytes.len() as u64 == MOST && !frame.last {
            let from = offset + MOST;
            self.pouring = Pouring::open(&self.inner, &slug, from).await;
        }
        Ok(frame)
    }

    /// The end of a log that needs no question, since everything was read already.
    async fn known_end(&mut self) -> Option<Frame> {
        let link = self.inner.link.lock().await.clone()?;
        match link.told(&self.slug) {
            Told::Ended(ended) if ended.log_length <= self.offset => {
                Some(Frame { id: 0, bytes: bytes::Bytes::new(), last: true })
            }
            _ => None,
        }
    }

    /// A step that was started just now has often ended when its log could be asked for, and then its end says whether there is
    /// any: short steps need no question.
    async fn settle(&mut self) {
        let link = self.inner.link.lock().await.clone();
        if link.is_some_and(|link| link.told(&self.slug) == Told::Going) {
            self.rest().await;
        }
    }

    /// Waits until there may be more.
    async fn rest(&mut self) {
        let link = self.inner.link.lock().await.clone();
        let told = async {
            match &link {
                Some(link) => {
                    let some_end = link.some_end();
                    if !matches!(link.told(&self.slug), Told::Ended(_)) {
                        some_end.await;
                    }
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = told => {}
            () = self.inner.pause(self.pause) => {}
        }
        self.pause = (self.pause * 2).min(LAST_PAUSE);
    }
}

/// A launcher that sends without being asked. What comes is read ahead, so that container and engine do not wait while a piece is
/// stored.
struct Pouring {
    pieces: mpsc::Receiver<Poured>,
    reader: AbortHandle,
}

enum Poured {
    Piece(Bytes),
    End,
}

impl Drop for Pouring {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Pouring {
    /// `None` when it cannot be opened; then the log is asked for piece by piece.
    async fn open(inner: &Inner, slug: &str, from: u64) -> Option<Self> {
        let mut streams = inner.host.exec(inner.place.launcher()).await.ok()?;
        let request = format!("{}stream {slug} {from}\n", inner.place.program());
        tokio::io::AsyncWriteExt::write_all(&mut streams.input, request.as_bytes()).await.ok()?;
        tokio::io::AsyncWriteExt::flush(&mut streams.input).await.ok()?;
        let (sender, pieces) = mpsc::channel(AHEAD);
        Some(Self { pieces, reader: tokio::spawn(pour(streams, sender)).abort_handle() })
    }

    /// All that is here, as soon as there is something.
    async fn next(&mut self) -> Option<Frame> {
        let mut poured = Vec::new();
        if self.pieces.recv_many(&mut poured, AHEAD).await == 0 {
            return None;
        }
        let last = matches!(poured.last(), Some(Poured::End));
        let mut pieces = poured.into_iter().filter_map(|poured| match poured {
            Poured::Piece(bytes) => Some(bytes),
            Poured::End => None,
        });
        let first = pieces.next().unwrap_or_default();
        let mut more = pieces.peekable();
        if more.peek().is_none() {
            return Some(Frame { id: 0, bytes: first, last });
        }
        let mut all = BytesMut::from(first);
        more.for_each(|piece| all.extend_from_slice(&piece));
        Some(Frame { id: 0, bytes: all.freeze(), last })
    }
}

/// Reads what a launcher sends, until it ends or its connection breaks.
async fn pour(mut streams: Streams, sender: mpsc::Sender<Poured>) {
    let mut unframer = Unframer::default();
    while let Some(Ok(output)) = streams.output.next().await {
        let Output::Out(bytes) = output else { continue };
        let mut pieces = Vec::new();
        let Ok(ended) = unframer.take(bytes, |piece| pieces.push(piece)) else { return };
        for piece in pieces {
            if sender.send(Poured::Piece(piece)).await.is_err() {
                return;
            }
        }
        if ended {
            let _ = sender.send(Poured::End).await;
            return;
        }
    }
}
