//! Processes as `/proc` shows them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use nix::sys::signal::Signal;

use super::{Among, Held, Marks};

pub(super) fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers; pidfds are always close-on-exec.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn pidfd_signal(fd: &OwnedFd, signal: Signal) {
    // SAFETY: the descriptor is open, and a null pointer stands for "as kill does it". An error means that it has ended.
    unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            fd.as_raw_fd(),
            signal as i32,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
}

pub(super) fn exists(pid: i32) -> bool {
    Status::of(pid).is_some()
}

/// Whether the process lives and has this `NAME=VALUE` in the environment with which it was started.
pub(in super::super) fn carries(pid: i32, cookie: &str) -> bool {
    has_cookie(pid, cookie, false)
}

fn has_cookie(pid: i32, cookie: &str, prefix: bool) -> bool {
    let Ok(environ) = fs::read(format!("/proc/{pid}/environ")) else { return false };
    let cookie = cookie.as_bytes();
    environ.split(|byte| *byte == 0).any(|entry| if prefix { entry.starts_with(cookie) } else { entry == cookie })
}

/// The number of the process or thread that was started last.
fn newest_pid() -> Option<i32> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().last()?.parse().ok()
}

/// What `stat` says of a process that has not ended.
struct Status {
    parent: i32,
    session: i32,
}

impl Status {
    fn of(pid: i32) -> Option<Self> {
        // One read is enough: the line is short, and the fields that count stand at its beginning.
        let mut line = [0; 512];
        let length = File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
        // The name stands in parentheses and may contain anything; what follows the last one is plain.
        let rest = line[..length].rsplit(|byte| *byte == b')').next()?;
        let rest = std::str::from_utf8(rest).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        Some(Self { parent, session })
    }
}

/// The processes that live and carry the marks, with all their children.
pub(super) fn find(marks: &Marks, among: Among) -> io::Result<Vec<Held>> {
    let mut found = BTreeSet::new();
    let mut others = Vec::new();
    let candidates = candidates(among)?;
    let pipe = marks.pipe.or_else(|| copied_pipe(&candidates, marks.log?));
    for pid in candidates {
        let Some(status) = Status::of(pid) else { continue };
        if marks.strangers.contains(&status.session) {
            continue;
        }
        if is_marked(pid, &status, marks, pipe) {
            found.insert(pid);
        } else {
            others.push((pid, status.parent));
        }
    }
    // Children of the found ones that shed every mark.
    loop {
        let before = others.len();
        others.retain(|(pid, parent)| {
            let child = found.contains(parent);
            if child {
                found.insert(*pid);
            }
            !child
        });
        if others.len() == before {
            break;
        }
    }
    Ok(found.into_iter().filter(|pid| Some(*pid) != marks.spare).filter_map(Held::open).filter(Held::lives).collect())
}

fn is_marked(pid: i32, status: &Status, marks: &Marks, pipe: Option<(u64, u64)>) -> bool {
    marks.session == Some(status.session)
        || has_cookie(pid, &marks.cookie, marks.prefix)
        || pipe.is_some_and(|pipe| [1, 2].iter().any(|number| file_of(pid, *number) == Some(pipe)))
}

/// The pipe that the copier of this log reads, which is whoever has the log as its output.
fn copied_pipe(candidates: &[i32], log: (u64, u64)) -> Option<(u64, u64)> {
    candidates.iter().find(|pid| file_of(**pid, 1) == Some(log)).and_then(|copier| file_of(*copier, 0))
}

/// Device and inode of a standard file of a process.
fn file_of(pid: i32, number: i32) -> Option<(u64, u64)> {
    fs::metadata(format!("/proc/{pid}/fd/{number}")).ok().map(|data| (data.dev(), data.ino()))
}

/// How many numbers are tried one by one before the whole list is read instead.
const FEW: i32 = 48;

fn candidates(among: Among) -> io::Result<Vec<i32>> {
    let everyone = || -> io::Result<Vec<i32>> {
        let mut pids = Vec::new();
        for entry in fs::read_dir("/proc")? {
            pids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
        }
        Ok(pids)
    };
    let Among::After(first) = among else { return everyone() };
    // Numbers are given out upwards, and from the bottom again after the last one.
    match newest_pid() {
        Some(last) if last >= first && last - first <= FEW => Ok((first + 1..=last).collect()),
        Some(last) if last >= first => Ok(everyone()?.into_iter().filter(|pid| *pid > first && *pid <= last).collect()),
        _ => everyone(),
    }
}
