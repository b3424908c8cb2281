//! What executors and the disk say.

use std::io;

use super::code;
use crate::executor::ExecutorError;
use crate::run::Cause;

/// Who failed: what a retry and a person's next step depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// The step: user's mistake.
    Failure,
    /// The engine, the executor, the disk, the cluster.
    Infrastructure,
    /// Nobody knows how it ended.
    Lost,
    /// It was stopped before it began.
    Stopped,
}

/// An error with its cause for people and its class for the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// For people.
    pub cause: Cause,
    /// For the run.
    pub class: FailureClass,
}

/// What to do when nobody knows how a step ended.
const LOST_ADVICE: &str = "It may have done its work, or a part of it, so that Windlass does not repeat it by itself. Look at what \
                           it did, and start the run again; if it is safe to do twice, let the task `retry` on `lost`.";

/// Why an executor could not do what it was asked.
pub fn executor_error(error: &ExecutorError) -> Explained {
    let message = error.to_string();
    let explained =
        |class, code: &str, advice: &str| Explained { cause: Cause::new(code, message.clone(), advice), class };
    match error {
        ExecutorError::WorkspaceLost { .. } => explained(
            FailureClass::Lost,
            code::WORKSPACE_LOST,
            "What the tasks left in it is gone with it. Start the run again; for machines that come and go, `retry: {from: TASK}` \
             repeats what is needed by itself.",
        ),
        ExecutorError::Lost { .. } => explained(FailureClass::Lost, code::LOST, LOST_ADVICE),
        ExecutorError::NeverStarted => explained(FailureClass::Stopped, code::NEVER_STARTED, ""),
        ExecutorError::BadStep { code, advice, .. } => explained(FailureClass::Failure, code, advice),
        ExecutorError::Unsupported { .. } => explained(FailureClass::Failure, code::UNSUPPORTED, ""),
        ExecutorError::Io { doing, source } => {
            Explained { cause: io_error(doing, source), class: FailureClass::Infrastructure }
        }
        ExecutorError::Infrastructure { code, advice, .. } => explained(FailureClass::Infrastructure, code, advice),
    }
}

/// Why the disk, or what stands behind it, refused. `doing` is what was being done, with the path.
pub fn io_error(doing: &str, error: &io::Error) -> Cause {
    let (code, advice) = match error.kind() {
        _ if is_open_files(error) => (
            code::TOO_MANY_OPEN_FILES,
            "Raise the limit on open files of the process that embeds Windlass (`ulimit -n`), or let fewer tasks run at once.",
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (code::NO_SPACE, "Free some space (`df -h` and `df -i` show what is full), or move the data directory.")
        }
        io::ErrorKind::ReadOnlyFilesystem => (
            code::READ_ONLY,
            "Put the data directory on a disk that can be written; one with errors becomes read-only (dmesg).",
        ),
        io::ErrorKind::PermissionDenied => (
            code::PERMISSION_DENIED,
            "Give the user of the process that embeds Windlass the right to it (`ls -ld`, `id`).",
        ),
        io::ErrorKind::ExecutableFileBusy => {
            (code::TEXT_FILE_BUSY, "Somebody still has the file open for writing. Another try mostly helps.")
        }
        io::ErrorKind::ArgumentListTooLong => {
            (code::ARGUMENTS_TOO_LONG, "Pass what is big through a file instead of arguments or environment.")
        }
        io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock => {
            (code::NO_MEMORY, "Let fewer tasks run at once, or raise the limits on memory and processes (`ulimit -u`).")
        }
        io::ErrorKind::NotFound => {
            (code::IO, "Something removed it while it was in use, or it never was there: look at the path.")
        }
        io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            (code::UNREACHABLE, "Look whether the service is up, and whether this machine may reach it.")
        }
        _ => (code::IO, ""),
    };
    Cause::new(code, format!("{doing}: {error}"), advice)
}

#[cfg(unix)]
fn is_open_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(not(unix))]
fn is_open_files(_error: &io::Error) -> bool {
    false
}
