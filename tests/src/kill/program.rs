//! The command line as a child process: started, killed at a moment or at a named point, waited for.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::scenario::ScenarioName;
use crate::cluster::TestCluster;

/// How long a process may take that nobody kills. Far more than it needs, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks.
const GLANCE: Duration = Duration::from_millis(1);

/// The helper of containers, as Debian has it.
const STATIC_BUSYBOX: &str = "/usr/bin/busybox";

/// What kills the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wound {
    /// Nothing: it comes to its end.
    None,
    /// SIGKILL from outside, after so long.
    After(Duration),
    /// Ctrl-C after so long, and SIGKILL so long after that.
    Interrupted {
        /// The time before Ctrl-C.
        after: Duration,
        /// The time from there to the kill.
        killed: Duration,
    },
    /// SIGKILL from inside at the n-th visit of a named point.
    At {
        /// One of `windlass::failpoint::CRASH_POINTS`.
        point: String,
        /// 1 for the first visit.
        visit: u32,
    },
}

/// How to start the command line on one data directory.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program under test.
    pub path: PathBuf,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// A deliberate bug that every process has, one of `windlass::failpoint::BUGS`.
    pub bug: Option<String>,
    /// Where its steps run.
    pub ground: Ground,
}

/// Where the steps of the trials run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ground {
    /// Processes of this machine.
    #[default]
    Local,
    /// Containers of a Docker engine.
    Docker {
        /// Where the engine listens, as `DOCKER_HOST` has it.
        engine: String,
        /// The image of the steps.
        image: String,
    },
    /// Pods of a Kubernetes cluster whose only node is this machine.
    Kubernetes {
        /// The cluster.
        cluster: TestCluster,
        /// The namespace of the pods, which is there.
        namespace: String,
    },
}

impl Ground {
    /// Pods of the cluster of the tests.
    pub fn kubernetes() -> Self {
        let (cluster, namespace) = (TestCluster::find(), "windlass-kills".to_owned());
        cluster.make_namespace(&namespace);
        Self::Kubernetes { cluster, namespace }
    }

    /// The pipelines that are tried there. What is kept of a failed run is looked at only where it is a folder.
    pub fn scenarios(&self) -> &'static [ScenarioName] {
        match self {
            Self::Local => &ScenarioName::ALL,
            Self::Docker { .. } | Self::Kubernetes { .. } => {
                &[ScenarioName::Steady, ScenarioName::Cancelled, ScenarioName::Acting]
            }
        }
    }

    /// The definition for this ground. In containers, steps see the witness only when its folder is mounted.
    pub(super) fn document(&self, document: &str, folder: &Path) -> String {
        let image = match self {
            Self::Local => return document.to_owned(),
            Self::Docker { image, .. } => image.clone(),
            Self::Kubernetes { cluster, .. } => format!("{}/busybox:2", cluster.images),
        };
        let folder = folder.display();
        let mut text = String::new();
        for line in document.lines() {
            let indent = &line[..line.len() - line.trim_start().len()];
            if line.trim_start().starts_with("script:") {
                text += &format!("{indent}image: {image}\n");
                text += &format!("{indent}container: {{volumes: [{{source: {folder}, target: {folder}}}]}}\n");
            }
            text += line;
            text.push('\n');
        }
        text
    }

    /// What the run command needs beside the definition.
    pub(super) fn arguments(&self) -> &'static [&'static str] {
        match self {
            Self::Local => &[],
            Self::Docker { .. } => &["--executor", "docker"],
            Self::Kubernetes { .. } => &["--executor", "kubernetes"],
        }
    }

    /// What has to be known in the data directory before a run.
    pub(super) fn set_up(&self) -> Option<Vec<String>> {
        let Self::Kubernetes { cluster, namespace } = self else { return None };
        let kubeconfig = cluster.kubeconfig.to_string_lossy().into_owned();
        let words = ["cluster", "add", "test", "--kubeconfig", &kubeconfig, "--namespace", namespace];
        Some(words.map(str::to_owned).to_vec())
    }

    /// What is left of the trial in this folder: containers and volumes, or objects of the cluster.
    pub(super) fn left(&self, folder: &Path) -> io::Result<Vec<String>> {
        let engine = match self {
            Self::Local => return Ok(Vec::new()),
            Self::Docker { engine, .. } => engine,
            Self::Kubernetes { cluster, namespace } => return left_in_cluster(cluster, namespace, folder),
        };
        let Ok(installation) = std::fs::read_to_string(folder.join("installation")) else { return Ok(Vec::new()) };
        let label = format!("label=dev.windlass.installation={}", installation.trim());
        let mut left = Vec::new();
        for list in [&["ps", "--all"][..], &["volume", "ls"]] {
            let listed = Command::new("docker")
                .args(["--host", engine])
                .args(list)
                .args(["--quiet", "--filter", &label])
                .output()?;
            let names = String::from_utf8_lossy(&listed.stdout);
            left.extend(names.lines().map(|name| format!("{} {name}", list[0])));
        }
        Ok(left)
    }
}

