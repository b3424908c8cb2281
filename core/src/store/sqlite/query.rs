//! What readers ask.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::failure::Failure;
use super::row::{self, COLUMNS, RunRow, event_crc, moment, signed, unsigned};
use crate::run::{RunEvent, RunId, RunStatus, Seq, Sequenced};
use crate::store::{RunFilter, RunListing, RunRecord, StoreError};

pub(super) use super::change::last_number;

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The events of a run. A gap in their numbers, or a missing end, is damage and not the end.
pub(super) fn events(db: &Connection, run: RunId, after: Seq, limit: usize) -> Result<Vec<Sequenced>, Failure> {
    let row = row::find(db, run)?.ok_or(StoreError::NoSuchRun { run })?;
    let last = row.listing.last;
    if after >= last || limit == 0 {
        return Ok(Vec::new());
    }
    let sql = "SELECT seq, wall, elapsed, body, crc FROM events WHERE run = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4";
    let mut statement = db.prepare_cached(sql)?;
    let mut found = statement.query(params![row.key, signed(after.0)?, signed(last.0)?, rows(limit)])?;
    let mut events = Vec::new();
    let mut expected = after.next();
    while let Some(row) = found.next()? {
        events.push(event(row, run, expected)?);
        expected = expected.next();
    }
    if events.len() < limit && expected != last.next() {
        return Err(Failure::Damaged(format!("event {expected} of run {run} is missing")));
    }
    Ok(events)
}

fn event(row: &Row<'_>, run: RunId, expected: Seq) -> Result<Sequenced, Failure> {
    let seq = Seq(unsigned(row.get(0)?)?);
    if seq != expected {
        return Err(Failure::Damaged(format!("event {expected} of run {run} is missing")));
    }
    let (wall, elapsed, crc): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(4)?);
    let body = match row.get_ref(3)? {
        ValueRef::Text(body) => body,
        _ => return Err(Failure::Damaged(format!("event {seq} of run {run} is not text"))),
    };
    if crc != event_crc(run, seq, wall, elapsed, body) {
        let why = format!("event {seq} of run {run} does not have the checksum that was written with it");
        return Err(Failure::Damaged(why));
    }
    let event: RunEvent = serde_json::from_slice(body).map_err(|error| {
        Failure::Damaged(format!(
            "event {seq} of run {run} is one that this version does not know ({error}); perhaps a newer Windlass wrote it"
        ))
    })?;
    Ok(Sequenced { run, seq, at: moment(wall, elapsed)?, event })
}

/// What never changes of a run.
pub(super) fn record(db: &Connection, run: RunId) -> Result<Option<RunRecord>, Failure> {
    let Some(RunRow { key, listing }) = row::find(db, run)? else { return Ok(None) };
    let mut statement = db.prepare_cached("SELECT definition, request, rerun_of, crc FROM documents WHERE run = ?1")?;
    let found = statement
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<[u8; 16]>>(2)?, row.get(3)?)))
        .optional()?;
    let (definition, request, rerun_of, crc): (String, String, _, i64) =
        found.ok_or_else(|| Failure::Damaged(format!("the definition of run {run} is missing")))?;
    let rerun_of = rerun_of.map(row::id);
    if crc != row::document_crc(run, &definition, &request, rerun_of) {
        let why = format!("the definition of run {run} does not have the checksum that was written with it");
        return Err(Failure::Damaged(why));
    }
    let json = |text: &str| {
        serde_json::from_str(text)
            .map_err(|error| Failure::Damaged(format!("the definition of run {run} is not JSON: {error}")))
    };
    Ok(Some(RunRecord {
        id: listing.id,
        number: listing.number,
        definition: json(&definition)?,
        request: json(&request)?,
        pipeline: listing.pipeline,
        rerun_of,
        created: listing.created,
    }))
}

/// A page of runs. Each state has its own place in the index, so each is asked for by itself.
pub(super) fn list(db: &Connection, filter: &RunFilter) -> Result<Vec<RunListing>, Failure> {
    let mut states = filter.status.clone();
    states.sort_by_key(|status| status.as_str());
    states.dedup();
    if states.is_empty() {
        return page(db, filter, None);
    }
    let mut listings = Vec::new();
    for status in states {
        listings.extend(page(db, filter, Some(status))?);
    }
    listings.sort_by_key(|listing| std::cmp::Reverse(listing.id));
    listings.truncate(filter.page());
    Ok(listings)
}

fn page(db: &Connection, filter: &RunFilter, status: Option<RunStatus>) -> Result<Vec<RunListing>, Failure> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    let mut add = |condition: &'static str, value: Value| {
        conditions.push(condition);
        values.push(value);
    };
    if let Some(pipeline) = &filter.pipeline {
        add("pipeline = ?", Value::Text(pipeline.clone()));
    }
    if let Some(status) = status {
        add("status = ?", Value::Text(status.as_str().to_owned()));
    }
    if let Some(before) = filter.before {
        add("id < ?", Value::Blob(before.get().as_bytes().to_vec()));
    }
    let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    values.push(Value::Integer(rows(filter.page())));
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE {conditions} ORDER BY id DESC LIMIT ?");
    let mut statement = db.prepare_cached(&sql)?;
    listings(statement.query(params_from_iter(values))?)
}

fn listings(mut rows: rusqlite::Rows<'_>) -> Result<Vec<RunListing>, Failure> {
    let mut listings = Vec::new();
    while let Some(row) = rows.next()? {
        listings.push(RunRow::read(row)?.listing);
    }
    Ok(listings)
}

/// The ids in a range, newest first.
pub(super) fn between(db: &Connection, low: RunId, high: RunId, limit: usize) -> Result<Vec<RunId>, Failure> {
    let sql = "SELECT id FROM runs WHERE id >= ?1 AND id <= ?2 ORDER BY id DESC LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let (low, high) = (low.get(), high.get());
    let range = params![low.as_bytes(), high.as_bytes(), rows(limit)];
    let ids = statement.query_map(range, |row| row.get(0).map(row::id))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// The run with this number.
pub(super) fn numbered(db: &Connection, pipeline: &str, number: u64) -> Result<Option<RunId>, Failure> {
    let Ok(number) = i64::try_from(number) else { return Ok(None) };
    let mut statement = db.prepare_cached("SELECT id FROM runs WHERE pipeline = ?1 AND number = ?2")?;
    Ok(statement.query_row(params![pipeline, number], |row| row.get(0).map(row::id)).optional()?)
}

/// What the engine has to take up again.
pub(super) fn unfinished(db: &Connection) -> Result<Vec<RunListing>, Failure> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM runs WHERE unfinished = 1 ORDER BY id"))?;
    listings(statement.query([])?)
}

/// A setting.
pub(super) fn setting(db: &Connection, name: &str) -> Result<Option<String>, Failure> {
    let mut statement = db.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// SQLite's own look at its pages and indices.
pub(super) fn check(db: &Connection) -> Result<(), Failure> {
    let said: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(Failure::Damaged(said)) }
}
