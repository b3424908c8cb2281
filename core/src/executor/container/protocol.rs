//! What a launcher says: notices on its standard error, frames on its standard output. Pure.

use bytes::{Buf, Bytes, BytesMut};

use crate::run::StepEnd;

/// The number by which an answer is known to belong to its request.
pub(super) type RequestId = u64;

/// A line of a launcher's standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The launcher reads requests.
    Ready,
    /// The step was started by this request.
    Began(RequestId),
    /// The token was taken before.
    Taken(RequestId),
    /// The token is taken, and the step's files could not be written.
    Broken(RequestId),
    /// How far a step came.
    State(RequestId, State),
    /// Nothing is left of the step.
    Halted(RequestId),
    /// Processes of the step could not be killed.
    Survived(RequestId),
    /// The step's files are removed.
    Dropped(RequestId),
    /// A step ended.
    End { slug: String, ended: Ended },
}

/// How far a step came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::executor) enum State {
    /// Nobody took its token.
    None,
    /// A stop took it.
    Stopped,
    /// It was taken, and the shim did not say yet that it runs.
    Starting,
    /// Its shim lives.
    Running,
    /// Its shim is, or was, in the container of this name.
    Elsewhere(String),
    /// It left no end, and no process of it lives.
    Lost,
    /// It ended.
    Ended(Ended),
}

/// The end that a shim wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::executor) struct Ended {
    pub(in crate::executor) end: StepEnd,
    pub(in crate::executor) log_length: u64,
    /// Whether it wrote something to `$WINDLASS_OUTPUT`.
    pub(in crate::executor) has_output: bool,
}

/// The line without its end; `None` for a line of somebody else.
pub(super) fn notice(line: &str) -> Option<Notice> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    Some(match word {
        "ready" => Notice::Ready,
        "began" => Notice::Began(rest.parse().ok()?),
        "taken" => Notice::Taken(rest.parse().ok()?),
        "broken" => Notice::Broken(rest.parse().ok()?),
        "halted" => Notice::Halted(rest.parse().ok()?),
        "survived" => Notice::Survived(rest.parse().ok()?),
        "dropped" => Notice::Dropped(rest.parse().ok()?),
        "state" => {
            let (id, rest) = rest.split_once(' ')?;
            Notice::State(id.parse().ok()?, state(rest)?)
        }
        "end" => {
            let (slug, rest) = rest.split_once(' ')?;
            Notice::End { slug: slug.to_owned(), ended: ended(rest)? }
        }
        _ => return None,
    })
}

fn state(text: &str) -> Option<State> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match word {
        "none" => State::None,
        "stopped" => State::Stopped,
        "starting" => State::Starting,
        "running" => State::Running,
        "elsewhere" => State::Elsewhere(rest.to_owned()),
        "lost" => State::Lost,
        "ended" => State::Ended(ended(rest)?),
        _ => return None,
    })
}

/// `CODE LENGTH OOM OUTPUT`.
fn ended(text: &str) -> Option<Ended> {
    let mut words = text.split(' ');
    let code: i32 = words.next()?.parse().ok()?;
    let log_length = words.next()?.parse().ok()?;
    let (oom, out) = (words.next()? == "1", words.next()? == "1");
    let end = match code {
        // Another process of the step may have been the one that the kernel chose.
        137 if oom => StepEnd::OutOfMemory,
        // A shell says 128 + n for signal n, and has no other way to say it.
        129..=192 => StepEnd::Signal(code - 128),
        code => StepEnd::Code(code),
    };
    Some(Ended { end, log_length, has_output: out })
}

/// A piece of a step's log or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) id: RequestId,
    pub(super) bytes: Bytes,
    /// Whether this is the last of it.
    pub(super) last: bool,
}

/// More than this in one frame is not ours.
const LARGEST: usize = 64 * 1024 * 1024;

/// The longest line before a frame.
const HEAD: usize = 100;

/// Takes the next whole frame out of what came; an error when it is none of a launcher.
pub(super) fn frame(buffer: &mut BytesMut) -> Result<Option<Frame>, BadFrame> {
    let Some((end, head)) = head(buffer)? else { return Ok(None) };
    if buffer.len() < end + head.length {
        buffer.reserve(end + head.length - buffer.len());
        return Ok(None);
    }
    buffer.advance(end);
    Ok(Some(Frame { id: head.id, bytes: buffer.split_to(head.length).freeze(), last: head.last }))
}

/// The line before a frame.
#[derive(Clone, Copy, Debug)]
struct Head {
    id: RequestId,
    length: usize,
    last: bool,
}

/// The line at the beginning of what came, with its length, once it is whole.
fn head(buffer: &[u8]) -> Result<Option<(usize, Head)>, BadFrame> {
    let Some(end) = buffer.iter().take(HEAD).position(|byte| *byte == b'\n') else {
        return if buffer.len() > HEAD { Err(BadFrame) } else { Ok(None) };
    };
    let line = std::str::from_utf8(&buffer[..end]).map_err(|_| BadFrame)?;
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or(BadFrame);
    let id = word()?.parse().map_err(|_| BadFrame)?;
    let length = word()?.parse().map_err(|_| BadFrame)?;
    let last = match word()? {
        "more" => false,
        "end" => true,
        _ => return Err(BadFrame),
    };
    if length > LARGEST { Err(BadFrame) } else { Ok(Some((end + 1, Head { id, length, last }))) }
}

