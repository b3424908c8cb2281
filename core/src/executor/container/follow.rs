//! Following a log as it grows.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::host::{Output, Streams};
use super::link::Told;
use super::protocol::{self, Frame};
use super::{Inner, Patience};
use crate::executor::{ExecutorError, LogChunk};
use crate::run::StepKey;

/// The most that the launcher is asked for at once. Whoever has more gets a launcher of its own.
const MOST: u64 = 256 * 1024;
/// The pauses between two looks at a log that does not grow, and the last of them.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(50);

type Logs = BoxStream<'static, Result<LogChunk, ExecutorError>>;

pub(super) fn follow(inner: Arc<Inner>, key: StepKey, from: u64) -> Logs {
    let slug = key.slug();
    let follower = Follower { inner, slug, offset: from, pause: FIRST_PAUSE, pouring: None, last: false };
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

struct Pouring {
    streams: Streams,
    buffer: BytesMut,
}

impl Pouring {
    /// `None` when it cannot be opened; then the log is asked for piece by piece.
    async fn open(inner: &Inner, slug: &str, from: u64) -> Option<Self> {
        let mut streams = inner.host.exec(inner.place.launcher()).await.ok()?;
        let request = format!("{}stream {slug} {from}\n", inner.place.program());
        tokio::io::AsyncWriteExt::write_all(&mut streams.input, request.as_bytes()).await.ok()?;
        tokio::io::AsyncWriteExt::flush(&mut streams.input).await.ok()?;
        Some(Self { streams, buffer: BytesMut::new() })
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = protocol::frame(&mut self.buffer).ok()? {
                return Some(frame);
            }
            match self.streams.output.next().await? {
                Ok(Output::Out(bytes)) => self.buffer.extend_from_slice(&bytes),
                Ok(Output::Err(_)) => {}
                Err(_) => return None,
            }
        }
    }
}
