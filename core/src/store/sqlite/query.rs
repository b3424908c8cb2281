//! What readers ask.

use jiff::Timestamp;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::checksum;
use super::failure::Failure;
use super::question::{Question, count};
use super::row::{self, COLUMNS, RunRow, json, moment, signed, unsigned};
use crate::run::{RunEvent, RunId, RunStatus, Seq, Sequenced};
use crate::store::{RunFilter, RunListing, RunRecord, StoreError};

pub(super) const EVENTS: &str = "SELECT seq, wall, elapsed, body, crc FROM events
    WHERE run = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4";

/// The events of a run. A gap in their numbers, or a missing end, is damage and not the end.
pub(super) fn events(db: &Connection, run: RunId, after: Seq, limit: usize) -> Result<Vec<Sequenced>, Failure> {
    let row = row::find(db, run)?.ok_or(StoreError::NoSuchRun { run })?;
    let last = row.listing.last;
    if after >= last || limit == 0 {
        return Ok(Vec::new());
    }
    let mut statement = db.prepare_cached(EVENTS)?;
    let mut found = statement.query(params![row.key, signed(after.0)?, signed(last.0)?, count(limit)])?;
    let mut events = Vec::new();
    let mut expected = after.next();
    while let Some(row) = found.next()? {
        let event = event(row, run)?;
        if event.seq != expected {
            return Err(Failure::Damaged(format!("event {expected} of run {run} is missing")));
        }
        events.push(event);
        expected = expected.next();
    }
    if events.len() < limit && expected != last.next() {
        return Err(Failure::Damaged(format!("event {expected} of run {run} is missing")));
    }
    Ok(events)
}

/// An event from its columns: number, date, elapsed time, body, checksum.
pub(super) fn event(row: &Row<'_>, run: RunId) -> Result<Sequenced, Failure> {
    let seq = Seq(unsigned(row.get(0)?)?);
    let what = || format!("event {seq} of run {run}");
    let at: (i64, i64) = (row.get(1)?, row.get(2)?);
    let ValueRef::Text(body) = row.get_ref(3)? else {
        return Err(Failure::Damaged(format!("{} is not text", what())));
    };
    checksum::of_event(run, seq, at, body).expect(row.get(4)?, what)?;
    let event: RunEvent = json(body, what)?;
    Ok(Sequenced { run, seq, at: moment(at.0, at.1)?, event })
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
    let rerun_of = rerun_of.map(row::id_of);
    let what = || format!("the definition of run {run}");
    checksum::of_document(run, &definition, &request, rerun_of).expect(crc, what)?;
    Ok(Some(RunRecord {
        id: listing.id,
        number: listing.number,
        definition: json(definition.as_bytes(), what)?,
        request: json(request.as_bytes(), what)?,
        pipeline: listing.pipeline,
        rerun_of,
        created: listing.created,
    }))
}

/// What never changes of several runs.
pub(super) fn records(db: &Connection, runs: &[RunId]) -> Result<Vec<RunRecord>, Failure> {
    runs.iter().filter_map(|run| record(db, *run).transpose()).collect()
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
    question(filter, status).ask(db, |row| Ok(RunRow::read(row)?.listing))
}

/// Whatever the filter has, it is a walk along an index that has the ids in order.
pub(super) fn question(filter: &RunFilter, status: Option<RunStatus>) -> Question {
    Question::new(&format!("SELECT {COLUMNS} FROM runs"))
        .only("pipeline = ?", filter.pipeline.clone())
        .only("status = ?", status.map(|status| status.as_str().to_owned()))
        .only("trigger_kind = ?", filter.trigger.clone())
        .only("actor = ?", filter.actor.clone())
        .only("created_wall >= ?", filter.since.map(nanoseconds))
        .only("created_wall < ?", filter.until.map(nanoseconds))
        .from("id < ?", filter.before.map(|before| Value::Blob(before.get().as_bytes().to_vec())), "id >= x''")
        .page("id DESC", filter.page())
}

/// A date to compare with; what cannot be stored is before or after all that is.
fn nanoseconds(at: Timestamp) -> i64 {
    let nanoseconds = at.as_nanosecond();
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

pub(super) const BETWEEN: &str = "SELECT id FROM runs WHERE id >= ?1 AND id <= ?2 ORDER BY id DESC LIMIT ?3";

/// The ids in a range, newest first.
pub(super) fn between(db: &Connection, low: RunId, high: RunId, limit: usize) -> Result<Vec<RunId>, Failure> {
    let mut statement = db.prepare_cached(BETWEEN)?;
    let (low, high) = (low.get(), high.get());
    let range = params![low.as_bytes(), high.as_bytes(), count(limit)];
    let ids = statement.query_map(range, |row| row.get(0).map(row::id_of))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// The run with this number.
pub(super) fn numbered(db: &Connection, pipeline: &str, number: u64) -> Result<Option<RunId>, Failure> {
    let Ok(number) = i64::try_from(number) else { return Ok(None) };
    let mut statement = db.prepare_cached("SELECT id FROM runs WHERE pipeline = ?1 AND number = ?2")?;
    Ok(statement.query_row(params![pipeline, number], |row| row.get(0).map(row::id_of)).optional()?)
}

/// The highest number that a pipeline's runs had.
pub(super) fn last_number(db: &Connection, pipeline: &str) -> Result<u64, Failure> {
    let mut statement = db.prepare_cached("SELECT last_number FROM counters WHERE pipeline = ?1")?;
    unsigned(statement.query_row([pipeline], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// What the engine has to take up again.
pub(super) fn unfinished(db: &Connection) -> Result<Vec<RunListing>, Failure> {
    unfinished_question().ask(db, |row| Ok(RunRow::read(row)?.listing))
}

pub(super) fn unfinished_question() -> Question {
    let select = format!("SELECT {COLUMNS} FROM runs WHERE unfinished = 1");
    Question::new(&select).from("id > ?", None::<Value>, "id >= x''").page("id", usize::MAX)
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
