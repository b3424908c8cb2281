//! When the bytes of a log came: one entry for each write, not for each line.
//!
//! The index is a help and not a promise: it is not flushed with the segments, and an entry that a crash tore is left out.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::LogError;

pub(super) const FILE: &str = "index";
/// Offset, line and nanoseconds as 64-bit numbers, little-endian, and the checksum of these.
pub(super) const ENTRY: usize = 28;

/// From here to the next one, everything came at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkTime {
    /// The offset of its first byte in the stored log.
    pub offset: u64,
    /// How many line ends come before it, so the number of the line that it begins in, counted from 0.
    pub line: u64,
    /// When it came.
    pub at: Timestamp,
}

impl ChunkTime {
    fn encode(self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        // Dates beyond 64 bits of nanoseconds are wrong anyway; a help may be wrong about them.
        let at = i64::try_from(self.at.as_nanosecond()).unwrap_or(0);
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.line.to_le_bytes());
        bytes[16..24].copy_from_slice(&at.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..24]);
        bytes[24..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; ENTRY]) -> Option<Self> {
        let number = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let crc = u32::from_le_bytes(bytes[24..].try_into().ok()?);
        if crc != crc32fast::hash(&bytes[..24]) {
            return None;
        }
        let at = Timestamp::from_nanosecond(i128::from(number(16)?.cast_signed())).ok()?;
        Some(Self { offset: number(0)?, line: number(8)?, at })
    }
}

/// All entries that can be read, in order.
pub(super) fn read(folder: &Path) -> Result<Vec<ChunkTime>, LogError> {
    let path = folder.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LogError::from_io(&path, "reading", &error)),
    };
    let (entries, _) = bytes.as_chunks::<ENTRY>();
    Ok(entries.iter().filter_map(ChunkTime::decode).collect())
}

/// Adds entries.
#[derive(Debug)]
pub(super) struct IndexWriter {
    path: PathBuf,
    file: Option<File>,
    gathered: Vec<u8>,
    last: Option<ChunkTime>,
}

impl IndexWriter {
    /// Takes the index up: what lies at or beyond `end`, or is torn, is dropped. Gives the last entry that stays.
    pub(super) fn recover(folder: &Path, end: u64) -> Result<(Self, Option<ChunkTime>), LogError> {
        let path = folder.join(FILE);
        let mut writer = Self { path, file: None, gathered: Vec::new(), last: None };
        let entries = read(folder)?;
        let kept = entries.partition_point(|entry| entry.offset < end);
        let kept = &entries[..kept];
        let length = fs::metadata(&writer.path).map_or(0, |found| found.len());
        if length != (kept.len() * ENTRY) as u64 {
            let bytes: Vec<u8> = kept.iter().flat_map(|entry| entry.encode()).collect();
            fs::write(&writer.path, bytes).map_err(|error| LogError::from_io(&writer.path, "writing", &error))?;
        }
        writer.last = kept.last().copied();
        let last = writer.last;
        Ok((writer, last))
    }

    /// Notes when the bytes from this offset on came. Bytes that came in the same millisecond share an entry. It is written
    /// later, when there is something on the disk that it is about.
    pub(super) fn add(&mut self, chunk: ChunkTime) {
        let known = self
            .last
            .is_some_and(|last| last.offset == chunk.offset || last.at.as_millisecond() == chunk.at.as_millisecond());
        if !known {
            self.last = Some(chunk);
            self.gathered.extend(chunk.encode());
        }
    }

    /// Writes what was gathered.
    pub(super) fn write(&mut self) -> Result<(), LogError> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let opened = match self.file.take() {
            Some(file) => Ok(file),
            None => OpenOptions::new().create(true).append(true).open(&self.path),
        };
        let written = opened.and_then(|mut file| {
            file.write_all(&self.gathered)?;
            Ok(file)
        });
        self.gathered.clear();
        self.file = Some(written.map_err(|error| LogError::from_io(&self.path, "writing", &error))?);
        Ok(())
    }
}
