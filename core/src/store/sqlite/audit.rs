//! The audit trail.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};

use super::checksum::Checksum;
use super::failure::Failure;
use super::question::{Question, bound, count};
use super::row::{columns, id_of, json, moment, unsigned};
use crate::audit::AuditEntry;
use crate::run::RunId;
use crate::store::{AuditFilter, Audited, Position, StoreError};

/// An entry as columns.
pub(super) struct Entry {
    at: (i64, i64),
    by: String,
    change: String,
    pipeline: Option<String>,
    run: Option<RunId>,
}

impl Entry {
    pub(super) fn encode(entry: &AuditEntry) -> Result<Self, Failure> {
        let change = serde_json::to_string(&entry.change).map_err(|error| StoreError::Io {
            doing: format!("encoding the change {:?}", entry.change.kind()),
            why: error.to_string(),
        })?;
        let pipeline = entry.change.pipeline().map(str::to_owned);
        Ok(Self { at: columns(entry.at)?, by: entry.by.clone(), change, pipeline, run: entry.change.run() })
    }

    pub(super) fn insert(&self, db: &Connection, position: i64) -> Result<(), Failure> {
        let sql = "INSERT INTO audit (position, wall, elapsed, actor, change, pipeline, run, crc)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (wall, elapsed) = self.at;
        let run = self.run.map(|run| *run.get().as_bytes());
        let crc = self.checksum().finish();
        db.prepare_cached(sql)?.execute(params![
            position,
            wall,
            elapsed,
            self.by,
            self.change,
            self.pipeline,
            run,
            crc
        ])?;
        Ok(())
    }

    fn checksum(&self) -> Checksum {
        let sum = Checksum::default().columns(self.at).text(&self.by).text(&self.change);
        // None and an empty name are different things.
        let sum = sum.number(u64::from(self.pipeline.is_some())).text(self.pipeline.as_deref().unwrap_or_default());
        sum.run(self.run)
    }
}

fn read(row: &Row<'_>) -> Result<Audited, Failure> {
    let position = Position(unsigned(row.get(0)?)?);
    let what = || format!("entry {} of the audit trail", position.0);
    let run = row.get::<_, Option<[u8; 16]>>(6)?.map(id_of);
    let at = (row.get(1)?, row.get(2)?);
    let entry = Entry { at, by: row.get(3)?, change: row.get(4)?, pipeline: row.get(5)?, run };
    entry.checksum().expect(row.get(7)?, what)?;
    let change = json(entry.change.as_bytes(), what)?;
    Ok(Audited { position, entry: AuditEntry { at: moment(at.0, at.1)?, by: entry.by, change } })
}

const SELECT: &str = "SELECT position, wall, elapsed, actor, change, pipeline, run, crc FROM audit";

/// A page of it, newest first.
pub(super) fn list(db: &Connection, filter: &AuditFilter) -> Result<Vec<Audited>, Failure> {
    question(filter).ask(db, read)
}

pub(super) fn question(filter: &AuditFilter) -> Question {
    let run = filter.run.map(|run| Value::Blob(run.get().as_bytes().to_vec()));
    Question::new(SELECT)
        .only("actor = ?", filter.by.clone())
        .only("pipeline = ?", filter.pipeline.clone())
        .only("run = ?", run)
        .from("position < ?", filter.before.map(|before| bound(before.0)), "position > 0")
        .page("position DESC", filter.page())
}

/// What stands between two places, without them.
pub(super) fn between(db: &Connection, after: Position, end: Position, limit: usize) -> Result<Vec<Audited>, Failure> {
    let mut statement = db.prepare_cached(&between_sql())?;
    let mut rows = statement.query(params![bound(after.0), bound(end.0), count(limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

pub(super) fn between_sql() -> String {
    format!("{SELECT} WHERE position > ?1 AND position < ?2 ORDER BY position LIMIT ?3")
}
