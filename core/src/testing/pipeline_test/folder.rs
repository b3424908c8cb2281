//! A folder for the data of one test. Here and not from a library, which every embedder would get with the engine.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io, process};

use crate::disk;
use crate::error::{Error, ErrorKind, Result};

/// A folder of its own, removed with all that is in it when the value is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

static NUMBER: AtomicU32 = AtomicU32::new(1);

impl Folder {
    pub(super) fn new() -> Result<Self> {
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("windlass-test-{}-{number}", process::id()));
            match disk::make_folder(&path) {
                Ok(()) => return Ok(Self(path)),
                // An earlier process of this number was killed, or somebody wants to be in the way: never used.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let message = format!("the folder {} for the test's data cannot be made: {error}", path.display());
                    return Err(Error::new(ErrorKind::Unavailable, "noTestFolder", "test", message).with_source(error));
                }
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays is in the folder for temporary files; a test has no use for the reason.
        let _ = fs::remove_dir_all(&self.0);
    }
}
