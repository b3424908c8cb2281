//! The files of one log: named by the offset at which they start.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::LogError;

const ENDING: &str = ".seg";

/// One file and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) start: u64,
    pub(super) length: u64,
    pub(super) path: PathBuf,
}

impl Segment {
    pub(super) fn end(&self) -> u64 {
        self.start + self.length
    }
}

/// The file that starts at this offset.
pub(super) fn path(folder: &Path, start: u64) -> PathBuf {
    folder.join(format!("{start:012}{ENDING}"))
}

/// The segments of a log in order; none when there is no log. Other files are not looked at.
pub(super) fn list(folder: &Path) -> Result<Vec<Segment>, LogError> {
    let failed = |error: &_| LogError::from_io(folder, "reading", error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(&error)),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed(&error))?;
        let name = entry.file_name();
        let Some(start) = name.to_str().and_then(start_of) else { continue };
        match entry.metadata() {
            Ok(found) => segments.push(Segment { start, length: found.len(), path: entry.path() }),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(LogError::from_io(&entry.path(), "reading", &error)),
        }
    }
    segments.sort_by_key(|segment| segment.start);
    Ok(segments)
}

fn start_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(ENDING)?;
    (digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

/// Says whether the segments hold every byte before `end`.
pub(super) fn check_complete(folder: &Path, segments: &[Segment], end: u64) -> Result<(), LogError> {
    let mut reached = 0;
    for segment in segments {
        if reached >= end {
            return Ok(());
        }
        if segment.start != reached {
            return Err(missing(folder, segments, reached));
        }
        reached = segment.end();
    }
    if reached < end { Err(missing(folder, segments, reached)) } else { Ok(()) }
}

fn missing(folder: &Path, segments: &[Segment], offset: u64) -> LogError {
    let before = segments.iter().rev().find(|segment| segment.start <= offset && segment.end() >= offset);
    let path = before.map_or_else(|| path(folder, offset), |segment| segment.path.clone());
    LogError::damaged(&path, format!("the log's bytes from offset {offset} on are missing"))
}

/// Reads from `from` on, at most `max` bytes: fewer only at the end.
pub(super) fn read(folder: &Path, from: u64, max: usize) -> Result<Vec<u8>, LogError> {
    let segments = list(folder)?;
    let length = segments.last().map_or(0, Segment::end);
    let end = length.min(from.saturating_add(max as u64));
    if from >= end {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::with_capacity((end - from) as usize);
    for segment in segments.iter().filter(|segment| segment.end() > from && segment.start < end) {
        let reached = from + bytes.len() as u64;
        if segment.start > reached {
            return Err(missing(folder, &segments, reached));
        }
        let wanted = segment.end().min(end) - reached;
        read_part(segment, reached - segment.start, wanted, &mut bytes)?;
        // A file that became shorter is being taken up after a crash: what was read up to here is right.
        if from + (bytes.len() as u64) < segment.end().min(end) {
            break;
        }
    }
    Ok(bytes)
}

fn read_part(segment: &Segment, at: u64, wanted: u64, bytes: &mut Vec<u8>) -> Result<(), LogError> {
    let read = File::open(&segment.path).and_then(|mut file| {
        file.seek(SeekFrom::Start(at))?;
        file.take(wanted).read_to_end(bytes)
    });
    match read {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(LogError::from_io(&segment.path, "reading", &error)),
    }
}
