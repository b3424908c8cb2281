//! Processes where there is no `/proc`: by their group only, which is best effort.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Among, Held, Marks};

pub(super) fn pidfd(_pid: i32) -> io::Result<OwnedFd> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

pub(super) fn pidfd_signal(_fd: &OwnedFd, _signal: Signal) {}

pub(super) fn exists(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None).is_ok()
}

/// The cookie cannot be read here: a process of this number is taken for the one that is meant.
pub(in super::super) fn carries(pid: i32, _cookie: &str) -> bool {
    exists(pid)
}

/// The process group, under its negative number, as long as it has a member beside the shim.
pub(super) fn find(marks: &Marks, _among: Among) -> io::Result<Vec<Held>> {
    let group = marks.session.filter(|session| marks.spare != Some(*session));
    Ok(group.and_then(|group| Held::open(-group)).into_iter().collect())
}
