//! The log of an action on its way to whoever stores it.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

/// No piece is longer than this.
const PIECE: usize = 64 * 1024;
/// So many pieces may wait. Who logs faster than the disk takes it waits as well: there is no other copy of it.
const WAITING: usize = 64;

/// Where an action logs to.
#[derive(Clone, Debug)]
pub(crate) struct ActionLog {
    sender: mpsc::Sender<Bytes>,
}

/// What an action has logged, in order.
#[derive(Debug)]
pub(crate) struct LogPieces {
    receiver: mpsc::Receiver<Bytes>,
}

impl ActionLog {
    pub(crate) fn new() -> (Self, LogPieces) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender }, LogPieces { receiver })
    }

    /// Waits for room. After the end of the attempt nobody listens any more.
    pub(super) async fn send(&self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            let _ = self.sender.send(Bytes::copy_from_slice(piece)).await;
        }
    }

    /// The same for threads that may block.
    pub(super) fn blocking_send(&self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            let _ = self.sender.blocking_send(Bytes::copy_from_slice(piece));
        }
    }
}

impl LogPieces {
    /// What has come, in one piece; `None` at the end. May be given up while it waits.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let first = self.receiver.recv().await?;
        let Ok(second) = self.receiver.try_recv() else { return Some(first) };
        let mut gathered = BytesMut::from(first);
        gathered.extend_from_slice(&second);
        while let Ok(piece) = self.receiver.try_recv() {
            gathered.extend_from_slice(&piece);
        }
        Some(gathered.freeze())
    }

    /// Takes nothing more; what was sent before still comes.
    pub(crate) fn close(&mut self) {
        self.receiver.close();
    }
}
