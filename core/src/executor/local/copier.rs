//! The copier beside a step: a `cat` that carries what the step prints from a pipe into the raw log.
//!
//! A step must not have the raw log itself as its output: `echo … >/dev/stderr` opens the file anew, cuts it to nothing and
//! takes the lines before it along. A pipe cannot be cut. The copier outlives the engine as the step does, and ends when the
//! last process that could still print has ended. Until then it holds a shared lock on the log, which any later engine sees.

use std::ffi::CString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;

use super::Shared;
use super::layout::StepFolder;
use super::process::{Held, reap};
use super::spawn::{Files, spawn};
use crate::clock::SharedClock;

/// How long the copier has when nothing of the step is known to live any more. Something that hid from every search may
/// still hold the pipe; its words are not waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A pipe whose other end a copier reads.
#[derive(Debug)]
pub(super) struct Copier {
    /// What the step prints goes here. To be closed once the step has it.
    pub(super) input: File,
    pub(super) copying: Copying,
}

/// A copier that was started here.
#[derive(Debug)]
pub(super) struct Copying {
    /// Device and inode of the pipe, by which a process that still prints is known.
    pub(super) pipe: (u64, u64),
    pub(super) pid: i32,
    held: Option<Held>,
}

impl Copier {
    /// Starts a copier that appends to the log.
    pub(super) fn start(cat: &Path, log: &File) -> io::Result<Self> {
        let (output, input) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        // The lock belongs to the open file: it lasts until the copier ends, whatever becomes of this process.
        log.lock_shared()?;
        let program = CString::new(cat.as_os_str().as_bytes()).map_err(io::Error::other)?;
        let files = Files { input: Some(output.as_fd()), output: log.as_fd() };
        let pid = spawn(&program, std::slice::from_ref(&program), &[], &files)?;
        let input = File::from(input);
        let data = input.metadata()?;
        Ok(Self { input, copying: Copying { pipe: (data.dev(), data.ino()), pid, held: Held::open(pid) } })
    }
}

impl Copier {
    /// The same on a thread that may wait: it ends at once when the pipe is closed.
    pub(super) fn dismiss_here(self) {
        let Self { input, copying } = self;
        drop(input);
        let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(copying.pid), None);
    }

    /// Ends a copier that no step needed.
    pub(super) fn dismiss(self, clock: &SharedClock) {
        let Self { input, copying } = self;
        drop(input);
        let clock = Arc::clone(clock);
        // Without a runtime it ends all the same; only its entry in the system's table stays until this process ends.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { copying.ended(&clock).await });
        }
    }
}

impl Copying {
    /// Returns when it has ended by itself, and frees what the system keeps of it.
    pub(super) async fn ended(&self, clock: &SharedClock) {
        if let Some(held) = &self.held {
            held.gone(clock).await;
        }
        reap(self.pid);
    }

    fn cut_short(&self) {
        if let Some(held) = &self.held {
            held.signal(Signal::SIGKILL);
        }
    }
}

impl Shared {
    /// Returns when the log is final: when the copier of a step that has ended has written its last byte.
    pub(super) async fn copied(&self, folder: &StepFolder, copying: Option<&Copying>) -> io::Result<()> {
        let deadline = self.clock.now().elapsed + LAST_WORDS;
        if let Some(copying) = copying {
            tokio::select! {
                biased;
                () = copying.ended(&self.clock) => return Ok(()),
                () = self.clock.sleep_until(deadline) => copying.cut_short(),
            }
            copying.ended(&self.clock).await;
            return Ok(());
        }
        while is_being_copied(folder)? && self.clock.now().elapsed < deadline {
            self.moment().await;
        }
        Ok(())
    }
}

/// Whether a copier of whatever engine still writes to the log.
fn is_being_copied(folder: &StepFolder) -> io::Result<bool> {
    let log = match OpenOptions::new().read(true).open(folder.log()) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match log.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
