//! Writing one log: masked, bounded, and durable when asked.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::LogError;
use super::files::Files;
use super::index::{ChunkTime, IndexWriter};
use super::mask::Masker;
use super::position::{Appended, LogPosition};
use super::segment;
use crate::failpoint;

/// Small pieces are gathered up to this size; larger ones go to the disk as they are.
const GATHERED: usize = 256 << 10;

/// How much of a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// The number of bytes after which the log is cut. One more line then says so.
    pub bytes: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { bytes: 1 << 30 }
    }
}

/// Writes the log of one attempt. Everything in it blocks.
///
/// After an error it must be dropped, and the log taken up again from the last committed position.
pub struct LogWriter {
    files: Files,
    index: IndexWriter,
    masker: Box<dyn Masker>,
    limits: LogLimits,
    cut: bool,
    /// Masked bytes that are not yet in a file.
    gathered: Vec<u8>,
    /// Line ends before `gathered`, and the last byte before its end.
    lines: u64,
    last_byte: Option<u8>,
    /// How much of the raw log was taken.
    taken: u64,
    /// What the last `sync` reported.
    synced: LogPosition,
}

impl LogWriter {
    pub(super) fn open(
        folder: PathBuf,
        segment_bytes: u64,
        committed: LogPosition,
        masker: Box<dyn Masker>,
        limits: LogLimits,
    ) -> Result<Self, LogError> {
        let files = Files::recover(folder, segment_bytes, committed.stored)?;
        let (index, last) = IndexWriter::recover(files.folder(), files.end())?;
        let known = last.map_or(ChunkTime { offset: 0, line: 0, at: Timestamp::UNIX_EPOCH }, |last| last);
        let (lines, last_byte) = count_lines(files.folder(), known, files.end())?;
        Ok(Self {
            files,
            index,
            masker,
            limits,
            cut: committed.stored > limits.bytes,
            gathered: Vec::new(),
            lines,
            last_byte,
            taken: committed.source,
            synced: committed,
        })
    }

    /// Takes the next bytes of the raw log, which came at this moment.
    pub fn append(&mut self, raw: &[u8], at: Timestamp) -> Result<(), LogError> {
        self.taken += raw.len() as u64;
        if self.cut || raw.is_empty() {
            return Ok(());
        }
        let room = self.limits.bytes.saturating_sub(self.end());
        if self.masker.passes_everything()
            && self.gathered.is_empty()
            && raw.len() >= GATHERED
            && raw.len() as u64 <= room
        {
            return self.write_through(raw, at);
        }
        self.note_time(at);
        let before = self.gathered.len();
        self.masker.mask(raw, &mut self.gathered);
        self.after_masking(before, room)
    }

    /// Adds a line that is not of the raw log, on a line of its own. To be called before the raw log's first byte, or after
    /// its end: the masker must hold nothing back.
    pub fn note(&mut self, line: &str, at: Timestamp) -> Result<(), LogError> {
        if self.cut {
            return Ok(());
        }
        self.note_time(at);
        let line_end = if self.last_byte.is_none_or(|byte| byte == b'\n') { "" } else { "\n" };
        let room = self.limits.bytes.saturating_sub(self.end());
        let before = self.gathered.len();
        self.masker.mask(format!("{line_end}[windlass] {line}\n").as_bytes(), &mut self.gathered);
        self.masker.finish(&mut self.gathered);
        self.after_masking(before, room)
    }

    /// Makes durable what was appended. The caller then commits what is reported; `None` when there is nothing new.
    pub fn sync(&mut self) -> Result<Option<Appended>, LogError> {
        self.write_gathered()?;
        if self.files.end() == self.synced.stored {
            return Ok(None);
        }
        self.index.write()?;
        failpoint::crash("log.written");
        self.files.sync()?;
        failpoint::crash("log.synced");
        Ok(Some(self.report()))
    }

