//! The copier beside a step: a `cat` that carries what the step prints from a pipe into the raw log.
//!
//! A step must not have the raw log itself as its output: `echo … >/dev/stderr` opens the file anew, cuts it to nothing and
//! takes the lines before it along. A pipe cannot be cut. The copier outlives the engine as the step does, and ends when the
//! last process that could still print has ended. Until then it holds a shared lock on the log, which any later engine sees.
//!
//! On a full disk a `cat` gives up. The engine that started the step keeps the pipe whole meanwhile, so that the step waits
//! instead of dying, and starts the next `cat` when the log can be written again.

use std::ffi::CString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use tokio::sync::SetOnce;

use super::Shared;
use super::layout::StepFolder;
use super::process::{Held, reap};
use super::spawn::{Files, above_standard, spawn};
use crate::clock::SharedClock;

/// How long the copier has when nothing of the step is known to live any more. Something that hid from every search may
/// still hold the pipe; its words are not waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long a copier that failed is not followed by the next one.
const PAUSE: Duration = Duration::from_secs(1);
/// What the log says where a copier failed. It may have had read what a pipe holds, which is 64 KiB.
pub(super) const GAP: &str = "\nwindlass: this log could not be written, most likely because the disk was full; up to 64 KiB of output are missing here\n";

/// A pipe whose other end a copier reads.
#[derive(Debug)]
pub(super) struct Copier {
    /// What the step prints goes here. To be closed once the step has it.
    pub(super) input: File,
    /// What the copier reads. As long as it is open here, the pipe does not break when the copier fails.
    pub(super) output: OwnedFd,
    pub(super) copying: Copying,
}

/// The copiers of one log that were started here, one after the other.
#[derive(Debug)]
pub(super) struct Copying {
    /// Device and inode of the pipe, by which a process that still prints is known.
    pub(super) pipe: (u64, u64),
    /// The latest one.
    process: Mutex<Arc<Process>>,
    /// Set when no further one may be started.
    last: SetOnce<()>,
    /// Set when the last one has ended.
    finished: SetOnce<()>,
}

#[derive(Debug)]
struct Process {
    pid: i32,
    held: Option<Held>,
}

/// What the next copier needs.
#[derive(Debug)]
pub(super) struct Succession {
    pub(super) output: OwnedFd,
    pub(super) cat: PathBuf,
    pub(super) log: PathBuf,
}

impl Process {
    fn start(cat: &Path, output: BorrowedFd<'_>, log: &File) -> io::Result<Self> {
        let program = CString::new(cat.as_os_str().as_bytes()).map_err(io::Error::other)?;
        let files = Files { input: Some(output), output: log.as_fd() };
        let pid = spawn(&program, std::slice::from_ref(&program), &[], &files)?;
        Ok(Self { pid, held: Held::open(pid) })
    }

    /// Returns how it ended, once that is so; `None` when somebody else was told. Frees what the system keeps of it.
    async fn ended(&self, clock: &SharedClock) -> Option<WaitStatus> {
        if let Some(held) = &self.held {
            held.gone(clock).await;
        }
        reap(self.pid)
    }
}

impl Copier {
    /// Starts a copier that appends to the log.
    pub(super) fn start(cat: &Path, log: &File) -> io::Result<Self> {
        let (output, input) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        // As a standard file of this process it would make this process one that prints into the pipe.
        let output = above_standard(output)?;
        // The lock belongs to the open file: it lasts until the copier ends, whatever becomes of this process.
        log.lock_shared()?;
        let process = Mutex::new(Arc::new(Process::start(cat, output.as_fd(), log)?));
        let input = File::from(input);
        let data = input.metadata()?;
        let pipe = (data.dev(), data.ino());
        Ok(Self { input, output, copying: Copying { pipe, process, last: SetOnce::new(), finished: SetOnce::new() } })
    }
}

