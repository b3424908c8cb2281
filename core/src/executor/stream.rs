//! Between streams and what blocks: an archive is made and read on threads that may wait.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes};
use futures::{Future, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Pieces on their way: a slow reader does not fill the memory.
const QUEUE: usize = 8;

/// Something that a blocking thread writes to, and the stream of what it writes. Writing to it fails once nobody listens.
pub(crate) fn outlet<E: Send + 'static>() -> (Outlet<E>, impl Stream<Item = Result<Bytes, E>> + Send + 'static) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Outlet(sender), ReceiverStream::new(receiver))
}

/// See [`outlet`].
pub(crate) struct Outlet<E>(pub(crate) mpsc::Sender<Result<Bytes, E>>);

impl<E> Clone for Outlet<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> Outlet<E> {
    /// Ends the stream with an error. Nobody listens any more, or everybody hears it.
    pub(crate) fn fail(&self, error: E) {
        let _ = self.0.blocking_send(Err(error));
    }

    /// The same where nothing may block.
    pub(crate) async fn give_up(self, error: E) {
        let _ = self.0.send(Err(error)).await;
    }
}

impl<E> Write for Outlet<E> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream as something that a blocking thread reads, and the future that feeds it.
pub(crate) fn pipe<S, E>(mut stream: S) -> (impl Future<Output = Result<(), E>>, Inlet)
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let (sender, receiver) = mpsc::channel(QUEUE);
    let feed = async move {
        while let Some(piece) = stream.next().await {
            let piece = match piece {
                Ok(piece) => Ok(piece),
                Err(error) => {
                    // The reader must not take what it has for the whole.
                    let _ = sender.send(Err(io::ErrorKind::UnexpectedEof.into())).await;
                    return Err(error);
                }
            };
            if sender.send(piece).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    (feed, Inlet { receiver, piece: Bytes::new() })
}

/// See [`pipe`].
pub(crate) struct Inlet {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Inlet {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let size = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..size]);
        Ok(size)
    }
}
