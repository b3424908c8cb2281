//! A Docker engine of a test's own, which may be restarted, killed and filled up.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::site::{Site, docker};

/// How long an engine may take to begin or to end. Far more than it needs, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks.
const GLANCE: Duration = Duration::from_millis(20);

/// How an engine of a test's own is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct DaemonOptions {
    /// What becomes of its containers while it is away.
    pub on_restart: OnRestart,
    /// The size of its disk in bytes; as much as there is when not set.
    pub disk: Option<u64>,
    /// What it does with the logs of containers unless they say otherwise.
    pub logs: Logs,
}

/// What an engine does with the logs of containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logs {
    /// It keeps them, as engines have it unless told otherwise.
    #[default]
    Keep,
    /// It throws them away (`log-driver: none`).
    Drop,
}

/// What becomes of containers while their engine is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRestart {
    /// They end with it, as engines have it unless told otherwise.
    #[default]
    End,
    /// They go on (`live-restore`).
    GoOn,
}

/// A Docker engine of a test's own, with folders of its own and in a network of its own: neither it nor its containers reach
/// anything outside. It needs root and `dockerd`. Everything of it goes when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    folder: tempfile::TempDir,
    options: DaemonOptions,
    process: Option<Child>,
}

impl Daemon {
    /// Starts one, which has the busybox image of the site.
    pub fn start(site: &Site, options: DaemonOptions) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let mut this = Self { folder, options, process: None };
        std::fs::create_dir(this.data()).unwrap_or_else(|error| panic!("{error}"));
        if let Some(size) = options.disk {
            mount_memory(&this.data(), size);
        }
        this.begin();
        let tar = site.busybox_tar.display().to_string();
        this.docker(&["import", "--change", "CMD [\"/bin/sh\"]", &tar, &site.images.busybox]);
        this
    }

    /// Where it listens: `unix://…`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    /// Where it keeps its images and containers.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs the `docker` program against it. What it printed; panics when it fails.
    pub fn docker(&self, arguments: &[&str]) -> String {
        docker(&self.host(), arguments)
    }

    /// Ends it in an orderly way, and waits until it has.
    pub fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
    }

    /// Starts it where it does not go, and waits until it answers.
    pub fn begin(&mut self) {
        if self.process.is_some() {
            return;
        }
        let _ = std::fs::remove_file(self.folder.path().join("pid"));
        self.forget_containerd();
        let mut process = self.command().spawn().unwrap_or_else(|error| {
            panic!("this test needs a Docker engine of its own, install it with: apt-get install docker.io ({error})")
        });
        wait_until(|| {
            if let Ok(Some(status)) = process.try_wait() {
                panic!("the engine ended with {status}: {}", self.log());
            }
            self.answers()
        })
        .unwrap_or_else(|()| panic!("the engine does not answer: {}", self.log()));
        self.process = Some(process);
    }

    /// Its own log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn command(&self) -> Command {
        let folder = self.folder.path();
        let log = File::options().create(true).append(true).open(folder.join("log"));
        let log = log.unwrap_or_else(|error| panic!("{error}"));
        // On the network of the machine it would remove or share the bridge of the engine that is there.
        let mut command = Command::new("unshare");
        command
            .args(["--net", "dockerd"])
            .arg("--data-root")
            .arg(self.data())
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .args(["--host", &self.host(), "--iptables=false", "--ip6tables=false"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap_or_else(|error| panic!("{error}")))
            .stderr(log);
        if self.options.on_restart == OnRestart::GoOn {
            command.arg("--live-restore");
        }
        if self.options.logs == Logs::Drop {
            command.arg("--log-driver=none");
        }
        command
    }

    /// A killed engine takes its containerd with it, whose process number the next one finds: also that of a process that is
    /// dead and not buried yet. Then it waits for it in vain.
    fn forget_containerd(&self) {
        let file = self.folder.path().join("exec/containerd/containerd.pid");
        let Ok(pid) = std::fs::read_to_string(&file) else { return };
        let stat = format!("/proc/{}/stat", pid.trim());
        let dead = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
        wait_until(dead).unwrap_or_else(|()| panic!("containerd {pid} goes on without its engine"));
        let _ = std::fs::remove_file(file);
    }

    fn answers(&self) -> bool {
        let mut command = Command::new("docker");
        command.args(["--host", &self.host(), "version"]).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn signal(&mut self, signal: Signal) {
        let Some(mut process) = self.process.take() else { return };
        let pid = i32::try_from(process.id()).unwrap_or_else(|error| panic!("{error}"));
        let _ = kill(Pid::from_raw(pid), signal);
        if wait_until(|| matches!(process.try_wait(), Ok(Some(_)))).is_err() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the engine's log ended with: {}", last_lines(&self.log(), 20));
        } else {
            // Containers go on without their engine.
            self.begin();
        }
        if self.process.is_some() {
            let containers = self.docker(&["ps", "--all", "--quiet"]);
            let mut remove = vec!["rm", "--force"];
            remove.extend(containers.split_whitespace());
            if remove.len() > 2 {
                self.docker(&remove);
            }
        }
        self.stop();
        for mounted in mounts_below(self.folder.path()) {
            let _ = Command::new("umount").arg("--lazy").arg(mounted).status();
        }
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// The mount points below a folder, the innermost first.
fn mounts_below(folder: &Path) -> Vec<PathBuf> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    let mut below: Vec<_> = points.filter(|point| point.starts_with(folder)).collect();
    below.reverse();
    below
}

fn mount_memory(folder: &Path, size: u64) {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(folder);
    let status = command.status().unwrap_or_else(|error| panic!("mount is needed for this test: {error}"));
    assert!(status.success(), "this test mounts a small disk, which needs root");
}

#[expect(clippy::disallowed_methods, reason = "engines live in real time")]
fn wait_until(mut done: impl FnMut() -> bool) -> Result<(), ()> {
    let end = Instant::now() + PATIENCE;
    while !done() {
        if Instant::now() > end {
            return Err(());
        }
        std::thread::sleep(GLANCE);
    }
    Ok(())
}
