//! Named points at which a test can crash the process, or plant a known bug.
//!
//! Only with the feature `failpoints`; otherwise every call is nothing at all. `WINDLASS_CRASH_AT=NAME` or `NAME:N` kills
//! the process with SIGKILL at the point's first or N-th visit. `WINDLASS_BUG=NAME` makes the deliberate bug of that name
//! happen, which shows that the tests of recovery would catch it.

/// Every place at which the process can be made to crash.
pub const CRASH_POINTS: &[&str] = &[
    "run.created",
    "run.started",
    "workspace.prepared",
    "attempt.committed",
    "step.folder",
    "step.spawned",
    "log.written",
    "log.synced",
    "log.committed",
    "exit.seen",
    "action.started",
    "action.ended",
    "attempt.finished",
    "log.forgotten",
    "stop.sent",
    "run.finished",
    "workspace.kept",
    "run.released",
];

/// The same around caches, artifacts and reports, to which only runs come whose tasks have some.
pub const FILING_CRASH_POINTS: &[&str] = &[
    "caches.restored",
    "caches.committed",
    "report.stored",
    "artifact.marked",
    "object.part",
    "object.sent",
    "artifact.uploaded",
    "artifact.committed",
    "cache.uploaded",
    "cache.kept",
];

/// Every deliberate bug, with the invariant that it breaks.
pub const BUGS: &[(&str, &str)] = &[
    ("log.skip-truncate", "every line once: recovery keeps log bytes that were never committed"),
    ("log.forget-source", "every line once: recovery reads the raw log from its start"),
    ("log.lose-tail", "every line once: the exit is reported before the log's tail was read"),
    ("step.ignore-token", "every step once: a start does not look at its token"),
    ("step.leave-descendants", "no process left: only the step's first process is stopped"),
    ("action.repeat", "every step once: an action that must not be repeated is called again after a crash"),
    ("run.keep-folder", "no file left: the workspace is not removed"),
    ("blobs.keep-unfinished", "filed whole: the opening leaves what a crash left of objects that were being written"),
    ("artifact.tell-early", "filed whole: an artifact is an event before it is stored"),
    ("sweep.forget-kept", "workspace kept: the sweep at the opening takes what failed runs keep"),
];

/// Crashes here when the environment asks for it.
#[cfg(feature = "failpoints")]
pub(crate) fn crash(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static VISITS: AtomicU32 = AtomicU32::new(0);
    debug_assert!(
        CRASH_POINTS.contains(&name) || FILING_CRASH_POINTS.contains(&name),
        "{name} is not in the list of crash points"
    );
    let Ok(wanted) = std::env::var("WINDLASS_CRASH_AT") else { return };
    let (wanted, visit) = match wanted.split_once(':') {
        Some((wanted, visit)) => (wanted.to_owned(), visit.parse().unwrap_or(1)),
        None => (wanted, 1),
    };
    if wanted == name && VISITS.fetch_add(1, Ordering::SeqCst) + 1 == visit {
        #[cfg(unix)]
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
        std::process::abort();
    }
}

/// Crashes here when the environment asks for it.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn crash(_name: &str) {}

/// Whether the deliberate bug of this name shall happen.
#[cfg(feature = "failpoints")]
pub(crate) fn bug(name: &str) -> bool {
    debug_assert!(BUGS.iter().any(|(known, _)| *known == name), "{name} is not in the list of bugs");
    std::env::var("WINDLASS_BUG").is_ok_and(|wanted| wanted == name)
}

/// Whether the deliberate bug of this name shall happen.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn bug(_name: &str) -> bool {
    false
}
