//! Where things are: folders of runs and steps, and the few words that are written into them.
//!
//! ```text
//! ROOT/RUN/workspace-1/        generation 1 of the workspace; appears by a rename, so it is there whole or not at all
//! ROOT/RUN/steps/SLUG/         one attempt
//!     token      taken once: a line with the shim's process id, or "stopped"; then a line with the exit code and a full
//!                stop, which tells a whole line from a torn one
//!     script     what a shell or interpreter runs
//!     log        stdout and stderr as they were written
//!     output     `$WINDLASS_OUTPUT`, when the step writes it
//!     secrets/   files with credentials, while the step runs
//!     forgotten  the log's length, once the log is dropped
//! ```
//!
//! Making a file is the dearest thing that a short step does, so there is no file too many. Names that begin with a dot are
//! drafts, which nobody looks at until they are renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::disk;
use crate::executor::MAX_OUTPUT_BYTES;
use crate::run::{RunId, StepEnd, StepKey};

/// What a token says when a stop took it.
const TOMBSTONE: &str = "stopped\n";

/// The folder of a run.
#[derive(Clone, Debug)]
pub(in crate::executor) struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    pub(in crate::executor) fn new(root: &Path, run: RunId) -> Self {
        Self { path: root.join(run.to_string()) }
    }

    /// The runs that have a folder. Other names below the root are not ours.
    pub(in crate::executor) fn all(root: &Path) -> io::Result<Vec<RunId>> {
        let mut runs = Vec::new();
        for entry in fs::read_dir(root)? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|name| name.parse::<RunId>().ok().filter(|run| run.to_string() == name));
            runs.extend(id);
        }
        runs.sort_unstable();
        Ok(runs)
    }

    pub(in crate::executor) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::executor) fn workspace(&self, generation: u32) -> PathBuf {
        self.path.join(format!("workspace-{generation}"))
    }

    pub(in crate::executor) fn steps(&self) -> PathBuf {
        self.path.join("steps")
    }

    pub(in crate::executor) fn step(&self, key: &StepKey) -> StepFolder {
        StepFolder { path: self.steps().join(key.slug()) }
    }

    /// Keeps in which boot of the machine the run began.
    pub(in crate::executor) fn mark_boot(&self) -> io::Result<()> {
        fs::write(self.path.join("boot"), crate::clock::boot().unwrap_or_default())
    }

    /// The newest workspace that is there.
    pub(in crate::executor) fn newest_workspace(&self) -> io::Result<Option<PathBuf>> {
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

/// The folder of one attempt.
#[derive(Clone, Debug)]
pub(in crate::executor) struct StepFolder {
    path: PathBuf,
}

/// What a step's folder says. Whether its process lives is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::executor) enum StepState {
    /// There is no folder.
    Gone,
    /// Nobody took the token.
    Free,
    /// A stop took the token.
    Stopped,
    /// A shim took the token; its process id is missing when the shim died in that moment.
    Taken { shim: Option<i32> },
    /// The shim wrote how the command ended.
    Ended { end: StepEnd, shim: i32 },
}

