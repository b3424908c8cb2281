//! Programs that were just written.
//!
//! A process that is started while another thread has a file open for writing inherits the open file until it becomes its program. As
//! long as that takes, the file cannot be executed: "Text file busy". Who starts processes in many threads meets that.

use std::path::Path;

/// Waits until no process has the file open for writing, for at most a second. Where that cannot be asked, it returns at once.
#[cfg(target_os = "linux")]
#[expect(
    clippy::disallowed_methods,
    reason = "the system tells nobody when the last writer goes, and it is no virtual one"
)]
pub(super) fn by_nobody_any_more(program: &Path) {
    use std::os::unix::fs::OpenOptionsExt;

    const TRIES: u32 = 1000;
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let Ok(file) = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(program) else { return };
    for _ in 0..TRIES {
        if !is_written(&file) {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Elsewhere it cannot be asked.
#[cfg(not(target_os = "linux"))]
pub(super) fn by_nobody_any_more(_program: &Path) {}

/// Whether somebody has the file open for writing: then nobody gets a lease for reading it.
#[cfg(target_os = "linux")]
fn is_written(file: &std::fs::File) -> bool {
    use std::os::fd::AsRawFd;

    // SAFETY: the descriptor is open, and the third argument is a number.
    let leased = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) };
    if leased < 0 {
        return std::io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN);
    }
    // SAFETY: as above. The next writer is not to be held up until the file is closed.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
    false
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::process::Command;

    use super::{by_nobody_any_more, is_written};

    #[test]
    fn a_program_is_written_as_long_as_it_cannot_be_executed() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        std::fs::copy("/bin/true", &program).unwrap();
        let writer = OpenOptions::new().append(true).open(&program).unwrap();
        let file = File::open(&program).unwrap();
        assert!(is_written(&file));
        assert_eq!(Command::new(&program).status().unwrap_err().kind(), io::ErrorKind::ExecutableFileBusy);
        drop(writer);
        by_nobody_any_more(&program);
        assert!(!is_written(&file));
        assert!(Command::new(&program).status().unwrap().success());
    }

    #[test]
    fn what_is_not_there_is_not_waited_for() {
        by_nobody_any_more(&tempfile::tempdir().unwrap().path().join("missing"));
    }
}
