//! Writing one log: masked, bounded, and durable when asked.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::LogError;
use super::index::{ChunkTime, IndexWriter};
use super::mask::Masker;
use super::position::{Appended, LogPosition};
use super::segment::{self, Segment};
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
        let (index, last) = IndexWriter::recover(&files.folder, files.end)?;
        let known = last.map_or(ChunkTime { offset: 0, line: 0, at: Timestamp::UNIX_EPOCH }, |last| last);
        let (lines, last_byte) = count_lines(&files.folder, known, files.end)?;
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
        self.note_time(at)?;
        let before = self.gathered.len();
        self.masker.mask(raw, &mut self.gathered);
        self.after_masking(before, room)
    }

    /// Makes durable what was appended. The caller then commits what is reported; `None` when there is nothing new.
    pub fn sync(&mut self) -> Result<Option<Appended>, LogError> {
        self.write_gathered()?;
        self.index.write()?;
        if self.files.end == self.synced.stored {
            return Ok(None);
        }
        failpoint::crash("log.written");
        self.files.sync()?;
        failpoint::crash("log.synced");
        Ok(Some(self.report()))
    }

    /// The raw log is over: stores what the masker held back, and syncs. The reported source is the raw log's length.
    pub fn finish(&mut self, at: Timestamp) -> Result<Option<Appended>, LogError> {
        if !self.cut && self.masker.held() > 0 {
            self.note_time(at)?;
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
        self.files.end + self.gathered.len() as u64
    }

    fn source(&self) -> u64 {
        if self.cut { self.taken } else { self.taken - self.masker.held() as u64 }
    }

    fn report(&mut self) -> Appended {
        let appended = Appended { from: self.synced.stored, to: self.files.end, source: self.source() };
        self.synced = appended.position();
        appended
    }

    fn note_time(&mut self, at: Timestamp) -> Result<(), LogError> {
        self.index.add(ChunkTime { offset: self.end(), line: self.lines, at })
    }

    fn write_through(&mut self, raw: &[u8], at: Timestamp) -> Result<(), LogError> {
        self.note_time(at)?;
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
            .field("folder", &self.files.folder)
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

/// The segments being written.
#[derive(Debug)]
struct Files {
    folder: PathBuf,
    segment_bytes: u64,
    /// The offset after the last byte written.
    end: u64,
    current: Option<Current>,
    /// Folders whose entries are not yet durable.
    new_entries: Vec<PathBuf>,
}

#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    start: u64,
}

impl Files {
    /// Checks that what was committed is there, and removes what lies beyond.
    fn recover(folder: PathBuf, segment_bytes: u64, committed: u64) -> Result<Self, LogError> {
        let segments = segment::list(&folder)?;
        segment::check_complete(&folder, &segments, committed)?;
        let mut end = committed;
        if failpoint::bug("log.skip-truncate") {
            end = segments.last().map_or(committed, Segment::end);
        }
        let mut files = Self { folder, segment_bytes, end, current: None, new_entries: Vec::new() };
        for segment in &segments {
            if segment.start >= end {
                fs::remove_file(&segment.path).map_err(|error| LogError::from_io(&segment.path, "removing", &error))?;
                files.new_entries = vec![files.folder.clone()];
            } else if segment.end() >= end {
                files.take_up(segment)?;
            }
        }
        Ok(files)
    }

    fn take_up(&mut self, segment: &Segment) -> Result<(), LogError> {
        let opened = OpenOptions::new().append(true).open(&segment.path).and_then(|file| {
            if segment.end() > self.end {
                file.set_len(self.end - segment.start)?;
            }
            Ok(file)
        });
        let file = opened.map_err(|error| LogError::from_io(&segment.path, "taking up", &error))?;
        self.current = Some(Current { file, path: segment.path.clone(), start: segment.start });
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), LogError> {
        while !bytes.is_empty() {
            let segment_bytes = self.segment_bytes;
            let end = self.end;
            let current = self.with_room()?;
            let room = segment_bytes.saturating_sub(end - current.start);
            let part = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(part);
            current.file.write_all(now).map_err(|error| LogError::from_io(&current.path, "writing", &error))?;
            self.end += part as u64;
            bytes = later;
        }
        Ok(())
    }

    /// The segment to write to: the next one when this one is full.
    fn with_room(&mut self) -> Result<&mut Current, LogError> {
        let current = match self.current.take() {
            Some(current) if self.end - current.start < self.segment_bytes => current,
            Some(full) => {
                sync_file(&full)?;
                self.begin_segment()?
            }
            None => self.begin_segment()?,
        };
        Ok(self.current.insert(current))
    }

    fn begin_segment(&mut self) -> Result<Current, LogError> {
        let (folder, start) = (self.folder.clone(), self.end);
        if start == 0 {
            self.make_folder(&folder)?;
        }
        let path = segment::path(&folder, start);
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path);
        let file = file.map_err(|error| LogError::from_io(&path, "making", &error))?;
        self.new_entries.push(folder);
        Ok(Current { file, path, start })
    }

    /// Makes the folder and those above it, and notes which ones have to be flushed.
    fn make_folder(&mut self, folder: &Path) -> Result<(), LogError> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.make_folder(parent)?;
            self.new_entries.push(parent.to_path_buf());
        }
        match fs::create_dir(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(LogError::from_io(folder, "making", &error))
            }
            _ => Ok(()),
        }
    }

    fn sync(&mut self) -> Result<(), LogError> {
        if let Some(current) = &self.current {
            sync_file(current)?;
        }
        for folder in self.new_entries.drain(..) {
            let synced = File::open(&folder).and_then(|folder| folder.sync_all());
            synced.map_err(|error| LogError::from_io(&folder, "flushing", &error))?;
        }
        Ok(())
    }
}

fn sync_file(current: &Current) -> Result<(), LogError> {
    current.file.sync_data().map_err(|error| LogError::from_io(&current.path, "flushing", &error))
}