impl Copier {
    /// The same on a thread that may wait: it ends at once when the pipe is closed.
    pub(super) fn dismiss_here(self) {
        let Self { input, copying, .. } = self;
        drop(input);
        let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(copying.pid()), None);
    }

    /// Ends a copier that no step needed.
    pub(super) fn dismiss(self, clock: &SharedClock) {
        let Self { input, copying, .. } = self;
        drop(input);
        let clock = Arc::clone(clock);
        // Without a runtime it ends all the same; only its entry in the system's table stays until this process ends.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { copying.process().ended(&clock).await });
        }
    }
}

impl Copying {
    /// The process id of the latest copier.
    pub(super) fn pid(&self) -> i32 {
        self.latest().pid
    }

    /// Whether nothing is added to the log any more.
    pub(super) fn is_finished(&self) -> bool {
        self.finished.initialized()
    }

    /// Starts another copier whenever one fails. Returns when the last one has ended. To be called once.
    pub(super) async fn tend(&self, next: Succession, clock: &SharedClock) {
        loop {
            let status = self.process().ended(clock).await;
            if !has_failed(status) || !self.succeed(&next, clock).await {
                break;
            }
        }
        // Whoever still prints is not waited for, and must not hang on a pipe that nobody reads.
        drop(next);
        let _ = self.finished.set(());
    }

    /// The copier that runs now is the last one.
    pub(super) fn let_end(&self) {
        let _ = self.last.set(());
    }

    /// Starts the next copier as soon as the log can be written; false when none is wanted any more.
    async fn succeed(&self, next: &Succession, clock: &SharedClock) -> bool {
        let (mut log, mut gap) = (None, GAP.as_bytes());
        loop {
            if log.is_none() {
                // Locked before the pause, since to other engines a log without a lock is final.
                log = match open_locked(&next.log) {
                    Ok(log) => Some(log),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
                    Err(_) => None,
                };
            }
            tokio::select! {
                biased;
                _ = self.last.wait() => return false,
                () = clock.sleep_until(clock.now().elapsed + PAUSE) => {}
            }
            let Some(log) = &log else { continue };
            // First, because what a copier reads while there is no room is lost.
            if append(log, &mut gap).is_ok() && self.replace(next, log).is_ok() {
                return true;
            }
        }
    }

    /// Starts the next copier, unless none is wanted any more.
    fn replace(&self, next: &Succession, log: &File) -> io::Result<()> {
        // Held meanwhile, so that whoever cuts the copying short finds the new one.
        let mut latest = self.latest();
        if !self.last.initialized() {
            *latest = Arc::new(Process::start(&next.cat, next.output.as_fd(), log)?);
        }
        Ok(())
    }

    fn cut_short(&self) {
        self.let_end();
        if let Some(held) = &self.process().held {
            held.signal(Signal::SIGKILL);
        }
    }

    fn process(&self) -> Arc<Process> {
        Arc::clone(&self.latest())
    }

    fn latest(&self) -> MutexGuard<'_, Arc<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it gave up by itself. One that was killed is not replaced: it may have been killed for the size of the log, and
/// this process would be so too.
fn has_failed(status: Option<WaitStatus>) -> bool {
    matches!(status, Some(WaitStatus::Exited(_, code)) if code != 0)
}

fn open_locked(log: &Path) -> io::Result<File> {
    let log = OpenOptions::new().append(true).open(log)?;
    log.lock_shared()?;
    Ok(log)
}

/// Writes what is left of the text. What was written stays, for somebody may have read it.
fn append(mut log: &File, left: &mut &[u8]) -> io::Result<()> {
    while !left.is_empty() {
        match log.write(left)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => *left = &left[written..],
        }
    }
    Ok(())
}

impl Shared {
    /// Returns when the log is final: when the copier of a step that has ended has written its last byte.
    pub(super) async fn copied(&self, folder: &StepFolder, copying: Option<&Copying>) -> io::Result<()> {
        let deadline = self.clock.now().elapsed + LAST_WORDS;
        if let Some(copying) = copying {
            tokio::select! {
                biased;
                _ = copying.finished.wait() => return Ok(()),
                () = self.clock.sleep_until(deadline) => copying.cut_short(),
            }
            copying.finished.wait().await;
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
