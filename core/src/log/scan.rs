//! Searching a log that comes in pieces: line by line, in bounded memory. Pure.

use std::ops::Range;

use super::query::Query;

/// How much of a line is looked at together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Lines up to this length are searched whole. Longer ones are searched in windows of this length …
    pub(super) length: usize,
    /// … of which each begins so much before the end of the one before, so that no match up to this length is missed.
    pub(super) overlap: usize,
}

impl Window {
    pub(super) const DEFAULT: Self = Self { length: 256 << 10, overlap: 64 << 10 };
}

/// At most so much of the line is shown before a match, and so much from its beginning on, in bytes.
const SHOWN: (usize, usize) = (120, 280);

/// A match, before anybody looked up when its line came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Counted from 1.
    pub(super) line: u64,
    /// Where the line begins in the log.
    pub(super) line_at: u64,
    /// Where the match begins in the log.
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) excerpt: String,
    pub(super) range: Range<usize>,
}

/// Takes a log piece by piece and finds the first match in each line.
#[derive(Debug)]
pub(super) struct Scanner {
    query: Query,
    window: Window,
    /// Lines that begin before this offset are only counted.
    not_before: u64,
    limit: usize,
    pub(super) found: Vec<Found>,
    /// Bytes of the line that has not ended, from `at` on.
    rest: Vec<u8>,
    at: u64,
    line: u64,
    line_at: u64,
    /// How much of `rest` was searched already and only says what stands before.
    context: usize,
    /// Whether nothing more is wanted of this line.
    skip: bool,
}

impl Scanner {
    /// A scanner for a log from its beginning on. Finds at most `limit` matches.
    pub(super) fn new(query: Query, window: Window, limit: usize) -> Self {
        Self {
            query,
            window,
            not_before: 0,
            limit,
            found: Vec::new(),
            rest: Vec::new(),
            at: 0,
            line: 1,
            line_at: 0,
            context: 0,
            skip: false,
        }
    }

    /// Searches only lines that begin at or after `not_before`, and is given the log from `at` on, which is before that and
    /// in the line of this number.
    pub(super) fn from(mut self, at: u64, line: u64, not_before: u64) -> Self {
        self.not_before = not_before;
        (self.at, self.line, self.line_at) = (at, line, at);
        self.skip = at < not_before;
        self
    }

    /// Whether as much was found as is wanted.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    /// So many matches were taken away.
    pub(super) fn wants_less(&mut self, taken: usize) {
        self.limit = self.limit.saturating_sub(taken);
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        if self.open_line()
            && let Some(end) = memchr::memchr(b'\n', bytes)
        {
            self.rest.extend_from_slice(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        if !self.open_line()
            && let Some(last) = memchr::memrchr(b'\n', bytes)
        {
            let (lines, rest) = bytes.split_at(last + 1);
            self.whole_lines(lines);
            bytes = rest;
        }
        self.rest.extend_from_slice(bytes);
        self.look_into_open_line();
    }

    /// The log is over: its last line has no end.
    pub(super) fn finish(&mut self) {
        if self.open_line() {
            self.end_line();
        }
    }

    /// Whether a line has begun and not ended.
    fn open_line(&self) -> bool {
        self.skip || !self.rest.is_empty()
    }

    /// The line is over, and `rest` is what is left of it, without the line end.
    fn end_line(&mut self) {
        if !self.skip && !self.is_full() && self.line_at >= self.not_before {
            let line = std::mem::take(&mut self.rest);
            if let Some(found) = self.query.find(&line, self.context) {
                self.note(&line, self.at, found, (self.line, self.line_at));
            }
            self.rest = line;
        }
        self.at += self.rest.len() as u64 + 1;
        self.begin_line();
    }

    fn begin_line(&mut self) {
        self.rest.clear();
        self.line += 1;
        self.line_at = self.at;
        self.context = 0;
        self.skip = false;
    }

    /// Searches a line that has grown beyond the window, and keeps only what the next window needs of it.
    fn look_into_open_line(&mut self) {
        if self.line_at < self.not_before {
            self.skip = true;
        }
        if self.skip {
            self.at += self.rest.len() as u64;
            self.rest.clear();
            return;
        }
        if self.rest.len() < self.window.length {
            return;
        }
        let rest = std::mem::take(&mut self.rest);
        let own = rest.len() - self.window.overlap;
        let found = self.query.find(&rest, self.context).filter(|(start, _)| *start < own);
        if let Some(found) = found {
            self.note(&rest, self.at, found, (self.line, self.line_at));
            self.skip = true;
        }
        // One byte before the next window tells whether a word begins there.
        let kept = if self.skip { rest.len() } else { own - 1 };
        self.rest = rest;
        self.rest.drain(..kept);
        self.at += kept as u64;
        self.context = 1;
    }

    /// Searches lines that are there as a whole, each with its end.
    fn whole_lines(&mut self, lines: &[u8]) {
        let begin = self.at;
        let mut counted = 0;
        let mut at = self.first_wanted(lines);
        while at < lines.len() && !self.is_full() {
            let Some(hit) = self.query.candidate(lines, at).filter(|hit| *hit < lines.len()) else { break };
            let start = memchr::memrchr(b'\n', &lines[at..hit]).map_or(at, |end| at + end + 1);
            let end = memchr::memchr(b'\n', &lines[hit..]).map_or(lines.len(), |end| hit + end);
            if let Some(found) = self.query.find(&lines[start..end], 0) {
                self.line += line_ends(&lines[counted..start]);
                counted = start;
                let line_at = begin + start as u64;
                self.note(&lines[start..end], line_at, found, (self.line, line_at));
            }
            at = end + 1;
        }
        self.line += line_ends(&lines[counted..]);
        self.at += lines.len() as u64;
        self.line_at = self.at;
    }

    /// Where the first line begins that is to be searched.
    fn first_wanted(&self, lines: &[u8]) -> usize {
        match self.not_before.checked_sub(self.at) {
            None | Some(0) => 0,
            Some(ahead) if ahead > lines.len() as u64 => lines.len(),
            Some(ahead) => {
                let before = ahead as usize - 1;
                memchr::memchr(b'\n', &lines[before..]).map_or(lines.len(), |end| before + end + 1)
            }
        }
    }

    fn note(&mut self, text: &[u8], text_at: u64, (start, end): (usize, usize), (line, line_at): (u64, u64)) {
        let (excerpt, range) = excerpt(text, start, end);
        let offset = text_at + start as u64;
        self.found.push(Found { line, line_at, offset, length: (end - start) as u64, excerpt, range });
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// What is shown of a line around a match, and where the match is in it.
fn excerpt(line: &[u8], start: usize, end: usize) -> (String, Range<usize>) {
    let first = start.saturating_sub(SHOWN.0);
    let last = line.len().min(start + SHOWN.1);
    let whole = |at: &usize| *at == 0 || line.get(*at).is_none_or(|byte| begins_character(*byte));
    // A character has at most four bytes.
    let first = (first..start.min(first + 4)).find(whole).unwrap_or(first);
    let last = (last.saturating_sub(3).max(start)..=last).rev().find(whole).unwrap_or(last);
    let end = end.min(last);
    let text = |range: Range<usize>| String::from_utf8_lossy(&line[range]).into_owned();
    let mut excerpt = text(first..start);
    let from = excerpt.len();
    excerpt.push_str(&text(start..end));
    let to = excerpt.len();
    excerpt.push_str(&text(end..last));
    (excerpt, from..to)
}

/// Whether a character may begin with this byte; so does what is no text.
fn begins_character(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}
