//! The log of an action: from memory to the disk, and then to the driver.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use tokio::sync::oneshot;

use super::core::Core;
use super::filing::Notes;
use super::log_pump::{CopyError, LogPump};
use super::step::LOG_PAUSE;
use crate::action::LogPieces;
use crate::executor::ExecutorError;
use crate::log::LogError;
use crate::run::{LogPosition, StepKey};

#[async_trait]
impl Notes for ActionLogCopy {
    async fn note(&mut self, line: String) {
        // Whoever logs may have left off in the middle of a line.
        let line_end = if self.last_byte.is_none_or(|byte| byte == b'\n') { "" } else { "\n" };
        let line = format!("{line_end}[windlass] {line}\n");
        if let Err(error) = self.add(line.into()).await {
            tracing::warn!(attempt = %self.key, %error, "a line of the engine is missing in the log");
        }
    }
}

/// Brings what an action logs to the disk. What is not committed yet is kept here: there is no raw log from which it could be
/// read again.
pub(super) struct ActionLogCopy {
    core: Arc<Core>,
    key: StepKey,
    pump: LogPump,
    unsaved: VecDeque<(u64, Bytes)>,
    /// The offset after everything that was logged.
    end: u64,
    /// What was logged last by this engine.
    last_byte: Option<u8>,
}

impl ActionLogCopy {
    pub(super) fn new(core: &Arc<Core>, key: StepKey, pump: LogPump) -> Self {
        let end = pump.source();
        Self { core: core.clone(), key, pump, unsaved: VecDeque::new(), end, last_byte: None }
    }

    /// Throws away what an earlier engine stored and did not commit: nobody can log it again as it was.
    pub(super) async fn cut_back(&mut self) {
        while let Err(error) = self.pump.cut_back().await {
            self.wait_for_the_disk(&error).await;
        }
    }

    /// Says in the log of an attempt that an earlier engine began that it begins again, on a line of its own.
    pub(super) async fn begin_again(&mut self, position: LogPosition) -> Result<(), ExecutorError> {
        if position.stored == 0 {
            return Ok(());
        }
        let _busy = self.core.clock.busy();
        let last = self.core.archive.log_bytes(self.key.clone(), position.stored - 1, 1).await;
        let line_end = if last.is_ok_and(|last| *last == *b"\n") { "" } else { "\n" };
        let line = format!("{line_end}[windlass] the engine was restarted; the action begins again\n");
        self.add(line.into()).await
    }

    /// Copies until the call is over and everything that it logged is safe.
    pub(super) async fn copy(
        &mut self,
        mut pieces: LogPieces,
        over: oneshot::Receiver<()>,
    ) -> Result<(), ExecutorError> {
        let mut over = over.fuse();
        loop {
            tokio::select! {
                biased;
                piece = pieces.next() => match piece {
                    Some(piece) => self.add(piece).await?,
                    None => return self.save(true).await,
                },
                _ = &mut over => pieces.close(),
            }
        }
    }

    async fn add(&mut self, piece: Bytes) -> Result<(), ExecutorError> {
        let offset = self.end;
        self.end += piece.len() as u64;
        self.last_byte = piece.last().copied().or(self.last_byte);
        self.unsaved.push_back((offset, piece));
        self.save(false).await
    }

    /// Makes everything safe. A disk that refuses is waited for, and the action with it once it has logged too much.
    async fn save(&mut self, last: bool) -> Result<(), ExecutorError> {
        loop {
            match self.push(last).await {
                Ok(()) => {
                    let saved = self.pump.saved();
                    self.unsaved.retain(|(offset, bytes)| offset + bytes.len() as u64 > saved);
                    return Ok(());
                }
                Err(CopyError::Executor(error)) => return Err(error),
                Err(CopyError::Log(error)) => self.wait_for_the_disk(&error).await,
            }
        }
    }

    async fn wait_for_the_disk(&mut self, error: &LogError) {
        tracing::warn!(attempt = %self.key, %error, "the log waits until it can be written");
        self.pump.rewind();
        self.core.clock.sleep_until(self.core.clock.now().elapsed + LOG_PAUSE).await;
    }

    async fn push(&mut self, last: bool) -> Result<(), CopyError> {
        for (offset, bytes) in &self.unsaved {
            self.pump.push(*offset, bytes.clone()).await?;
        }
        if last { self.pump.finish().await } else { Ok(()) }
    }
}
