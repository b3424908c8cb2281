//! The daemons of the cluster that `tests/cluster/up` has brought up, for tests that stop them. Nothing else may use the cluster
//! meanwhile.
#![expect(clippy::panic, reason = "a daemon that cannot be told ends the test that wants it")]

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cluster::own_root;

/// The daemons. All go on when this goes.
#[derive(Debug)]
pub struct Daemons {
    folder: PathBuf,
}

impl Daemons {
    /// Of our own cluster; `None` when `KUBECONFIG` names another one, in which nothing is stopped.
    pub fn find() -> Option<Self> {
        let is_ours = std::env::var_os("KUBECONFIG").is_none_or(|path| path.is_empty());
        is_ours.then(|| Self { folder: own_root().join("run/daemons") })
    }

    /// Stands still until [`go_on`](Self::go_on).
    pub fn stand_still(&self, name: &str) {
        self.signal(name, Signal::SIGSTOP);
    }

    /// Goes on.
    pub fn go_on(&self, name: &str) {
        self.signal(name, Signal::SIGCONT);
    }

    /// Ends at once.
    pub fn kill(&self, name: &str) {
        self.signal(name, Signal::SIGKILL);
    }

    /// Starts what does not run, with one more variable in its environment.
    pub fn bring_up(&self, variable: Option<(&str, &str)>) {
        let up = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster/up");
        let output =
            Command::new(up).envs(variable).output().unwrap_or_else(|error| panic!("tests/cluster/up: {error}"));
        assert!(output.status.success(), "tests/cluster/up: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn signal(&self, name: &str, signal: Signal) {
        let pid = self.pid(name).unwrap_or_else(|| panic!("{name} does not run"));
        kill(pid, signal).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// The process, when it is the one that was started: ids are used again.
    fn pid(&self, name: &str) -> Option<Pid> {
        let text = std::fs::read_to_string(self.folder.join(name)).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields = stat.rsplit_once(") ")?.1;
        (fields.split(' ').nth(19) == Some(started)).then(|| pid.parse().ok().map(Pid::from_raw))?
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        for name in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if let Some(pid) = self.pid(&name.file_name().to_string_lossy()) {
                let _ = kill(pid, Signal::SIGCONT);
            }
        }
        self.bring_up(None);
    }
}
