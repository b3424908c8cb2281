//! Pieces of log, put together to lines: a piece may end within a line, and pieces of several tasks come mixed.

use std::collections::HashMap;

use crate::pipeline::TaskId;
use crate::run::RunId;

/// A line that is longer than this is shown in parts of this length.
pub(super) const MAX_LINE: usize = 64 * 1024;
/// How many of a task's last lines are kept for the report of its failure.
pub(super) const TAIL_LINES: usize = 20;
/// How much of a task's log is kept for that.
const TAIL_BYTES: usize = 16 * 1024;

/// A task of a run; several runs may be followed at once.
pub(super) type TaskKey = (RunId, TaskId);

/// The lines that have begun and not ended, by task.
#[derive(Debug, Default)]
pub(super) struct Lines {
    open: HashMap<TaskKey, Vec<u8>>,
}

impl Lines {
    /// Adds a piece and hands over the lines that it completes, without their line breaks.
    pub(super) fn push(&mut self, key: &TaskKey, mut piece: &[u8], mut line: impl FnMut(&[u8])) {
        let mut open = self.open.remove(key).unwrap_or_default();
        while !piece.is_empty() {
            let room = MAX_LINE - open.len();
            let window = &piece[..piece.len().min(room)];
            let (end, next) = match memchr::memchr(b'\n', window) {
                Some(at) => (at, at + 1),
                None if window.len() == room => (room, room),
                None => {
                    open.extend_from_slice(window);
                    break;
                }
            };
            if open.is_empty() {
                line(&piece[..end]);
            } else {
                open.extend_from_slice(&piece[..end]);
                line(&open);
                open.clear();
            }
            piece = &piece[next..];
        }
        if !open.is_empty() {
            self.open.insert(key.clone(), open);
        }
    }

    /// The beginning of a line that will not go on: the attempt has ended.
    pub(super) fn end(&mut self, key: &TaskKey) -> Option<Vec<u8>> {
        self.open.remove(key).filter(|open| !open.is_empty())
    }
}

/// The end of each task's log, as long as it may still be shown.
#[derive(Debug, Default)]
pub(super) struct Tails {
    bytes: HashMap<TaskKey, Vec<u8>>,
}

impl Tails {
    pub(super) fn push(&mut self, key: &TaskKey, piece: &[u8]) {
        let piece = &piece[piece.len().saturating_sub(TAIL_BYTES)..];
        let Some(tail) = self.bytes.get_mut(key) else {
            self.bytes.insert(key.clone(), piece.to_vec());
            return;
        };
        // Cut only now and then, so that a small piece does not move the whole tail.
        if tail.len() + piece.len() > 2 * TAIL_BYTES {
            let surplus = (tail.len() + piece.len()).saturating_sub(TAIL_BYTES).min(tail.len());
            tail.drain(..surplus);
        }
        tail.extend_from_slice(piece);
    }

    /// Another attempt begins, or nobody will ask for it any more.
    pub(super) fn forget(&mut self, key: &TaskKey) {
        self.bytes.remove(key);
    }

    /// The last lines, at most [`TAIL_LINES`], without empty ones at the end.
    pub(super) fn lines(&self, key: &TaskKey) -> Vec<&[u8]> {
        let bytes = self.bytes.get(key).map(Vec::as_slice).unwrap_or_default().trim_ascii_end();
        let mut lines: Vec<&[u8]> = bytes.rsplit(|byte| *byte == b'\n').take(TAIL_LINES).collect();
        lines.reverse();
        if bytes.is_empty() { Vec::new() } else { lines }
    }

    /// The last line that is not empty.
    pub(super) fn last(&self, key: &TaskKey) -> Option<&[u8]> {
        let bytes = self.bytes.get(key)?.trim_ascii_end();
        bytes.rsplit(|byte| *byte == b'\n').next().filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn key(task: &str) -> TaskKey {
        (RunId::new(Uuid::nil()), TaskId::new(task))
    }

    fn lines_of(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for piece in pieces {
            lines.push(&key("a"), piece, |line| seen.push(line.to_vec()));
        }
        (seen, lines.end(&key("a")))
    }

    #[test]
    fn a_line_that_comes_in_pieces_is_one_line() {
        let (lines, rest) = lines_of(&[b"one\ntw", b"o", b"\n\nthr", b"ee"]);
        assert_eq!(lines, [b"one".to_vec(), b"two".to_vec(), b"".to_vec()]);
        assert_eq!(rest.as_deref(), Some(&b"three"[..]));
    }

    #[test]
    fn tasks_do_not_mix() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for (task, piece) in [("a", "left"), ("b", "right"), ("a", " hand\n"), ("b", " foot\n")] {
            lines.push(&key(task), piece.as_bytes(), |line| seen.push(String::from_utf8_lossy(line).into_owned()));
        }
        assert_eq!(seen, ["left hand", "right foot"]);
    }

    #[test]
    fn an_endless_line_is_shown_in_parts() {
        let long = vec![b'x'; 2 * MAX_LINE + 5];
        let (lines, rest) = lines_of(&[&long[..10], &long[10..], b"\n"]);
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_LINE, MAX_LINE, 5]);
        assert_eq!(rest, None);
    }

    #[test]
    fn the_tail_keeps_the_last_lines() {
        let mut tails = Tails::default();
        for number in 0..50_000 {
            tails.push(&key("a"), format!("line {number}\n\n").as_bytes());
        }
        let kept = tails.lines(&key("a"));
        assert_eq!(
            (kept.len(), kept[1], tails.last(&key("a"))),
            (TAIL_LINES, &b"line 49990"[..], Some(&b"line 49999"[..]))
        );
        assert!(tails.bytes[&key("a")].len() <= 2 * TAIL_BYTES);
        tails.forget(&key("a"));
        assert_eq!(tails.lines(&key("a")).len(), 0);
    }

    #[test]
    fn the_tail_of_an_endless_line_is_bounded() {
        let mut tails = Tails::default();
        tails.push(&key("a"), &vec![b'x'; 10_000_000]);
        tails.push(&key("a"), &vec![b'y'; TAIL_BYTES]);
        tails.push(&key("a"), b"z");
        let kept = tails.lines(&key("a"));
        assert_eq!(kept.len(), 1);
        assert!(kept[0].ends_with(b"yz") && kept[0].len() <= 2 * TAIL_BYTES);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_or_moved(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'x'), Just(b'y')], 0..300),
                                    cuts in proptest::collection::vec(0usize..300, 0..10)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let (lines, rest) = lines_of(&pieces);
            let mut joined: Vec<u8> = lines.into_iter().flat_map(|mut line| { line.push(b'\n'); line }).collect();
            joined.extend(rest.unwrap_or_default());
            prop_assert_eq!(joined, text);
        }
    }
}
