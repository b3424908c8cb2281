//! What a scripted step does: a line of time with logs, waits and an end.

use std::time::Duration;

use bytes::Bytes;

use crate::run::{StepEnd, WaitReason};

/// What a step does, told from its start on: each call adds to what came before.
///
/// ```
/// use std::time::Duration;
/// use windlass::testing::Script;
///
/// // Prints a line at once, works a minute, prints another one, and fails.
/// let script = Script::fails(1).log("compiling").after(Duration::from_secs(60)).log("error: no such crate");
/// ```
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) end: End,
    /// How long it takes, waits included.
    pub(in crate::testing) length: Duration,
    /// What it prints, and when after its start.
    pub(super) log: Vec<(Duration, Bytes)>,
    pub(super) waits: Vec<Wait>,
    pub(super) output: Vec<u8>,
    /// What it leaves in the workspace, by path.
    pub(super) files: Vec<(String, Bytes)>,
    pub(super) ignores_signal: bool,
}

/// How a script ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// By itself.
    Exit(StepEnd),
    /// Never, unless it is stopped.
    Hangs,
    /// It is gone, and nobody knows how it ended.
    Lost,
    /// The executor fails.
    Infrastructure(String),
    /// The step cannot be started as it is described.
    BadStep(&'static str, String),
}

/// A time in which a script waits for something that is not there.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) reason: WaitReason,
}

impl Script {
    fn ending(end: End) -> Self {
        Self {
            end,
            length: Duration::ZERO,
            log: Vec::new(),
            waits: Vec::new(),
            output: Vec::new(),
            files: Vec::new(),
            ignores_signal: false,
        }
    }

    /// Ends with exit code 0.
    pub fn succeeds() -> Self {
        Self::fails(0)
    }

    /// Ends with this exit code.
    pub fn fails(code: i32) -> Self {
        Self::ending(End::Exit(StepEnd::Code(code)))
    }

    /// Ends in this way: by a signal, out of memory.
    pub fn ends(end: StepEnd) -> Self {
        Self::ending(End::Exit(end))
    }

    /// Takes its start token, and at the end nobody knows what became of it.
    pub fn lost() -> Self {
        Self::ending(End::Lost)
    }

    /// The executor fails with this message: `start` when the script takes no time before it, and otherwise `wait`.
    pub fn infrastructure(message: impl Into<String>) -> Self {
        Self::ending(End::Infrastructure(message.into()))
    }

    /// The step cannot be started as it is described, such as with an image that does not exist.
    pub fn bad_step(code: &'static str, message: impl Into<String>) -> Self {
        Self::ending(End::BadStep(code, message.into()))
    }

    /// Goes on until it is stopped.
    pub fn hangs() -> Self {
        Self::ending(End::Hangs)
    }

    /// Waits so long for something that is not there, and then succeeds. See [`waiting`](Self::waiting).
    pub fn waits(code: impl Into<String>, message: impl Into<String>, length: Duration) -> Self {
        Self::succeeds().waiting(code, message, length)
    }

    /// Works so long.
    #[must_use]
    pub fn after(mut self, length: Duration) -> Self {
        self.length += length;
        self
    }

    /// Prints a line.
    #[must_use]
    pub fn log(self, line: impl AsRef<str>) -> Self {
        self.log_bytes(format!("{}\n", line.as_ref()))
    }

    /// Prints these bytes, without a line end.
    #[must_use]
    pub fn log_bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        self.log.push((self.length, bytes.into()));
        self
    }

    /// Writes `KEY=value` to `$WINDLASS_OUTPUT`.
    #[must_use]
    pub fn output(self, key: &str, value: &str) -> Self {
        self.output_bytes(format!("{key}={value}\n"))
    }

    /// Writes these bytes to `$WINDLASS_OUTPUT`.
    #[must_use]
    pub fn output_bytes(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.output.extend_from_slice(bytes.as_ref());
        self
    }

    /// Leaves a file in the workspace, as soon as it starts: for artifacts, caches and reports, and for actions and tasks after it.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, content: impl Into<Bytes>) -> Self {
        self.files.push((path.into(), content.into()));
        self
    }

    /// Waits so long for something that is not there: `unschedulable`, `pullingImage`. `observe` tells so.
    #[must_use]
    pub fn waiting(mut self, code: impl Into<String>, message: impl Into<String>, length: Duration) -> Self {
        let (from, to) = (self.length, self.length + length);
        self.waits.push(Wait { from, to, reason: WaitReason::new(code, message) });
        self.length = to;
        self
    }

    /// Does not end on the signal of `stop`, only on the kill after the grace.
    #[must_use]
    pub fn ignores_signal(mut self) -> Self {
        self.ignores_signal = true;
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::succeeds()
    }
}
