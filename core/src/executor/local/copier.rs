//! The copier beside a step: a `cat` that carries what the step prints from a pipe into the raw log.
//!
//! A step must not have the raw log itself as its output: `echo … >/dev/stderr` opens the file anew, cuts it to nothing and
//! takes the lines before it along. A pipe cannot be cut. The copier outlives the engine as the step does, and ends when the
//! last process that could still print has ended. Until then it holds a lock on the log, which any later engine can see.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg, OFlag};

use super::Shared;
use super::layout::StepFolder;
use super::process::{Held, reap};
use super::spawn::{Files, spawn};

/// How long the copier has to finish when nothing of the step is known to live. Something that hid from every search may
/// still hold the pipe; its words are not waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A pipe whose other end a copier reads.
#[derive(Debug)]
pub(super) struct Copier {
    /// What the step prints goes here.
    pub(super) input: File,
    held: Option<Held>,
    pid: i32,
}

impl Copier {
    /// Starts a copier onto the log.
    pub(super) fn start(cat: &Path, log: File) -> io::Result<Self> {
        let (output, input) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        // The lock belongs to the open file, and so to the copier once this process has closed its own descriptor.
        let log = Flock::lock(log, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| io::Error::from(error))?;
        let program = CString::new(cat.as_os_str().as_bytes()).map_err(io::Error::other)?;
        let files = Files { input: Some(output.as_fd()), output: log.as_fd(), errors: None };
        let pid = spawn(&program, &[program.clone()], &[], &files)?;
        // Closed without unlocking: the copier has the lock now.
        drop(OwnedFd::from(unlocked_by_nobody(log)));
        Ok(Self { input: File::from(input), held: Held::open(pid), pid })
    }

    /// What is kept of the copier after the step has its end of the pipe.
    pub(super) fn running(self) -> Copying {
        Copying { held: self.held, pid: self.pid }
    }
}
