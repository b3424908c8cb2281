//! Standard output, buffered, for a reader who may leave at any time.

use std::io::{self, BufWriter, ErrorKind, Write};

/// Standard output. Errors never end a run: the first one is kept, and nothing more is written.
pub(super) struct Output<W: Write = io::Stdout> {
    to: BufWriter<W>,
    state: State,
}

enum State {
    Open,
    /// The reader left, as `head` does. Nothing is wrong.
    Left,
    Broken(io::Error),
}

impl Output {
    pub(super) fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write> Output<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to: BufWriter::with_capacity(64 * 1024, to), state: State::Open }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Open) {
            let written = self.to.write_all(bytes);
            self.note(written);
        }
    }

    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        self.write(text.as_ref().as_bytes());
        self.write(b"\n");
    }

    /// Hands everything over to the reader.
    pub(super) fn flush(&mut self) {
        if matches!(self.state, State::Open) {
            let written = self.to.flush();
            self.note(written);
        }
    }

    /// Whether there is somebody to write for.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Hands over what is left. An error says why not everything was written; a reader who left is none.
    pub(super) fn finish(mut self) -> Result<(), String> {
        self.flush();
        match &self.state {
            State::Open | State::Left => Ok(()),
            State::Broken(error) => Err(format!("the standard output cannot be written: {error}")),
        }
    }

    fn note(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.state = State::Left,
            Err(error) => self.state = State::Broken(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed(ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_left_is_no_error() {
        let mut output = Output::new(Closed(ErrorKind::BrokenPipe));
        output.line("one");
        output.flush();
        assert!(!output.is_open());
        output.line("two");
        assert_eq!(output.finish(), Ok(()));
    }

    #[test]
    fn a_full_disk_is_told() {
        let mut output = Output::new(Closed(ErrorKind::StorageFull));
        output.line("one");
        assert!(output.finish().unwrap_err().contains("cannot be written"));
    }
}
