//! When the lines of a log came, read from the index from its beginning to its end.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::LogError;
use super::index::{self, ChunkTime, ENTRY};

/// Tells for rising offsets when their bytes came. Holds two entries, however long the log is.
#[derive(Debug)]
pub(super) struct Times {
    path: PathBuf,
    file: Option<BufReader<File>>,
    current: Option<ChunkTime>,
    next: Option<ChunkTime>,
}

impl Times {
    pub(super) fn open(folder: &Path) -> Result<Self, LogError> {
        let path = folder.join(index::FILE);
        let file = match File::open(&path) {
            Ok(file) => Some(BufReader::new(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(LogError::from_io(&path, "reading", &error)),
        };
        let mut times = Self { path, file, current: None, next: None };
        times.next = times.read()?;
        Ok(times)
    }

    /// The entry that covers the byte at this offset; `None` where nobody knows. Offsets must not fall.
    pub(super) fn entry(&mut self, offset: u64) -> Result<Option<ChunkTime>, LogError> {
        while let Some(next) = self.next.filter(|next| next.offset <= offset) {
            self.current = Some(next);
            self.next = self.read()?;
        }
        Ok(self.current)
    }

    /// When the byte at this offset came.
    pub(super) fn at(&mut self, offset: u64) -> Result<Option<Timestamp>, LogError> {
        Ok(self.entry(offset)?.map(|entry| entry.at))
    }

    /// The next entry that can be read; `None` at the end, or where a crash tore the last one.
    fn read(&mut self) -> Result<Option<ChunkTime>, LogError> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut bytes = [0; ENTRY];
        loop {
            match file.read_exact(&mut bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(LogError::from_io(&self.path, "reading", &error)),
            }
            if let Some(entry) = ChunkTime::decode(&bytes) {
                return Ok(Some(entry));
            }
        }
    }
}
