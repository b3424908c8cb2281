//! Copies a step's raw log into the stored one: written, synced, and then told to the driver, which commits the offset.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::core::{Core, Hold};
use super::filing::Notes;
use super::masking::GrowingMasker;
use super::message::Message;
use super::step::LOG_PAUSE;
use super::told::Listener;
use crate::executor::ExecutorError;
use crate::log::{Appended, LogError, LogPosition, LogWriter, Masker};
use crate::pipeline::TaskIndex;
use crate::run::{Input, StepKey};
use crate::secret::Masks;

/// One log on its way.
pub(super) struct LogPump {
    core: Arc<Core>,
    hold: Arc<Hold>,
    key: StepKey,
    task: TaskIndex,
    sender: mpsc::Sender<Message>,
    committed: LogPosition,
    /// What must not get into the stored log.
    masks: Masks,
    /// What is told of the step beside its log.
    told: Option<Listener>,
    /// Made with the first byte, so that silent steps cost nothing.
    writer: Option<LogWriter>,
    /// The beginning of a character whose end has not been read yet: pieces of log end between characters.
    partial: BytesMut,
    /// How far the raw log has been read.
    read: u64,
    truncation_said: bool,
    /// Whether the raw log can be read again from any offset after a crash. That of an action lives in memory only.
    replayable: bool,
}

impl LogPump {
    pub(super) fn new(
        core: &Arc<Core>,
        hold: Arc<Hold>,
        key: StepKey,
        task: TaskIndex,
        committed: LogPosition,
        sender: mpsc::Sender<Message>,
    ) -> Self {
        let read = if crate::failpoint::bug("log.forget-source") { 0 } else { committed.source };
        Self {
            core: core.clone(),
            hold,
            key,
            task,
            sender,
            committed,
            masks: Masks::default(),
            told: None,
            writer: None,
            partial: BytesMut::new(),
            read,
            truncation_said: false,
            replayable: true,
        }
    }

    /// Masks what is known here, now or later.
    #[must_use]
    pub(super) fn masking(mut self, masks: Masks) -> Self {
        self.masks = masks;
        self
    }

    /// Hears what is told of the step.
    #[must_use]
    pub(super) fn hearing(mut self, told: Option<Listener>) -> Self {
        self.told = told;
        self
    }

    /// The next thing that is told of the step beside its log, for [`note`](Notes::note). Never returns when there is none.
    pub(super) async fn hear(&mut self) -> String {
        match &mut self.told {
            Some(told) => told.next().await,
            None => std::future::pending().await,
        }
    }

    /// Writes what was told already.
    pub(super) async fn note_told(&mut self) {
        while let Some(line) = self.told.as_mut().and_then(Listener::ready) {
            self.note(line).await;
        }
    }

    /// Whether nothing of the log is committed yet.
    pub(super) fn is_new(&self) -> bool {
        self.committed == LogPosition::default()
    }

    /// For a raw log of which nothing is left after a crash: the committed source is the length of the stored log then, from
    /// which the next engine counts on.
    #[must_use]
    pub(super) fn without_source(mut self) -> Self {
        self.replayable = false;
        self.read = self.committed.source;
        self
    }

    /// The offset in the raw log below which nothing is asked for again.
    pub(super) fn saved(&self) -> u64 {
        if self.truncation_said { self.read } else { self.committed.source }
    }

    /// The offset in the raw log from which to read.
    pub(super) fn source(&self) -> u64 {
        self.read
    }

    /// Takes a chunk of the raw log; chunks that overlap what was read are cut.
    pub(super) async fn push(&mut self, offset: u64, mut bytes: Bytes) -> Result<(), CopyError> {
        if offset > self.read {
            return Err(CopyError::Executor(ExecutorError::Infrastructure {
                code: "logGap",
                message: format!("the log of {} goes on at byte {offset}, after byte {}", self.key, self.read),
                advice: "Something removed a part of the raw log while the step ran. Run the task again.".to_owned(),
            }));
        }
        let known = usize::try_from(self.read - offset).unwrap_or(usize::MAX).min(bytes.len());
        let _ = bytes.split_to(known);
        if bytes.is_empty() {
            return Ok(());
        }
        self.read += bytes.len() as u64;
        let piece = self.whole_characters(bytes);
        Ok(self.write(Written::Raw(piece)).await?)
    }

    /// Throws away what an earlier engine stored and did not commit, when nothing of it will come again.
    pub(super) async fn cut_back(&mut self) -> Result<(), LogError> {
        let (logs, key) = (self.core.archive.logs.clone(), self.key.clone());
        let busy = self.core.clock.busy();
        let length = tokio::task::spawn_blocking(move || logs.length(&key)).await;
        drop(busy);
        // A writer that takes the log up where it was committed cuts it back.
        match length {
            Ok(Ok(length)) if length <= self.committed.stored => Ok(()),
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => self.write(Written::Raw(Bytes::new())).await,
        }
    }

