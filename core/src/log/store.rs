//! The folder with all logs.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::error::LogError;
use super::index::{self, ChunkTime};
use super::mask::Masker;
use super::pieces::LogPieces;
use super::position::LogPosition;
use super::query::Query;
use super::scan::Window;
use super::search::{LineMatch, LogSearch};
use super::segment::{self, Segment};
use super::writer::{LogLimits, LogWriter};
use crate::run::{RunId, StepKey};

/// The size of a segment.
const SEGMENT_BYTES: u64 = 16 << 20;
/// So much is read at once when a log is read backwards.
const STRIDE: u64 = 64 << 10;

/// Where the logs of all attempts are kept. Cheap to clone. Reading needs no owner: other processes may do it while the
/// log is written.
#[derive(Clone, Debug)]
pub struct LogStore {
    root: Arc<Path>,
    segment_bytes: u64,
}

impl LogStore {
    /// Logs in this folder, which is made with the first byte.
    pub fn new(root: PathBuf) -> Self {
        Self { root: root.into(), segment_bytes: SEGMENT_BYTES }
    }

    /// The same with segments of another size, for tests.
    #[cfg(test)]
    pub(super) fn with_segments_of(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// Begins the log of an attempt, or takes it up where it was committed. Whatever lies beyond that is thrown away: it
    /// comes again from the raw log. [`LogError::Damaged`] when committed bytes are missing. Blocks.
    ///
    /// The masker must be fresh, and the raw log is fed from `committed.source` on. At most one writer for a log at a time.
    pub fn writer(
        &self,
        key: &StepKey,
        committed: LogPosition,
        masker: Box<dyn Masker>,
        limits: LogLimits,
    ) -> Result<LogWriter, LogError> {
        LogWriter::open(self.folder(key), self.segment_bytes, committed, masker, limits)
    }

    /// The stored bytes from an offset on, at most `max`; fewer only at the end, none beyond it. What is not yet committed
    /// may be among them: who needs only that bounds `max`. Blocks.
    pub fn read(&self, key: &StepKey, from: u64, max: usize) -> Result<Bytes, LogError> {
        segment::read(&self.folder(key), from, max).map(Bytes::from)
    }

    /// The number of stored bytes; 0 when there is no log. Blocks.
    pub fn length(&self, key: &StepKey) -> Result<u64, LogError> {
        Ok(segment::list(&self.folder(key))?.last().map_or(0, Segment::end))
    }

    /// The last lines, as many as fit into `max_bytes`. When not even one fits, the end of it. Blocks.
    pub fn tail(&self, key: &StepKey, last_lines: usize, max_bytes: usize) -> Result<Vec<u8>, LogError> {
        let folder = self.folder(key);
        let length = self.length(key)?;
        let lowest = length.saturating_sub(max_bytes as u64);
        let (mut start, mut tail) = (length, Vec::new());
        while start > lowest && line_start(&tail, last_lines).is_none() {
            let before = start.saturating_sub(STRIDE).max(lowest);
            let mut more = segment::read(&folder, before, (start - before) as usize)?;
            more.append(&mut tail);
            (start, tail) = (before, more);
        }
        let cut = match line_start(&tail, last_lines) {
            Some(cut) => cut,
            // The first line is a part only; leave it out when there are others.
            None if start > 0 => whole_lines(&tail),
            None => 0,
        };
        Ok(tail.split_off(cut))
    }

    /// Where the last so many lines begin, however long they are. Blocks.
    #[cfg(any(test, feature = "cli"))]
    pub(crate) fn tail_start(&self, key: &StepKey, last_lines: usize) -> Result<u64, LogError> {
        let (folder, end) = (self.folder(key), self.length(key)?);
        let (mut at, mut left) = (end, last_lines);
        if left == 0 {
            return Ok(end);
        }
        while at > 0 {
            let before = at.saturating_sub(STRIDE);
            let bytes = segment::read(&folder, before, (at - before) as usize)?;
            // The end of the last line begins no other one.
            let last = bytes.len().saturating_sub(usize::from(at == end && bytes.ends_with(b"\n")));
            match memchr::memrchr_iter(b'\n', &bytes[..last]).nth(left - 1) {
                Some(line_end) => return Ok(before + line_end as u64 + 1),
                None => left -= memchr::memchr_iter(b'\n', &bytes[..last]).count(),
            }
            at = before;
        }
        Ok(0)
    }

    /// When the bytes from `from` to `to` came: the entry that covers `from`, and those after it up to `to`. Empty where
    /// nobody knows. Blocks.
    pub fn line_times(&self, key: &StepKey, from: u64, to: u64) -> Result<Vec<ChunkTime>, LogError> {
        let entries = index::read(&self.folder(key))?;
        let first = entries.partition_point(|entry| entry.offset <= from).saturating_sub(1);
        let end = entries.partition_point(|entry| entry.offset < to);
        Ok(entries.get(first..end).unwrap_or_default().to_vec())
    }

    /// The runs of which there is a folder with logs, in no order. Whatever else lies there is nobody's business. Blocks.
    pub fn runs(&self) -> Result<Vec<RunId>, LogError> {
        let failed = |error| LogError::from_io(&self.root, "listing", &error);
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            result => result.map_err(failed)?,
        };
        let mut runs = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let run = name.to_str().and_then(|text| text.parse::<RunId>().ok());
            // An id can be written in several ways, and only one of them is a folder of this store.
            runs.extend(run.filter(|run| run.to_string().as_str() == name));
        }
        Ok(runs)
    }

    /// The lines that match and that begin in a range of the log, from its start on, at most `limit`: of each its first
    /// match. Nothing beyond the range is looked at. In lines of more than 256 KiB a match of more than 64 KiB may be missed.
    /// To go on, search from the offset of the last match plus one. Blocks.
    pub fn search(
        &self,
        key: &StepKey,
        query: &Query,
        range: Range<u64>,
        limit: usize,
    ) -> Result<Vec<LineMatch>, LogError> {
        let mut search = self.searching(key, query, range, limit)?;
        while search.step()? {}
        search.found()
    }

    /// The same, step by step.
    pub(crate) fn searching(
        &self,
        key: &StepKey,
        query: &Query,
        range: Range<u64>,
        limit: usize,
    ) -> Result<LogSearch, LogError> {
        LogSearch::new(self.folder(key), query, range, limit, Window::DEFAULT)
    }

    /// The bytes of a range, piece by piece; with the time before each line when that is wanted. Then the range begins where
    /// a line does. Blocks.
    pub(crate) fn pieces(&self, key: &StepKey, range: Range<u64>, timestamps: bool) -> Result<LogPieces, LogError> {
        let folder = self.folder(key);
        if timestamps { LogPieces::stamped(folder, range) } else { Ok(LogPieces::plain(folder, range)) }
    }

    /// Removes all logs of a run. Fine when there are none. Blocks.
    pub fn remove_run(&self, run: RunId) -> Result<(), LogError> {
        let folder = self.run_folder(run);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result.map_err(|error| LogError::from_io(&folder, "removing", &error)),
        }
    }

    pub(super) fn run_folder(&self, run: RunId) -> PathBuf {
        self.root.join(run.to_string())
    }

    pub(super) fn folder(&self, key: &StepKey) -> PathBuf {
        self.run_folder(key.run).join(key.slug())
    }
}

/// Where the last so many lines begin, when their beginning is in there for sure.
fn line_start(tail: &[u8], lines: usize) -> Option<usize> {
    let text = tail.strip_suffix(b"\n").unwrap_or(tail);
    if lines == 0 {
        return Some(tail.len());
    }
    memchr::memrchr_iter(b'\n', text).nth(lines - 1).map(|at| at + 1)
}

fn whole_lines(tail: &[u8]) -> usize {
    match memchr::memchr(b'\n', tail) {
        Some(at) if at + 1 < tail.len() => at + 1,
        _ => 0,
    }
}