impl StepFolder {
    pub(in crate::executor) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::executor) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    pub(in crate::executor) fn output(&self) -> PathBuf {
        self.path.join("output")
    }

    /// The empty folder of a step that does not see the workspace.
    pub(in crate::executor) fn own_workspace(&self) -> PathBuf {
        self.path.join("workspace")
    }

    /// Makes the folder; false when it was there.
    pub(in crate::executor) fn create(&self) -> io::Result<bool> {
        match disk::make_folder(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            result => result.map(|()| true),
        }
    }

    /// Takes the token so that no start finds it free; false when it was taken.
    pub(in crate::executor) fn take_tombstone(&self) -> io::Result<bool> {
        self.take(TOMBSTONE)
    }

    /// Takes the token for this process; false when it was taken.
    pub(in crate::executor) fn take_token(&self) -> io::Result<bool> {
        self.take(&format!("{}\n", std::process::id()))
    }

    fn take(&self, text: &str) -> io::Result<bool> {
        match disk::for_owner(OpenOptions::new().write(true).create_new(true)).open(self.token()) {
            Ok(mut token) => token.write_all(text.as_bytes()).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes behind the token how the step ended, as the shim does it.
    pub(in crate::executor) fn append_end(&self, end: StepEnd) -> io::Result<()> {
        let mut token = OpenOptions::new().append(true).open(self.token())?;
        token.write_all(format!("{}.\n", end.exit_code()).as_bytes())
    }

    fn token(&self) -> PathBuf {
        self.path.join("token")
    }

    /// Writes a file of the folder, which appears as a whole, for another start may be reading it.
    pub(in crate::executor) fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let draft = tempfile_name(&self.path, name);
        open_writable(&draft, 0o700)?.write_all(text.as_bytes())?;
        fs::rename(draft, self.path.join(name))
    }

    pub(in crate::executor) fn state(&self) -> io::Result<StepState> {
        Ok(match read_if_there(&self.token())? {
            Some(text) => parse_token(&text),
            None if self.path.is_dir() => StepState::Free,
            None => StepState::Gone,
        })
    }

    /// The log's length, also once it is dropped.
    pub(in crate::executor) fn log_length(&self) -> io::Result<u64> {
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
    pub(in crate::executor) fn forgotten(&self) -> io::Result<Option<u64>> {
        Ok(read_if_there(&self.path.join("forgotten"))?.and_then(|text| text.trim().parse().ok()))
    }

    /// Drops the log and keeps its length.
    pub(in crate::executor) fn forget(&self) -> io::Result<()> {
        if self.forgotten()?.is_none() {
            match fs::metadata(self.log()) {
                Ok(data) => self.replace("forgotten", &format!("{}\n", data.len()))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        match fs::remove_file(self.log()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(in crate::executor) fn read_output(&self) -> io::Result<Bytes> {
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
}

fn parse_token(text: &str) -> StepState {
    if text == TOMBSTONE {
        return StepState::Stopped;
    }
    let Some((shim, exit)) = text.split_once('\n').and_then(|(pid, exit)| Some((pid.parse().ok()?, exit))) else {
        return StepState::Taken { shim: None };
    };
    match exit.strip_suffix(".\n").and_then(|code| code.parse().ok()) {
        None => StepState::Taken { shim: Some(shim) },
        // A shell says 128 + n for signal n, and has no other way to say it.
        Some(code @ 129..=192) => StepState::Ended { end: StepEnd::Signal(code - 128), shim },
        Some(code) => StepState::Ended { end: StepEnd::Code(code), shim },
    }
}

fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a file for writing from its start, and makes it when it is missing.
pub(in crate::executor) fn open_writable(path: &Path, mode: u32) -> io::Result<File> {
    disk::with_mode(OpenOptions::new().write(true).create(true).truncate(false), mode).open(path)
}

/// Opens a raw log for whoever copies into it, and makes it when it is missing.
pub(in crate::executor) fn open_log(path: &Path) -> io::Result<File> {
    disk::for_owner(OpenOptions::new().append(true).create(true)).open(path)
}

/// A name that no other thread or process uses now.
pub(in crate::executor) fn tempfile_name(folder: &Path, name: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!(".{name}.{}.{count}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_how_far_the_step_came() {
        let ended = |end| StepState::Ended { end, shim: 17 };
        assert_eq!(parse_token("17\n0.\n"), ended(StepEnd::Code(0)));
        assert_eq!(parse_token("17\n42.\n"), ended(StepEnd::Code(42)));
        assert_eq!(parse_token("17\n255.\n"), ended(StepEnd::Code(255)));
        assert_eq!(parse_token("17\n137.\n"), ended(StepEnd::Signal(9)));
        assert_eq!(parse_token("stopped\n"), StepState::Stopped);
    }

    #[test]
    fn a_torn_token_is_taken_and_never_an_end() {
        for torn in ["", "1", "17", "stopp", "x\n0.\n"] {
            assert_eq!(parse_token(torn), StepState::Taken { shim: None }, "{torn:?}");
        }
        for torn in ["17\n", "17\n4", "17\n42", "17\n42.", "17\n.\n", "17\nx.\n"] {
            assert_eq!(parse_token(torn), StepState::Taken { shim: Some(17) }, "{torn:?}");
        }
    }
}
