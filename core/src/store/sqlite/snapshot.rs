//! A copy of everything as it is at one moment.
//!
//! `VACUUM INTO` makes it, not the online backup API. Both read what one moment of the write-ahead log shows, so neither
//! holds up the writer; the log only grows by what is written meanwhile. `VACUUM INTO` needs no more memory than one cache
//! of pages, leaves out what deleted runs left free, reads every table to its end and so notices a broken page now rather
//! than when the copy is needed, and makes a file without a log of its own, which can also be read where nothing can be
//! written. The backup API copies page by page, which is faster, but starts again whenever a page changes meanwhile, unless
//! it does all in one step; then it has no advantage but its speed.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode};

use super::failure::{Failure, explain};
use super::schema::with_ending;
use crate::disk;
use crate::store::StoreError;

/// Tells apart what this process writes at the same time.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Writes everything that the connection sees into a new file.
pub(super) fn write(db: &Connection, path: &Path) -> Result<(), Failure> {
    // An absolute path is never taken for a URI.
    let path = std::path::absolute(path).map_err(|error| failed(path, &error))?;
    refuse_existing(&path)?;
    let part = Part::make(&path)?;
    fill(db, &part.path).map_err(|error| match error.sqlite_error_code() {
        // That is about what is copied.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Failure::Sqlite(error),
        _ => Failure::Refused(explain(&error, &path)),
    })?;
    part.publish(&path)
}

fn fill(db: &Connection, part: &Path) -> rusqlite::Result<()> {
    // Names of files are bytes and need not be UTF-8.
    let name = ToSqlOutput::Borrowed(ValueRef::Text(part.as_os_str().as_encoded_bytes()));
    db.execute("VACUUM INTO ?1", [name]).map(|_| ())
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    StoreError::from_io(path, "writing a snapshot to", error).into()
}

fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(path, &error)),
        Ok(_) => Err(taken(path)),
    }
}

fn taken(path: &Path) -> Failure {
    let why = "there is something at that path already: choose another one".to_owned();
    StoreError::Io { doing: format!("writing a snapshot to {}", path.display()), why }.into()
}

/// A file that is not complete yet, beside its final place. It goes when it does not get there.
struct Part {
    path: PathBuf,
}

impl Part {
    /// Makes it empty, for its owner only: runs may show what not everyone should see.
    fn make(target: &Path) -> Result<Self, Failure> {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = with_ending(target, &format!(".part-{}-{count}", std::process::id()));
        let made = disk::for_owner(OpenOptions::new().write(true).create_new(true)).open(&path);
        made.map_err(|error| failed(target, &error))?;
        Ok(Self { path })
    }

    /// Gives it its final name once it is on the disk, and takes nobody else's place.
    fn publish(self, target: &Path) -> Result<(), Failure> {
        let published = disk::flush(&self.path).and_then(|()| {
            match fs::hard_link(&self.path, target) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
                // Not every file system has second names.
                Err(_) if fs::symlink_metadata(target).is_ok() => return Ok(false),
                Err(_) => fs::rename(&self.path, target)?,
                Ok(()) => {}
            }
            target.parent().map_or(Ok(()), disk::flush)?;
            Ok(true)
        });
        match published {
            Ok(true) => Ok(()),
            Ok(false) => Err(taken(target)),
            Err(error) => Err(failed(target, &error)),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(with_ending(&self.path, "-journal"));
    }
}
