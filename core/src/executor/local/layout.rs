//! Where things are: folders of runs and steps, and the few words that are written into them.
//!
//! ```text
//! ROOT/RUN/workspace-1/        generation 1 of the workspace; appears by a rename, so it is there whole or not at all
//! ROOT/RUN/steps/SLUG/         one attempt
//!     token      taken once: the process id of the shim, or "stopped"
//!     script     what a shell or interpreter runs
//!     log        stdout and stderr as they were written
//!     output     `$WINDLASS_OUTPUT`
//!     exit       the exit code and a full stop, which tells a whole file from a torn one
//!     forgotten  the log's length, once the log is dropped
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::executor::MAX_OUTPUT_BYTES;
use crate::run::{RunId, StepEnd, StepKey};

/// What a token says when a stop took it.
const TOMBSTONE: &str = "stopped\n";

/// The folder of a run.
#[derive(Clone, Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    run: RunId,
}

impl RunFolder {
    pub(super) fn new(root: &Path, run: RunId) -> Self {
        Self { path: root.join(run.to_string()), run }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn workspace(&self, generation: u32) -> PathBuf {
        self.path.join(format!("workspace-{generation}"))
    }

    pub(super) fn steps(&self) -> PathBuf {
        self.path.join("steps")
    }

    pub(super) fn step(&self, key: &StepKey) -> StepFolder {
        let slug = key.slug();
        let cookie = format!("{COOKIE_NAME}={}/{slug}", self.run);
        StepFolder { path: self.steps().join(slug), cookie }
    }

    /// What the environment of every process of the run starts its cookie with.
    pub(super) fn cookie_prefix(&self) -> String {
        format!("{COOKIE_NAME}={}/", self.run)
    }

    /// The newest workspace that is there.
    pub(super) fn newest_workspace(&self) -> io::Result<Option<PathBuf>> {
        let mut newest = None;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let generation =
                entry.file_name().to_str().and_then(|name| name.strip_prefix("workspace-")?.parse::<u32>().ok());
            newest = newest.max(generation);
        }
        Ok(newest.map(|generation| self.workspace(generation)))
    }
}

/// The variable by which processes of a step are known, wherever they went.
pub(super) const COOKIE_NAME: &str = "WINDLASS_STEP";

/// The folder of one attempt.
#[derive(Clone, Debug)]
pub(super) struct StepFolder {
    path: PathBuf,
    cookie: String,
}

/// What a step's folder says. Whether its process lives is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StepState {
    /// There is no folder.
    Gone,
    /// Nobody took the token.
    Free,
    /// A stop took the token.
    Stopped,
    /// A shim took the token; its process id is missing when the shim died in that moment.
    Taken { shim: Option<i32> },
    /// The exit file is whole.
    Ended { end: StepEnd, shim: Option<i32> },
}

/// A token as it was read.
enum Token {
    Free,
    Stopped,
    Taken(Option<i32>),
}

