//! Searching one stored log.

use std::ops::Range;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::error::LogError;
use super::query::Query;
use super::scan::{Found, Scanner, Window};
use super::segment;
use super::times::Times;

/// So much of a log is read at once.
const READ: usize = 1 << 20;

/// A line of a log that matches: its first match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineMatch {
    /// The number of the line, counted from 1.
    pub line: u64,
    /// Where the match begins in the stored log, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
    /// When the line's first byte came, as far as that is known.
    pub at: Option<Timestamp>,
    /// The line, or as much of it as is near the match. Bytes that are no text are `U+FFFD` here.
    pub excerpt: String,
    /// Where the match is in the excerpt, in bytes of UTF-8; cut where the excerpt is.
    pub range: Range<usize>,
}

/// A search that goes on step by step, so that it can be given up between two of them.
#[derive(Debug)]
pub(crate) struct LogSearch {
    folder: PathBuf,
    at: u64,
    end: u64,
    scanner: Scanner,
    times: Times,
}

impl LogSearch {
    /// Looks at the bytes of `range` only, and finds lines that begin in it. Blocks.
    pub(super) fn new(
        folder: PathBuf,
        query: &Query,
        range: Range<u64>,
        limit: usize,
        window: Window,
    ) -> Result<Self, LogError> {
        let mut scanner = Scanner::new(query.clone(), window, limit);
        let mut at = 0;
        if range.start > 0 {
            // The line ends before the range have to be counted only from the nearest place that the index knows.
            let known = Times::open(&folder)?.entry(range.start - 1)?;
            let line = known.map_or(0, |known| known.line);
            at = known.map_or(0, |known| known.offset);
            scanner = scanner.from(at, line + 1, range.start);
        }
        let times = Times::open(&folder)?;
        Ok(Self { folder, at, end: range.end, scanner, times })
    }

    /// Looks at the next piece of the log. False when there is nothing more to look at. Blocks.
    pub(crate) fn step(&mut self) -> Result<bool, LogError> {
        if self.scanner.is_full() {
            return Ok(false);
        }
        let wanted = self.end.saturating_sub(self.at).min(READ as u64);
        let bytes = segment::read(&self.folder, self.at, wanted as usize)?;
        if bytes.is_empty() {
            self.scanner.finish();
            return Ok(false);
        }
        self.at += bytes.len() as u64;
        self.scanner.push(&bytes);
        Ok(true)
    }

    /// What was found since it was asked last. Blocks.
    pub(crate) fn found(&mut self) -> Result<Vec<LineMatch>, LogError> {
        let found = std::mem::take(&mut self.scanner.found);
        self.scanner.wants_less(found.len());
        found.into_iter().map(|found| dated(found, &mut self.times)).collect()
    }
}

fn dated(found: Found, times: &mut Times) -> Result<LineMatch, LogError> {
    let at = times.at(found.line_at)?;
    let Found { line, offset, length, excerpt, range, .. } = found;
    Ok(LineMatch { line, offset, length, at, excerpt, range })
}
