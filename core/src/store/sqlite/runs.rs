//! Writing runs and their events.

use rusqlite::{Connection, params};

use super::checksum;
use super::credentials;
use super::failure::Failure;
use super::positions::Positions;
use super::row::{self, columns, optional_columns, signed};
use crate::run::{RunId, Seq};
use crate::store::{Append, RunDigest, RunListing, RunRecord, StoreError};

/// A run with its documents as text.
pub(super) struct NewRun {
    listing: RunListing,
    definition: String,
    request: String,
}

/// Events of a run as columns.
pub(super) struct Rows {
    run: RunId,
    expected: Seq,
    events: Vec<EventRow>,
    digest: Option<RunDigest>,
}

struct EventRow {
    at: (i64, i64),
    body: String,
    crc: i64,
}

impl NewRun {
    pub(super) fn encode(record: &RunRecord, digest: RunDigest) -> Result<Self, Failure> {
        Ok(Self {
            listing: record.listing(digest, Seq::ZERO),
            definition: record.definition.to_string(),
            request: record.request.to_string(),
        })
    }

    pub(super) fn insert(&self, db: &Connection) -> Result<(), Failure> {
        self.refuse_duplicate(db)?;
        let Self { listing, definition, request } = self;
        let digest = &listing.digest;
        let id = listing.id.get();
        let rerun_of = listing.rerun_of.map(|run| *run.get().as_bytes());
        let number = signed(listing.number)?;
        let created = columns(listing.created)?;
        let (started, finished) = (optional_columns(digest.started)?, optional_columns(digest.finished)?);
        db.prepare_cached(
            "INSERT INTO runs (id, number, pipeline, trigger_kind, created_wall, created_elapsed, status, started_wall,
                started_elapsed, finished_wall, finished_elapsed, released, unfinished, last_seq, crc,
                actor, rerun_of)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, ?14, ?15, ?16)",
        )?
        .execute(params![
            id.as_bytes(),
            number,
            listing.pipeline,
            listing.trigger,
            created.0,
            created.1,
            digest.status.as_str(),
            started.0,
            started.1,
            finished.0,
            finished.1,
            digest.released,
            !digest.is_finished(),
            checksum::of_listing(listing).finish(),
            listing.actor,
            rerun_of,
        ])?;
        let key = db.last_insert_rowid();
        let crc = checksum::of_document(listing.id, definition, request, listing.rerun_of).finish();
        db.prepare_cached(
            "INSERT INTO documents (run, definition, request, rerun_of, crc) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![key, definition, request, rerun_of, crc])?;
        count(db, &listing.pipeline, number)
    }

    fn refuse_duplicate(&self, db: &Connection) -> Result<(), Failure> {
        let listing = &self.listing;
        let mut by_id = db.prepare_cached("SELECT 1 FROM runs WHERE id = ?1")?;
        if by_id.exists([listing.id.get().as_bytes()])? {
            return Err(StoreError::Duplicate { what: listing.id.to_string() }.into());
        }
        let mut by_number = db.prepare_cached("SELECT 1 FROM runs WHERE pipeline = ?1 AND number = ?2")?;
        if by_number.exists(params![listing.pipeline, signed(listing.number)?])? {
            return Err(StoreError::Duplicate { what: format!("{} of {}", listing.number, listing.pipeline) }.into());
        }
        Ok(())
    }
}

impl Rows {
    pub(super) fn encode(append: Append) -> Result<Self, Failure> {
        let mut seq = append.expected;
        let mut events = Vec::with_capacity(append.events.len());
        for stamped in &append.events {
            seq = seq.next();
            let body = serde_json::to_string(&stamped.event).map_err(|error| StoreError::Io {
                doing: format!("encoding event {seq} of run {}", append.run),
                why: error.to_string(),
            })?;
            let at = columns(stamped.at)?;
            let crc = checksum::of_event(append.run, seq, at, body.as_bytes()).finish();
            events.push(EventRow { at, body, crc });
        }
        signed(seq.0)?;
        Ok(Self { run: append.run, expected: append.expected, events, digest: append.digest })
    }

    pub(super) fn append(&self, db: &Connection, positions: &mut Positions) -> Result<(), Failure> {
        let run = self.run;
        let row = row::find(db, run)?.ok_or(StoreError::NoSuchRun { run })?;
        let (key, mut listing) = (row.key, row.listing);
        if listing.last != self.expected {
            return Err(StoreError::Stale { run, expected: self.expected, found: listing.last }.into());
        }
        let sql =
            "INSERT INTO events (position, run, seq, wall, elapsed, body, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut insert = db.prepare_cached(sql)?;
        for event in &self.events {
            listing.last = listing.last.next();
            let (position, seq, (wall, elapsed)) = (positions.next(), signed(listing.last.0)?, event.at);
            insert.execute(params![position, key, seq, wall, elapsed, event.body, event.crc])?;
        }
        match &self.digest {
            Some(digest) if *digest != listing.digest => {
                listing.digest = digest.clone();
                update_digest(db, key, &listing)
            }
            _ => {
                let (last, crc) = (signed(listing.last.0)?, checksum::of_listing(&listing).finish());
                let sql = "UPDATE runs SET last_seq = ?2, crc = ?3 WHERE key = ?1";
                db.prepare_cached(sql)?.execute(params![key, last, crc])?;
                Ok(())
            }
        }
    }
}

fn update_digest(db: &Connection, key: i64, listing: &RunListing) -> Result<(), Failure> {
    let digest = &listing.digest;
    let (started, finished) = (optional_columns(digest.started)?, optional_columns(digest.finished)?);
    db.prepare_cached(
        "UPDATE runs SET status = ?2, started_wall = ?3, started_elapsed = ?4, finished_wall = ?5, finished_elapsed = ?6,
            released = ?7, unfinished = ?8, last_seq = ?9, crc = ?10 WHERE key = ?1",
    )?
    .execute(params![
        key,
        digest.status.as_str(),
        started.0,
        started.1,
        finished.0,
        finished.1,
        digest.released,
        !digest.is_finished(),
        signed(listing.last.0)?,
        checksum::of_listing(listing).finish(),
    ])?;
    Ok(())
}

/// Keeps the highest number, also when its run is deleted.
fn count(db: &Connection, pipeline: &str, number: i64) -> Result<(), Failure> {
    db.prepare_cached(
        "INSERT INTO counters (pipeline, last_number) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET last_number = max(last_number, excluded.last_number)",
    )?
    .execute(params![pipeline, number])?;
    Ok(())
}

/// Deletes a run that is done with; its documents, events and kept workspace go along.
pub(super) fn delete(db: &Connection, run: RunId) -> Result<(), Failure> {
    let found = row::find(db, run)?.ok_or(StoreError::NoSuchRun { run })?;
    if !found.listing.digest.is_finished() {
        return Err(StoreError::Unfinished { run }.into());
    }
    db.prepare_cached("DELETE FROM runs WHERE key = ?1")?.execute([found.key])?;
    credentials::remove_of_run(db, run)?;
    Ok(())
}