impl StepFolder {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// `NAME=VALUE` as it stands in the environment of the step's processes.
    pub(super) fn cookie(&self) -> &str {
        &self.cookie
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    pub(super) fn script(&self) -> PathBuf {
        self.path.join("script")
    }

    pub(super) fn output(&self) -> PathBuf {
        self.path.join("output")
    }

    /// The empty folder of a step that does not see the workspace.
    pub(super) fn own_workspace(&self) -> PathBuf {
        self.path.join("workspace")
    }

    /// Makes the folder; false when it was there.
    pub(super) fn create(&self) -> io::Result<bool> {
        match DirBuilder::new().mode(0o700).create(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the token so that no start finds it free; false when it was taken.
    pub(super) fn take_tombstone(&self) -> io::Result<bool> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path.join("token")) {
            Ok(mut token) => token.write_all(TOMBSTONE.as_bytes()).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Opens the log for the step, and makes the file of its outputs.
    pub(super) fn open_files(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        options.open(self.output())?;
        options.open(self.log())
    }

    /// Writes a file of the folder. With `replace` it appears as a whole, for another start may be reading it.
    pub(super) fn write(&self, name: &str, text: &str, replace: bool) -> io::Result<()> {
        if !replace {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o700).open(self.path.join(name))?;
            return file.write_all(text.as_bytes());
        }
        let draft = tempfile_name(&self.path, name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o700).open(&draft)?;
        file.write_all(text.as_bytes())?;
        fs::rename(draft, self.path.join(name))
    }

    pub(super) fn state(&self) -> io::Result<StepState> {
        let exit = self.exit()?;
        let token = self.token()?;
        Ok(match (exit, token) {
            (Some(end), Token::Taken(shim)) => StepState::Ended { end, shim },
            (Some(end), _) => StepState::Ended { end, shim: None },
            (None, Token::Taken(shim)) => StepState::Taken { shim },
            (None, Token::Stopped) => StepState::Stopped,
            (None, Token::Free) if self.path.is_dir() => StepState::Free,
            (None, Token::Free) => StepState::Gone,
        })
    }

    /// Device and inode of the log, by which a process that writes to it is known.
    pub(super) fn log_identity(&self) -> Option<(u64, u64)> {
        fs::metadata(self.log()).ok().map(|data| (data.dev(), data.ino()))
    }

    /// The log's length, also once it is dropped.
    pub(super) fn log_length(&self) -> io::Result<u64> {
        if let Some(length) = self.forgotten()? {
            return Ok(length);
        }
        match fs::metadata(self.log()) {
            Ok(data) => Ok(data.len()),
            // Dropped since the look before.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.forgotten()?.unwrap_or(0)),
            Err(error) => Err(error),
        }
    }

    /// The length of a log that was dropped.
    pub(super) fn forgotten(&self) -> io::Result<Option<u64>> {
        Ok(read_if_there(&self.path.join("forgotten"))?.and_then(|text| text.trim().parse().ok()))
    }

    /// Drops the log and keeps its length.
    pub(super) fn forget(&self) -> io::Result<()> {
        if self.forgotten()?.is_none() {
            match fs::metadata(self.log()) {
                Ok(data) => self.write("forgotten", &format!("{}\n", data.len()), true)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        match fs::remove_file(self.log()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn read_output(&self) -> io::Result<Bytes> {
        let file = match File::open(self.output()) {
            Ok(file) => file,
            // The step may remove it; then it wrote nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Bytes::new()),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(MAX_OUTPUT_BYTES as u64).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }

    fn token(&self) -> io::Result<Token> {
        Ok(match read_if_there(&self.path.join("token"))? {
            None => Token::Free,
            Some(text) if text == TOMBSTONE => Token::Stopped,
            Some(text) => Token::Taken(text.strip_suffix('\n').and_then(|pid| pid.parse().ok())),
        })
    }

    fn exit(&self) -> io::Result<Option<StepEnd>> {
        Ok(read_if_there(&self.path.join("exit"))?.as_deref().and_then(parse_exit))
    }
}

/// Reads an exit file; `None` for a torn one.
fn parse_exit(text: &str) -> Option<StepEnd> {
    let code: i32 = text.strip_suffix(".\n")?.parse().ok()?;
    // A shell says 128 + n for signal n, and has no other way to say it.
    let highest = 64;
    Some(if code > 128 && code <= 128 + highest { StepEnd::Signal(code - 128) } else { StepEnd::Code(code) })
}

fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A name that no other thread or process uses now.
pub(super) fn tempfile_name(folder: &Path, name: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!(".{name}.{}.{count}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_file_without_its_full_stop_is_torn() {
        assert_eq!(parse_exit("0.\n"), Some(StepEnd::Code(0)));
        assert_eq!(parse_exit("42.\n"), Some(StepEnd::Code(42)));
        assert_eq!(parse_exit("255.\n"), Some(StepEnd::Code(255)));
        assert_eq!(parse_exit("137.\n"), Some(StepEnd::Signal(9)));
        for torn in ["", "4", "42", "42.", ".\n", "x.\n"] {
            assert_eq!(parse_exit(torn), None, "{torn:?}");
        }
    }
}
