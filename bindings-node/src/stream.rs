//! Streams of the core as JavaScript pulls them: many events at once, so that 100,000 of them are not 100,000 turns of the event
//! loop, and never so many that one turn takes long.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use napi::bindgen_prelude::{Buffer, Result};
use napi_derive::napi;
use tokio::sync::{Mutex, mpsc};
use tokio::task::AbortHandle;
use windlass::executor::TarStream;
use windlass::{EngineEvents, EventStream, LogDownload, LogStream};

use crate::error::{guarded, json};

/// A batch ends when it has so many bytes: what JavaScript parses in about a millisecond.
const BATCH_BYTES: usize = 128 * 1024;
/// How many events wait for JavaScript at most; the core's stream is not read on meanwhile.
const WAITING: usize = 256;

/// Something that gives events one by one.
#[async_trait]
pub(crate) trait Source: Send + 'static {
    /// The next event as a line of JSON; `None` after the last one.
    async fn next_line(&mut self) -> windlass::Result<Option<String>>;
}

#[async_trait]
impl Source for EventStream {
    async fn next_line(&mut self) -> windlass::Result<Option<String>> {
        self.next().await?.map(|event| json(&event)).transpose()
    }
}

#[async_trait]
impl Source for EngineEvents {
    async fn next_line(&mut self) -> windlass::Result<Option<String>> {
        self.next().await?.map(|event| json(&event)).transpose()
    }
}

/// Events on their way to JavaScript.
#[napi]
pub struct NativeEvents {
    lines: Mutex<Lines>,
    pump: AbortHandle,
}

struct Lines {
    receiver: mpsc::Receiver<windlass::Result<String>>,
    /// What ended the stream, while the lines before it are still on their way.
    failed: Option<windlass::Error>,
}

impl NativeEvents {
    /// Begins to read the source. Inside the runtime only.
    pub(crate) fn of(source: impl Source) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let pump = tokio::spawn(pump(source, sender)).abort_handle();
        Self { lines: Mutex::new(Lines { receiver, failed: None }), pump }
    }
}

async fn pump(mut source: impl Source, sender: mpsc::Sender<windlass::Result<String>>) {
    while let Some(line) = source.next_line().await.transpose() {
        let failed = line.is_err();
        if sender.send(line).await.is_err() || failed {
            return;
        }
    }
}

#[napi]
impl NativeEvents {
    /// The next events as a JSON array; `null` after the last one.
    #[napi]
    pub async fn next(&self) -> Result<Option<String>> {
        guarded("follow", async { self.lines.lock().await.batch().await }).await
    }

    /// Ends the stream. Who waits for the next events gets `null`.
    #[napi]
    pub fn close(&self) {
        self.pump.abort();
    }
}

impl Drop for NativeEvents {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

impl Lines {
    async fn batch(&mut self) -> windlass::Result<Option<String>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let Some(first) = self.receiver.recv().await.transpose()? else { return Ok(None) };
        let mut batch = String::with_capacity(first.len() + 2);
        batch.push('[');
        batch.push_str(&first);
        while batch.len() < BATCH_BYTES
            && let Ok(next) = self.receiver.try_recv()
        {
            match next {
                Ok(line) => {
                    batch.push(',');
                    batch.push_str(&line);
                }
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        batch.push(']');
        Ok(Some(batch))
    }
}

/// Something that gives bytes piece by piece.
#[async_trait]
pub(crate) trait ByteSource: Send + 'static {
    /// The next piece; `None` after the last one.
    async fn next_piece(&mut self) -> windlass::Result<Option<Bytes>>;
}

#[async_trait]
impl ByteSource for LogStream {
    async fn next_piece(&mut self) -> windlass::Result<Option<Bytes>> {
        self.next().await
    }
}

#[async_trait]
impl ByteSource for LogDownload {
    async fn next_piece(&mut self) -> windlass::Result<Option<Bytes>> {
        self.next().await
    }
}

#[async_trait]
impl ByteSource for TarStream {
    async fn next_piece(&mut self) -> windlass::Result<Option<Bytes>> {
        Ok(futures::StreamExt::next(self).await.transpose()?)
    }
}

#[async_trait]
impl ByteSource for BoxStream<'static, windlass::Result<Bytes>> {
    async fn next_piece(&mut self) -> windlass::Result<Option<Bytes>> {
        futures::StreamExt::next(self).await.transpose()
    }
}

/// Bytes on their way to JavaScript.
#[napi]
pub struct NativeBytes {
    pieces: Mutex<mpsc::Receiver<windlass::Result<Bytes>>>,
    pump: AbortHandle,
}

/// How many pieces wait for JavaScript at most.
const WAITING_PIECES: usize = 4;

impl NativeBytes {
    /// Begins to read the source. Inside the runtime only.
    pub(crate) fn of(mut source: impl ByteSource) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_PIECES);
        let pump = tokio::spawn(async move {
            while let Some(piece) = source.next_piece().await.transpose() {
                let failed = piece.is_err();
                if sender.send(piece).await.is_err() || failed {
                    return;
                }
            }
        });
        Self { pieces: Mutex::new(receiver), pump: pump.abort_handle() }
    }
}

#[napi]
impl NativeBytes {
    /// The next piece; `null` after the last one.
    #[napi]
    pub async fn next(&self) -> Result<Option<Buffer>> {
        let piece = guarded("log", async { self.pieces.lock().await.recv().await.transpose() }).await?;
        Ok(piece.map(|piece| Buffer::from(piece.to_vec())))
    }

    /// Ends the stream. Who waits for the next piece gets `null`.
    #[napi]
    pub fn close(&self) {
        self.pump.abort();
    }
}

impl Drop for NativeBytes {
    fn drop(&mut self) {
        self.pump.abort();
    }
}
