//! Running the program in a folder of its own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The longest that a test waits for something that ought to happen soon.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with files and a data directory.
pub(crate) struct Place {
    folder: TempDir,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Each line of the standard output as JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect()
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.text(), self.err);
        self
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let code = output.status.code().unwrap_or(-1);
        Self { code, out: output.stdout, err: String::from_utf8_lossy(&output.stderr).into_owned() }
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A place with this definition in `ci.yaml`.
    pub(crate) fn with(definition: &str) -> Self {
        let place = Self::new();
        place.write("ci.yaml", definition);
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join(".windlass")
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass-under-test"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for variable in ["WINDLASS_LOG", "WINDLASS_CRASH_AT", "WINDLASS_BUG", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    /// Starts the command and goes on; its output is collected in the background.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Running { out: Collected::from(out), err: Collected::from(err), child }
    }
}

/// A command that goes on.
pub(crate) struct Running {
    child: Child,
    pub(crate) out: Collected,
    pub(crate) err: Collected,
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    pub(crate) fn end(mut self) -> Said {
        let status = self.child.wait().unwrap();
        let code = status.code().unwrap_or(-1);
        Said { code, out: self.out.all(), err: String::from_utf8_lossy(&self.err.all()).into_owned() }
    }
}

/// What came over a pipe so far.
pub(crate) struct Collected {
    bytes: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Collected {
    fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = bytes.clone();
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 65536];
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                sink.lock().unwrap().extend_from_slice(&piece[..length]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// Waits until this was said.
    #[track_caller]
    pub(crate) fn wait_for(&self, words: &str) {
        wait_until(&format!("{words:?} is said; so far: {}", self.text()), || self.text().contains(words));
    }

    fn all(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        std::mem::take(&mut *self.bytes.lock().unwrap())
    }
}

/// Waits for a condition that another process brings about.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the time of another process cannot be given to it")]
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Processes whose command line holds these words.
pub(crate) fn processes(words: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) || name == own {
            continue;
        }
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(words) {
            found.push(format!("{name} {line}"));
        }
    }
    found
}
