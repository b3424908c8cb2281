//! How the database is laid out, and how it is opened.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::failure::{Failure, explain};
use super::steps::{STEPS, Step};
use crate::disk;
use crate::store::StoreError;

/// Tells SQLite files of Windlass from those of others: "Wndl".
const APPLICATION_ID: i32 = 0x576e_646c;

/// So many prepared statements are kept for each connection: more than there are, apart from rare filters.
const STATEMENTS: usize = 64;

/// How long a reader in another process, which repairs the log after a crash, is waited for.
const BUSY: Duration = Duration::from_secs(10);

/// The writer's connection, with the schema of this version.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    make_if_missing(path)?;
    let opened = Connection::open_with_flags(path, flags).map_err(Failure::from).and_then(|mut db| {
        db.busy_timeout(BUSY)?;
        let found = version(&db, path)?;
        set_up(&db)?;
        take_steps(&mut db, found, STEPS)?;
        Ok(db)
    });
    opened.map_err(|failure| failure.explain(path))
}

/// Makes a new database under another name and moves it to its place when it is complete. SQLite alone would flush a new
/// file six times on its way to a write-ahead log; nobody needs that for a file without content.
fn make_if_missing(path: &Path) -> Result<(), StoreError> {
    if path.exists() {
        return Ok(());
    }
    // The log of a database that somebody deleted must not be taken for that of the new one.
    for stale in ["-wal", "-shm", "-journal", ".new", ".new-wal", ".new-shm"] {
        remove(&with_ending(path, stale))?;
    }
    let new = with_ending(path, ".new");
    make(&new).map_err(|failure| failure.explain(path))?;
    let moved = disk::flush(&new).and_then(|()| {
        fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), disk::flush)
    });
    moved.map_err(|error| StoreError::from_io(path, "making", &error))
}

fn make(path: &Path) -> Result<(), Failure> {
    let mut db = Connection::open(path)?;
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;")?;
    take_steps(&mut db, 0, STEPS)?;
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    db.close().map_err(|(_, error)| error.into())
}

pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(()),
        result => result.map_err(|error| StoreError::from_io(path, "removing", &error)),
    }
}

/// A connection that cannot write.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        let why = "there is no database; the first run makes it".to_owned();
        return Err(StoreError::NotADataDir { path: path.to_path_buf(), why });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(|error| explain(&error, path))?;
    let checked = db.busy_timeout(BUSY).and_then(|()| db.execute_batch("PRAGMA cell_size_check = ON"));
    checked.map_err(|error| explain(&error, path))?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    let found = version(&db, path).map_err(|failure| failure.explain(path))?;
    let known = STEPS.len() as u32;
    if found < known {
        return Err(StoreError::OlderFormat { path: path.to_path_buf(), found, known });
    }
    Ok(db)
}

/// The schema that the file has, when this version can work with it. Asked before anything is changed.
fn version(db: &Connection, path: &Path) -> Result<u32, Failure> {
    let application: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0) {
        return Err(Failure::Damaged("it is a database of another program".to_owned()));
    }
    let known = STEPS.len() as u32;
    match u32::try_from(version) {
        Ok(found) if found <= known => Ok(found),
        found => {
            Err(StoreError::NewerFormat { path: path.to_path_buf(), found: found.unwrap_or(u32::MAX), known }.into())
        }
    }
}

fn set_up(db: &Connection) -> Result<(), Failure> {
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let doing = "switching the database to a write-ahead log".to_owned();
        return Err(StoreError::Io { doing, why: format!("the file system allows only `{mode}`") }.into());
    }
    db.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// Takes the steps after the one found, each with its number in one transaction.
pub(super) fn take_steps(db: &mut Connection, found: u32, steps: &[Step]) -> Result<(), Failure> {
    for (version, step) in (1u32..).zip(steps).skip(found as usize) {
        let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        step(&transaction)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}
