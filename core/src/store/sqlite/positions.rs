//! The one order of everything that was committed, over all runs and changes.
//!
//! Only the writer gives out positions, and it writes one transaction after the other: who sees a position sees all that
//! are lower. They rise by one; a transaction that is taken back leaves a gap.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::failure::Failure;
use super::question::{bound, count};
use super::row::{COLUMNS, RunRow, unsigned};
use super::{audit, query};
use crate::run::RunId;
use crate::store::{LogEntry, Position, Positioned};

/// Gives out positions. Counting in memory costs a commit nothing; the tables are asked once, when they are opened.
/// (AUTOINCREMENT would cost one more page in every commit.)
pub(super) struct Positions {
    last: i64,
}

impl Positions {
    /// Goes on from what is in the database.
    pub(super) fn of(db: &Connection) -> Result<Self, Failure> {
        Ok(Self { last: last(db)? })
    }

    /// The next one.
    pub(super) fn next(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    /// Sees to it that none of those up to here is given out again, although what has them is deleted.
    pub(super) fn keep(&self, db: &Connection) -> Result<(), Failure> {
        db.prepare_cached("UPDATE floor SET position = ?1")?.execute([self.last])?;
        Ok(())
    }
}

pub(super) const NEWEST: &str = "SELECT max(
    (SELECT coalesce(max(position), 0) FROM events),
    (SELECT coalesce(max(position), 0) FROM audit),
    (SELECT coalesce(max(position), 0) FROM floor))";

fn last(db: &Connection) -> Result<i64, Failure> {
    Ok(db.prepare_cached(NEWEST)?.query_row([], |row| row.get(0))?)
}

/// The highest position that was given out, also when what had it was deleted.
pub(super) fn newest(db: &Connection) -> Result<Position, Failure> {
    unsigned(last(db)?).map(Position)
}

pub(super) const EVENTS: &str = "SELECT seq, wall, elapsed, body, crc, position, run FROM events
    WHERE position > ?1 ORDER BY position LIMIT ?2";

/// What was committed after a place.
pub(super) fn committed(db: &Connection, after: Position, limit: usize) -> Result<Vec<Positioned>, Failure> {
    let mut all = events(db, bound(after.0), limit)?;
    // Changes beyond the last event of a full page belong to a page after it.
    let end = all.last().filter(|_| all.len() >= limit).map_or(Position(u64::MAX), |last| last.position);
    let changes = audit::between(db, after, end, limit)?.into_iter();
    all.extend(changes.map(|found| Positioned { position: found.position, entry: LogEntry::Change(found.entry) }));
    all.sort_by_key(|entry| entry.position);
    all.truncate(limit);
    Ok(all)
}

fn events(db: &Connection, after: i64, limit: usize) -> Result<Vec<Positioned>, Failure> {
    let mut runs: HashMap<i64, (RunId, Arc<str>)> = HashMap::new();
    let mut statement = db.prepare_cached(EVENTS)?;
    let mut rows = statement.query(params![after, count(limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key = row.get(6)?;
        if let std::collections::hash_map::Entry::Vacant(new) = runs.entry(key) {
            new.insert(run(db, key)?);
        }
        let (id, pipeline) = &runs[&key];
        let event = query::event(row, *id)?;
        let position = Position(unsigned(row.get(5)?)?);
        found.push(Positioned { position, entry: LogEntry::Event(event, Arc::clone(pipeline)) });
    }
    Ok(found)
}

fn run(db: &Connection, key: i64) -> Result<(RunId, Arc<str>), Failure> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM runs WHERE key = ?1"))?;
    let found = statement.query_row([key], |row| Ok(RunRow::read(row))).optional()?;
    let row = found.ok_or_else(|| Failure::Damaged("there are events of a run that is missing".to_owned()))??;
    Ok((row.listing.id, row.listing.pipeline.into()))
}