    /// The raw log is over: stores what the masker held back, and syncs. The reported source is the raw log's length.
    pub fn finish(&mut self, at: Timestamp) -> Result<Option<Appended>, LogError> {
        if !self.cut && self.masker.held() > 0 {
            self.note_time(at);
            let room = self.limits.bytes.saturating_sub(self.end());
            let before = self.gathered.len();
            self.masker.finish(&mut self.gathered);
            self.after_masking(before, room)?;
        }
        match self.sync()? {
            Some(appended) => Ok(Some(appended)),
            None if self.source() != self.synced.source => Ok(Some(self.report())),
            None => Ok(None),
        }
    }

    /// The limit in bytes, once it was reached and the log was cut.
    pub fn truncated(&self) -> Option<u64> {
        self.cut.then_some(self.limits.bytes)
    }

    /// What the last `sync` reported; at the beginning the committed position.
    pub fn position(&self) -> LogPosition {
        self.synced
    }

    /// The length of the log with what is gathered.
    fn end(&self) -> u64 {
        self.files.end() + self.gathered.len() as u64
    }

    fn source(&self) -> u64 {
        if self.cut { self.taken } else { self.taken - self.masker.held() as u64 }
    }

    fn report(&mut self) -> Appended {
        let appended = Appended { from: self.synced.stored, to: self.files.end(), source: self.source() };
        self.synced = appended.position();
        appended
    }

    fn note_time(&mut self, at: Timestamp) {
        self.index.add(ChunkTime { offset: self.end(), line: self.lines, at });
    }

    fn write_through(&mut self, raw: &[u8], at: Timestamp) -> Result<(), LogError> {
        self.note_time(at);
        (self.lines, self.last_byte) = count((self.lines, self.last_byte), raw);
        self.files.write(raw)
    }

    /// Counts what the masker added to `gathered`, and cuts it where there is no room for it.
    fn after_masking(&mut self, before: usize, room: u64) -> Result<(), LogError> {
        let fits = before.saturating_add(usize::try_from(room).unwrap_or(usize::MAX));
        let cut = self.gathered.len() > fits;
        self.gathered.truncate(fits);
        (self.lines, self.last_byte) = count((self.lines, self.last_byte), &self.gathered[before..]);
        if cut {
            self.cut = true;
            let notice = notice(self.limits.bytes, self.last_byte);
            self.gathered.extend_from_slice(notice.as_bytes());
        }
        if self.gathered.len() >= GATHERED { self.write_gathered() } else { Ok(()) }
    }

    fn write_gathered(&mut self) -> Result<(), LogError> {
        if !self.gathered.is_empty() {
            self.files.write(&self.gathered)?;
            self.gathered.clear();
        }
        Ok(())
    }
}

impl std::fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogWriter")
            .field("folder", &self.files.folder())
            .field("synced", &self.synced)
            .finish_non_exhaustive()
    }
}

/// Line ends so far and the last byte, after more bytes.
fn count((lines, last_byte): (u64, Option<u8>), bytes: &[u8]) -> (u64, Option<u8>) {
    (lines + memchr::memchr_iter(b'\n', bytes).count() as u64, bytes.last().copied().or(last_byte))
}

/// The last line of a log that was cut, on a line of its own.
fn notice(limit: u64, last_byte: Option<u8>) -> String {
    let line_end = if last_byte.is_none_or(|byte| byte == b'\n') { "" } else { "\n" };
    format!("{line_end}[windlass] log cut at {limit} bytes, the limit for one attempt; the rest is not kept\n")
}

/// Line ends and the last byte before `end`, counted from an entry of the index on.
fn count_lines(folder: &Path, known: ChunkTime, end: u64) -> Result<(u64, Option<u8>), LogError> {
    let (mut at, mut counted) = (known.offset, (known.line, None));
    while at < end {
        let bytes = segment::read(folder, at, GATHERED.min((end - at) as usize))?;
        if bytes.is_empty() {
            break;
        }
        counted = count(counted, &bytes);
        at += bytes.len() as u64;
    }
    Ok(counted)
}
