//! Processes of steps: finding them, signalling them, and noticing their end.
//!
//! A process id is reused sooner or later. A process is therefore held by a *pidfd* where the system has them, and before
//! it is signalled its environment must show the step's cookie, or it must be of a session or a family that is known.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::FALLBACK;
use crate::clock::SharedClock;

#[cfg(target_os = "linux")]
#[path = "process/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "process/other.rs"]
mod system;

pub(super) use system::carries;
use system::find;

/// By what the processes of a step or of a run are known.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    /// `NAME=VALUE` in the environment, or only its beginning.
    pub(super) cookie: String,
    /// Whether `cookie` is only the beginning.
    pub(super) prefix: bool,
    /// The session, when it is certain that its number was not reused.
    pub(super) session: Option<i32>,
    /// Device and inode of the log into which a copier puts what they print: the pipe that it reads is theirs.
    pub(super) log: Option<(u64, u64)>,
    /// Device and inode of that pipe, when it is known already.
    pub(super) pipe: Option<(u64, u64)>,
    /// Sessions that are known to be something else's.
    pub(super) strangers: HashSet<i32>,
    /// Not this one: the shim, which has to write how the command ended.
    pub(super) spare: Option<i32>,
}

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub(super) enum Among {
    /// At every process.
    All,
    /// At those that were started after this one, which is not long ago.
    After(i32),
}

/// A process that is held on to.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) pid: i32,
    fd: Option<Arc<OwnedFd>>,
    /// From the first time that somebody waits; several may wait at once.
    watched: OnceLock<Option<AsyncFd<Arc<OwnedFd>>>>,
}

impl Held {
    /// Holds the process; `None` when there is none of this number. The caller checks afterwards that it is the right one.
    pub(super) fn open(pid: i32) -> Option<Self> {
        match system::pidfd(pid) {
            Ok(fd) => Some(Self { pid, fd: Some(Arc::new(fd)), watched: OnceLock::new() }),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => None,
            // An old kernel or a filter of system calls: then by number.
            Err(_) => system::exists(pid).then(|| Self { pid, fd: None, watched: OnceLock::new() }),
        }
    }

    /// Whether it has not ended.
    pub(super) fn lives(&self) -> bool {
        match &self.fd {
            Some(fd) => !readable(fd),
            None => system::exists(self.pid),
        }
    }

    /// Sends a signal; nothing happens when it has ended.
    pub(super) fn signal(&self, signal: Signal) {
        match &self.fd {
            Some(fd) => system::pidfd_signal(fd, signal),
            None => drop(nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid), signal)),
        }
    }

    /// Returns when it has ended.
    pub(super) async fn gone(&self, clock: &SharedClock) {
        if let Some(watched) = self.watched.get_or_init(|| self.watch())
            && watched.readable().await.is_ok()
        {
            return;
        }
        while self.lives() {
            clock.sleep_until(clock.now().elapsed + FALLBACK).await;
        }
    }

    fn watch(&self) -> Option<AsyncFd<Arc<OwnedFd>>> {
        let fd = Arc::clone(self.fd.as_ref()?);
        // SAFETY: the descriptor is open as long as its owner lives, which the watch holds, and it never changes.
        unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }.ok()
    }
}

fn readable(fd: &OwnedFd) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one initialised entry is given, and the call returns at once.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

/// Frees what the system keeps of an ended child, and tells how it ended, once. An embedder that reaps all children itself
/// may have been faster; then it is `None`.
pub(super) fn reap(pid: i32) -> Option<WaitStatus> {
    waitpid(nix::unistd::Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)).ok()
}

/// The processes that live and carry the marks, held. Looking at all of them takes milliseconds, away from the runtime.
pub(super) async fn hunt(marks: &Marks, among: Among) -> io::Result<Vec<Held>> {
    match among {
        Among::After(_) => find(marks, among),
        Among::All => {
            let marks = marks.clone();
            tokio::task::spawn_blocking(move || find(&marks, among)).await.map_err(io::Error::other)?
        }
    }
}