    /// Writes what is held back. To be called at the end of the log.
    pub(super) async fn finish(&mut self) -> Result<(), CopyError> {
        let rest = std::mem::take(&mut self.partial).freeze();
        if self.writer.is_none() && rest.is_empty() {
            return Ok(());
        }
        Ok(self.write(Written::Last(rest)).await?)
    }

    /// Goes back to what is committed, after something failed: the raw log is read again from there.
    pub(super) fn rewind(&mut self) {
        self.writer = None;
        self.partial.clear();
        // What came after the cut is not kept, and need not be kept in memory either.
        if self.replayable || !self.truncation_said {
            self.read = self.committed.source;
        }
    }

    /// What was held back and the new bytes, without a cut character at the end.
    fn whole_characters(&mut self, bytes: Bytes) -> Bytes {
        let cut = incomplete_tail(&bytes);
        let (whole, tail) = bytes.split_at(bytes.len() - cut);
        if self.partial.is_empty() {
            let piece = bytes.slice(..whole.len());
            self.partial.extend_from_slice(tail);
            return piece;
        }
        self.partial.extend_from_slice(whole);
        let piece = std::mem::take(&mut self.partial).freeze();
        self.partial.extend_from_slice(tail);
        piece
    }

    /// Writes and syncs on a blocking thread, then tells the driver.
    async fn write(&mut self, what: Written) -> Result<(), LogError> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let limits = self.core.log_limits;
                let masker: Box<dyn Masker> = Box::new(GrowingMasker::new(self.masks.clone()));
                self.core.archive.logs.writer(&self.key, self.committed, masker, limits)?
            }
        };
        let at = self.core.clock.now().wall;
        let hold = self.hold.clone();
        let job = move || -> (LogWriter, Result<Option<Appended>, LogError>) {
            let (done, last) = match &what {
                Written::Raw(bytes) => (writer.append(bytes, at), false),
                Written::Last(bytes) => (writer.append(bytes, at), true),
                Written::Note(line) => (writer.note(line, at), false),
            };
            let done = match done {
                Ok(()) if last => writer.finish(at),
                Ok(()) => writer.sync(),
                Err(error) => Err(error),
            };
            drop(hold);
            (writer, done)
        };
        let _busy = self.core.clock.busy();
        let (writer, done) = match tokio::task::spawn_blocking(job).await {
            Ok(done) => done,
            Err(error) => {
                let doing = format!("the log of {} was being written", self.key);
                return Err(LogError::Io { doing, why: error.to_string() });
            }
        };
        let truncated = writer.truncated();
        self.writer = Some(writer);
        if let Some(Appended { from, to, source }) = done?.filter(|appended| self.is_news(appended)) {
            self.committed = LogPosition { source, stored: to };
            let source = if self.replayable { source } else { to };
            self.tell(|task, attempt| Input::LogAppended { task, attempt, from, to, source }).await;
        }
        if let Some(limit) = truncated.filter(|_| !self.truncation_said) {
            self.truncation_said = true;
            self.tell(|task, attempt| Input::LogTruncated { task, attempt, limit }).await;
        }
        Ok(())
    }

    /// Whether it has to be committed: stored bytes, or an offset from which the raw log is read again.
    fn is_news(&self, appended: &Appended) -> bool {
        self.replayable || appended.from < appended.to
    }

    async fn tell(&mut self, input: impl FnOnce(TaskIndex, u32) -> Input) {
        let _ = self.sender.send(Message::Input(input(self.task, self.key.attempt))).await;
    }
}

/// What is written to a stored log.
enum Written {
    /// A piece of the raw log.
    Raw(Bytes),
    /// The end of the raw log.
    Last(Bytes),
    /// A line of the engine's own.
    Note(String),
}

#[async_trait]
impl Notes for LogPump {
    async fn note(&mut self, line: String) {
        while let Err(error) = self.write(Written::Note(line.clone())).await {
            tracing::warn!(step = %self.key, %error, "the log waits until it can be written");
            self.rewind();
            self.core.clock.sleep_until(self.core.clock.now().elapsed + LOG_PAUSE).await;
        }
    }
}

/// Why a log could not be copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// The raw log could not be read.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The stored log could not be written; it can be tried again from what is committed.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// How many bytes at the end are the beginning of a UTF-8 character that is not complete. 0 for bytes that are no text.
fn incomplete_tail(bytes: &[u8]) -> usize {
    let look = bytes.len().min(3);
    for back in 1..=look {
        let byte = bytes[bytes.len() - back];
        let length = match byte {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if length > back { back } else { 0 };
    }
    0
}