/// Takes frames apart while they come, so that nobody waits for the end of a large one.
#[derive(Debug, Default)]
pub(super) struct Unframer {
    /// The beginning of a line before a frame.
    start: BytesMut,
    /// What is still to come of the frame.
    left: usize,
    /// Whether it is the last one.
    last: bool,
}

impl Unframer {
    /// The log in what came, and whether that was the end of it.
    pub(super) fn take(&mut self, mut came: Bytes, mut log: impl FnMut(Bytes)) -> Result<bool, BadFrame> {
        loop {
            let here = came.split_to(self.left.min(came.len()));
            self.left -= here.len();
            if !here.is_empty() {
                log(here);
            }
            if self.left == 0 && self.last {
                return Ok(true);
            }
            if came.is_empty() {
                return Ok(false);
            }
            let known = self.start.len();
            self.start.extend_from_slice(&came[..came.len().min(HEAD + 1)]);
            let Some((end, head)) = head(&self.start)? else { return Ok(false) };
            came.advance(end - known);
            self.start.clear();
            (self.left, self.last) = (head.length, head.last);
        }
    }
}

/// What came is not what a launcher writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadFrame;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_read_and_others_lines_are_nobodys() {
        let ended = |end, log_length, has_output| Ended { end, log_length, has_output };
        assert_eq!(notice("began 7"), Some(Notice::Began(7)));
        assert_eq!(notice("state 7 running 12"), Some(Notice::State(7, State::Running)));
        assert_eq!(notice("state 7 elsewhere other"), Some(Notice::State(7, State::Elsewhere("other".to_owned()))));
        let exit = ended(StepEnd::Code(3), 12, true);
        assert_eq!(notice("state 7 ended 3 12 0 1"), Some(Notice::State(7, State::Ended(exit))));
        assert_eq!(notice("end unit.1 3 12 0 1"), Some(Notice::End { slug: "unit.1".to_owned(), ended: exit }));
        for line in ["", "began", "began x", "state 7", "state 7 odd", "end unit.1 3", "sh: not found", "end  1 2 3"] {
            assert_eq!(notice(line), None, "{line:?}");
        }
    }

    #[test]
    fn memory_is_blamed_only_by_the_kernels_count() {
        assert_eq!(super::ended("137 0 1 0").unwrap().end, StepEnd::OutOfMemory);
        assert_eq!(super::ended("137 0 0 0").unwrap().end, StepEnd::Signal(9));
        assert_eq!(super::ended("1 0 1 0").unwrap().end, StepEnd::Code(1));
    }

    #[test]
    fn frames_are_taken_whole_however_they_come() {
        let all = b"3 5 more\nhello4 0 end\n5 1 end\n\n";
        let mut buffer = BytesMut::new();
        let mut frames = Vec::new();
        for byte in all {
            buffer.extend_from_slice(&[*byte]);
            frames.extend(frame(&mut buffer).unwrap());
        }
        let of = |id, text: &'static str, last| Frame { id, bytes: Bytes::from(text), last };
        assert_eq!(frames, [of(3, "hello", false), of(4, "", true), of(5, "\n", true)]);
        for wrong in ["x 1 end\n", "1 -1 end\n", "1 1 odd\n", "1 1\n", "1 99999999999 end\n"] {
            assert_eq!(frame(&mut BytesMut::from(wrong)), Err(BadFrame), "{wrong:?}");
        }
    }

    #[test]
    fn frames_are_taken_apart_wherever_what_comes_is_cut() {
        let sent = b"0 3 more\nabc0 0 more\n0 0 more\n0 12 more\nlonger piece0 2 end\nxy";
        for cut in 1..sent.len() {
            let (mut unframer, mut log, mut ends) = (Unframer::default(), Vec::new(), Vec::new());
            for piece in sent.chunks(cut) {
                ends.push(unframer.take(Bytes::copy_from_slice(piece), |bytes| log.extend_from_slice(&bytes)).unwrap());
            }
            assert_eq!(String::from_utf8_lossy(&log), "abclonger piecexy", "{cut}");
            assert_eq!(ends.iter().position(|end| *end), Some(ends.len() - 1), "{cut}");
        }
        let ended = Unframer::default().take(Bytes::from_static(b"0 0 end\n"), |_| ());
        assert_eq!(ended, Ok(true));
        for bad in ["x\n", "1 2 neither\n", "1 99999999999 end\n"] {
            let pieces: Vec<Bytes> = bad.bytes().map(|byte| Bytes::copy_from_slice(&[byte])).collect();
            let mut unframer = Unframer::default();
            assert!(pieces.into_iter().any(|piece| unframer.take(piece, |_| ()) == Err(BadFrame)), "{bad:?}");
        }
    }
}