/// Pods and owners with the label of the trial's installation.
fn left_in_cluster(cluster: &TestCluster, namespace: &str, folder: &Path) -> io::Result<Vec<String>> {
    let word = folder.join("data/executors/kubernetes/installation");
    let Ok(word) = std::fs::read_to_string(word) else { return Ok(Vec::new()) };
    let digest: String = Sha256::digest(word.trim().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let label = format!("windlass.dev/installation={}", &digest[..16]);
    let arguments = ["--namespace", namespace, "get", "pods,configmaps", "--output", "name", "--selector", &label];
    let mut listed = String::new();
    // What is on its way out when the process ends is gone a moment later.
    let mut failed = None;
    becomes_true(Duration::from_secs(20), || {
        match cluster.try_kubectl(&arguments) {
            Ok(names) => listed = names,
            Err(error) => failed = Some(error),
        }
        listed.is_empty() || failed.is_some()
    });
    match failed {
        Some(error) => Err(io::Error::other(error)),
        None => Ok(listed.lines().map(str::to_owned).collect()),
    }
}

/// What came of a process.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// How long it lived.
    pub lived: Duration,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: String,
}

impl Outcome {
    /// Whether it was a signal that ended it: SIGKILL, or Ctrl-C before it could listen to that.
    pub fn was_killed(&self) -> bool {
        self.status.signal().is_some()
    }

    /// The events that it printed; a last line that the kill cut off is left out.
    pub fn events(&self) -> Result<Vec<Value>, String> {
        let whole = self.stdout.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = self.stdout[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .map(|line| {
                serde_json::from_slice(line).map_err(|error| {
                    format!("a line of --json is no JSON ({error}): {:?}", String::from_utf8_lossy(line))
                })
            })
            .collect()
    }
}

impl Program {
    /// Runs a verb, with a wound. `place` is where its output goes meanwhile.
    pub fn run(&self, arguments: &[&str], wound: &Wound, place: &Path) -> io::Result<Outcome> {
        let (out, err) = (place.join("stdout"), place.join("stderr"));
        let mut command = Command::new(&self.path);
        command.args(arguments).arg("--data-dir").arg(&self.data_dir);
        command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?);
        command.env_remove("WINDLASS_CRASH_AT").env_remove("WINDLASS_BUG");
        if let Wound::At { point, visit } = wound {
            command.env("WINDLASS_CRASH_AT", format!("{point}:{visit}"));
        }
        if let Some(bug) = &self.bug {
            command.env("WINDLASS_BUG", bug);
        }
        if let Ground::Docker { engine, .. } = &self.ground {
            command.env("DOCKER_HOST", engine).env("WINDLASS_TEST_FOLDER", place);
            command.env("WINDLASS_HELPER", STATIC_BUSYBOX);
        }
        if let Ground::Kubernetes { cluster, .. } = &self.ground {
            command.env("WINDLASS_TEST_FOLDER", place).env("WINDLASS_HELPER", format!("{}/busybox:1", cluster.images));
        }
        let watch = Stopwatch::start();
        let mut child = command.spawn()?;
        let status = match wound {
            Wound::After(moment) => kill_after(&mut child, *moment)?,
            Wound::Interrupted { after, killed } => interrupt(&mut child, *after, *killed)?,
            Wound::None | Wound::At { .. } => wait(&mut child)?,
        };
        let lived = watch.elapsed();
        let stderr = String::from_utf8_lossy(&std::fs::read(err)?).into_owned();
        Ok(Outcome { status, lived, stdout: std::fs::read(out)?, stderr })
    }
}

/// Kills the child at the moment, unless it has ended before.
fn kill_after(child: &mut Child, moment: Duration) -> io::Result<ExitStatus> {
    if let Some(status) = wait_at_most(child, moment)? {
        return Ok(status);
    }
    child.kill()?;
    child.wait()
}

fn interrupt(child: &mut Child, after: Duration, killed: Duration) -> io::Result<ExitStatus> {
    if let Some(status) = wait_at_most(child, after)? {
        return Ok(status);
    }
    // It has not been waited for, so that the number is still its own.
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), nix::sys::signal::Signal::SIGINT)?;
    kill_after(child, killed)
}

fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    if let Some(status) = wait_at_most(child, PATIENCE)? {
        return Ok(status);
    }
    child.kill()?;
    child.wait()?;
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("the process did not end within {PATIENCE:?}")))
}

fn wait_at_most(child: &mut Child, longest: Duration) -> io::Result<Option<ExitStatus>> {
    let watch = Stopwatch::start();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = longest.saturating_sub(watch.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        pause(left.min(GLANCE));
    }
}

/// Looks until it is so, or until so long has passed; returns whether it is so.
pub fn becomes_true(longest: Duration, mut look: impl FnMut() -> bool) -> bool {
    let watch = Stopwatch::start();
    loop {
        if look() {
            return true;
        }
        if watch.elapsed() >= longest {
            return false;
        }
        pause(10 * GLANCE);
    }
}

/// Lets real time pass: the processes under test live in it.
#[expect(clippy::disallowed_methods, reason = "the processes under test live in real time")]
pub fn pause(length: Duration) {
    std::thread::sleep(length);
}

/// Real time since a moment.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "the processes under test live in real time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long ago it was started.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
