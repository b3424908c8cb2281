//! Reading a stored log to its end piece by piece, as it is or with the time before each line.

use std::ops::Range;
use std::path::PathBuf;

use jiff::Timestamp;

use super::error::LogError;
use super::segment;
use super::times::Times;

/// So much is read at once.
const PLAIN: usize = 1 << 20;
/// The same where each line grows: one of empty lines only becomes some twenty times as long.
const STAMPED: usize = 256 << 10;
/// What stands before a line of which nobody knows when it came.
const UNKNOWN: &str = "- ";

/// The bytes of a log from one offset to another. Memory stays bounded however long the log is.
#[derive(Debug)]
pub(crate) struct LogPieces {
    folder: PathBuf,
    at: u64,
    end: u64,
    stamps: Option<Stamps>,
}

impl LogPieces {
    /// The exact bytes.
    pub(super) fn plain(folder: PathBuf, range: Range<u64>) -> Self {
        Self { folder, at: range.start, end: range.end, stamps: None }
    }

    /// Each line with the time when its first byte came, in RFC 3339; `range` begins where a line does. Blocks.
    pub(super) fn stamped(folder: PathBuf, range: Range<u64>) -> Result<Self, LogError> {
        let stamps = Stamps { times: Times::open(&folder)?, within: false, newest: None, words: UNKNOWN.to_owned() };
        Ok(Self { stamps: Some(stamps), ..Self::plain(folder, range) })
    }

    /// The next piece; `None` at the end, also when that comes earlier than was asked for. Blocks.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, LogError> {
        let most = if self.stamps.is_some() { STAMPED } else { PLAIN };
        let wanted = self.end.saturating_sub(self.at).min(most as u64);
        let bytes = segment::read(&self.folder, self.at, wanted as usize)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let from = self.at;
        self.at += bytes.len() as u64;
        match &mut self.stamps {
            Some(stamps) => stamps.put_into(&bytes, from).map(Some),
            None => Ok(Some(bytes)),
        }
    }
}

/// Puts times before lines.
#[derive(Debug)]
struct Stamps {
    times: Times,
    /// Whether the last piece ended within a line.
    within: bool,
    newest: Option<Timestamp>,
    /// `newest` as it is written.
    words: String,
}

impl Stamps {
    fn put_into(&mut self, bytes: &[u8], from: u64) -> Result<Vec<u8>, LogError> {
        let mut stamped = Vec::with_capacity(bytes.len() + bytes.len() / 3);
        let mut at = 0;
        while at < bytes.len() {
            if !self.within {
                self.turn_to(from + at as u64)?;
                stamped.extend_from_slice(self.words.as_bytes());
            }
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1);
            stamped.extend_from_slice(&bytes[at..end]);
            self.within = bytes[end - 1] != b'\n';
            at = end;
        }
        Ok(stamped)
    }

    fn turn_to(&mut self, offset: u64) -> Result<(), LogError> {
        let at = self.times.at(offset)?;
        if at != self.newest {
            self.words = at.map_or_else(|| UNKNOWN.to_owned(), |at| format!("{at:.3} "));
            self.newest = at;
        }
        Ok(())
    }
}
