//! Workspaces that are kept.

use rusqlite::{Connection, Row, params};

use super::checksum::Checksum;
use super::failure::Failure;
use super::row::{self, id_of, signed, unsigned};
use crate::run::{Elapsed, RunId};
use crate::store::{KeptWorkspace, StoreError};

/// Keeps it; what was known of it before is forgotten.
pub(super) fn keep(db: &Connection, kept: &KeptWorkspace) -> Result<(), Failure> {
    let key = row::find(db, kept.run)?.ok_or(StoreError::NoSuchRun { run: kept.run })?.key;
    let sql = "INSERT OR REPLACE INTO kept (run, id, executor, generation, until, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let id = *kept.run.get().as_bytes();
    let until = signed(kept.until.as_millis())?;
    let crc = checksum(kept).finish();
    db.prepare_cached(sql)?.execute(params![key, id, kept.executor, kept.generation, until, crc])?;
    Ok(())
}

/// Keeps it no longer.
pub(super) fn unkeep(db: &Connection, run: RunId) -> Result<(), Failure> {
    let sql = "DELETE FROM kept WHERE run = (SELECT key FROM runs WHERE id = ?1)";
    match db.prepare_cached(sql)?.execute([run.get().as_bytes()])? {
        0 => Err(StoreError::NotKept { run }.into()),
        _ => Ok(()),
    }
}

pub(super) const LIST: &str =
    "SELECT id, executor, generation, until, crc FROM kept WHERE until >= 0 ORDER BY until, id";

/// All of them, in the order in which their time is up.
pub(super) fn list(db: &Connection) -> Result<Vec<KeptWorkspace>, Failure> {
    let mut statement = db.prepare_cached(LIST)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<KeptWorkspace, Failure> {
    let kept = KeptWorkspace {
        run: id_of(row.get(0)?),
        executor: row.get(1)?,
        generation: row.get(2)?,
        until: Elapsed::from_millis(unsigned(row.get(3)?)?),
    };
    checksum(&kept).expect(row.get(4)?, || format!("the kept workspace of run {}", kept.run))?;
    Ok(kept)
}

fn checksum(kept: &KeptWorkspace) -> Checksum {
    let sum = Checksum::of_run(kept.run).text(&kept.executor);
    sum.number(u64::from(kept.generation)).number(kept.until.as_millis())
}
