//! Copying logs into another folder, for backups. Whoever copies a log that is still written says how far.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::error::LogError;
use super::segment;
use super::store::LogStore;
use crate::disk;
use crate::run::{RunId, StepKey};

impl LogStore {
    /// Copies all logs of a run whose logs grow no more, and flushes them. Gives the number of bytes. Blocks.
    pub(crate) fn copy_run(&self, run: RunId, to: &Self) -> Result<u64, LogError> {
        let (from, to) = (self.run_folder(run), to.run_folder(run));
        let mut bytes = 0;
        for folder in names(&from, |kind| kind.is_dir())? {
            let (from, to) = (from.join(&folder), to.join(&folder));
            make(&to)?;
            for file in names(&from, |kind| kind.is_file())? {
                bytes += copy_file(&from.join(&file), &to.join(&file), u64::MAX)?;
            }
            flush(&to)?;
        }
        if to.is_dir() {
            flush(&to)?;
        }
        Ok(bytes)
    }

    /// Copies the log of one attempt up to `end`, which was committed, and flushes it. It may be written meanwhile. Gives
    /// the number of bytes. Blocks.
    pub(crate) fn copy_attempt(&self, key: &StepKey, end: u64, to: &Self) -> Result<u64, LogError> {
        let (from, to) = (self.folder(key), to.folder(key));
        let segments = segment::list(&from)?;
        segment::check_complete(&from, &segments, end)?;
        make(&to)?;
        let mut bytes = copy_index(&from, &to)?;
        for segment in segments.iter().filter(|segment| segment.start < end) {
            bytes += copy_file(&segment.path, &segment::path(&to, segment.start), end - segment.start)?;
        }
        flush(&to)?;
        to.parent().map_or(Ok(()), flush)?;
        Ok(bytes)
    }

    /// Says whether the log has every byte before `end`. Blocks.
    pub(crate) fn check(&self, key: &StepKey, end: u64) -> Result<(), LogError> {
        let folder = self.folder(key);
        segment::check_complete(&folder, &segment::list(&folder)?, end)
    }
}

/// The index is a help: an attempt may have none.
fn copy_index(from: &Path, to: &Path) -> Result<u64, LogError> {
    let index = from.join(super::index::FILE);
    if index.exists() { copy_file(&index, &to.join(super::index::FILE), u64::MAX) } else { Ok(0) }
}

/// The names of a kind in a folder; none when there is no such folder.
fn names(folder: &Path, wanted: impl Fn(fs::FileType) -> bool) -> Result<Vec<std::ffi::OsString>, LogError> {
    let failed = |error: &io::Error| LogError::from_io(folder, "reading", error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| failed(&error))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed(&error))?;
        if wanted(entry.file_type().map_err(|error| failed(&error))?) {
            names.push(entry.file_name());
        }
    }
    Ok(names)
}

/// At most so many bytes into a new file, which is durable afterwards. The system copies: no byte comes into memory here.
fn copy_file(from: &Path, to: &Path, most: u64) -> Result<u64, LogError> {
    let source = File::open(from).map_err(|error| LogError::from_io(from, "reading", &error))?;
    let copied = File::create_new(to).and_then(|mut file| {
        let copied = io::copy(&mut source.take(most), &mut file)?;
        file.sync_all()?;
        Ok(copied)
    });
    copied.map_err(|error| LogError::from_io(to, "writing", &error))
}

fn make(folder: &Path) -> Result<(), LogError> {
    fs::create_dir_all(folder).map_err(|error| LogError::from_io(folder, "making", &error))
}

fn flush(folder: &Path) -> Result<(), LogError> {
    disk::flush(folder).map_err(|error| LogError::from_io(folder, "flushing", &error))
}
