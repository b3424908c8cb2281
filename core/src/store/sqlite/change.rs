//! A batch, encoded by whoever commits it and applied by the writer.

use rusqlite::{Connection, OptionalExtension, params};

use super::failure::Failure;
use super::row::{self, document_crc, event_crc, listing_crc, signed, wall};
use crate::run::{RunId, Seq};
use crate::store::{Batch, RunDigest, RunListing, RunRecord, StoreError};

/// A batch with everything turned into columns, so that the writer's thread does nothing but write.
pub(super) struct Change {
    runs: Vec<NewRun>,
    appends: Vec<Rows>,
    settings: Vec<(String, String)>,
}

struct NewRun {
    listing: RunListing,
    definition: String,
    request: String,
    rerun_of: Option<RunId>,
}

struct Rows {
    run: RunId,
    expected: Seq,
    events: Vec<EventRow>,
    digest: Option<RunDigest>,
}

struct EventRow {
    wall: i64,
    elapsed: i64,
    body: String,
    crc: i64,
}

impl Change {
    pub(super) fn encode(batch: Batch) -> Result<Self, Failure> {
        let runs = batch.runs.iter().map(|(record, digest)| NewRun::encode(record, digest.clone()));
        let runs = runs.collect::<Result<_, _>>()?;
        let appends = batch.appends.into_iter().map(Rows::encode).collect::<Result<_, _>>()?;
        Ok(Self { runs, appends, settings: batch.settings })
    }

    /// Writes all of it into the open transaction. After an error the caller takes back what was written.
    pub(super) fn apply(&self, db: &Connection) -> Result<(), Failure> {
        for run in &self.runs {
            run.insert(db)?;
        }
        for rows in &self.appends {
            rows.append(db)?;
        }
        for (name, value) in &self.settings {
            let sql =
                "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
            db.prepare_cached(sql)?.execute([name, value])?;
        }
        Ok(())
    }
}

impl NewRun {
    fn encode(record: &RunRecord, digest: RunDigest) -> Result<Self, Failure> {
        Ok(Self {
            listing: record.listing(digest, Seq::ZERO),
            definition: record.definition.to_string(),
            request: record.request.to_string(),
            rerun_of: record.rerun_of,
        })
    }

    fn insert(&self, db: &Connection) -> Result<(), Failure> {
        self.refuse_duplicate(db)?;
        let Self { listing, definition, request, rerun_of } = self;
        let digest = &listing.digest;
        let id = listing.id.get();
        let number = signed(listing.number)?;
        db.prepare_cached(
            "INSERT INTO runs (id, number, pipeline, trigger_kind, created_wall, created_elapsed, status, started_wall,
                started_elapsed, finished_wall, finished_elapsed, released, unfinished, last_seq, crc)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, ?14)",
        )?
        .execute(params![
            id.as_bytes(),
            number,
            listing.pipeline,
            listing.trigger,
            wall(listing.created)?,
            signed(listing.created.elapsed.as_millis())?,
            digest.status.as_str(),
            digest.started.map(wall).transpose()?,
            digest.started.map(|at| signed(at.elapsed.as_millis())).transpose()?,
            digest.finished.map(wall).transpose()?,
            digest.finished.map(|at| signed(at.elapsed.as_millis())).transpose()?,
            digest.released,
            !digest.is_finished(),
            listing_crc(listing),
        ])?;
        let key = db.last_insert_rowid();
        let crc = document_crc(listing.id, definition, request, *rerun_of);
        let rerun_of = rerun_of.map(|run| *run.get().as_bytes());
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
    fn encode(append: crate::store::Append) -> Result<Self, Failure> {
        let mut seq = append.expected;
        let mut events = Vec::with_capacity(append.events.len());
        for stamped in &append.events {
            seq = seq.next();
            let body = serde_json::to_string(&stamped.event).map_err(|error| StoreError::Io {
                doing: format!("encoding event {seq} of run {}", append.run),
                why: error.to_string(),
            })?;
            let (wall, elapsed) = (wall(stamped.at)?, signed(stamped.at.elapsed.as_millis())?);
            let crc = event_crc(append.run, seq, wall, elapsed, body.as_bytes());
            events.push(EventRow { wall, elapsed, body, crc });
        }
        signed(seq.0)?;
        Ok(Self { run: append.run, expected: append.expected, events, digest: append.digest })
    }

    fn append(&self, db: &Connection) -> Result<(), Failure> {
        let run = self.run;
        let row = row::find(db, run)?.ok_or(StoreError::NoSuchRun { run })?;
        let (key, mut listing) = (row.key, row.listing);
        if listing.last != self.expected {
            return Err(StoreError::Stale { run, expected: self.expected, found: listing.last }.into());
        }
        let sql = "INSERT INTO events (run, seq, wall, elapsed, body, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let mut insert = db.prepare_cached(sql)?;
        for event in &self.events {
            listing.last = listing.last.next();
            insert.execute(params![key, signed(listing.last.0)?, event.wall, event.elapsed, event.body, event.crc])?;
        }
        match &self.digest {
            Some(digest) if *digest != listing.digest => {
                listing.digest = digest.clone();
                update_digest(db, key, &listing)
            }
            _ => {
                let last = signed(listing.last.0)?;
                db.prepare_cached("UPDATE runs SET last_seq = ?2, crc = ?3 WHERE key = ?1")?.execute(params![
                    key,
                    last,
                    listing_crc(&listing)
                ])?;
                Ok(())
            }
        }
    }
}

fn update_digest(db: &Connection, key: i64, listing: &RunListing) -> Result<(), Failure> {
    let digest = &listing.digest;
    db.prepare_cached(
        "UPDATE runs SET status = ?2, started_wall = ?3, started_elapsed = ?4, finished_wall = ?5, finished_elapsed = ?6,
            released = ?7, unfinished = ?8, last_seq = ?9, crc = ?10 WHERE key = ?1",
    )?
    .execute(params![
        key,
        digest.status.as_str(),
        digest.started.map(wall).transpose()?,
        digest.started.map(|at| signed(at.elapsed.as_millis())).transpose()?,
        digest.finished.map(wall).transpose()?,
        digest.finished.map(|at| signed(at.elapsed.as_millis())).transpose()?,
        digest.released,
        !digest.is_finished(),
        signed(listing.last.0)?,
        listing_crc(listing),
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

/// The highest number that a pipeline's runs had.
pub(super) fn last_number(db: &Connection, pipeline: &str) -> Result<u64, Failure> {
    let mut statement = db.prepare_cached("SELECT last_number FROM counters WHERE pipeline = ?1")?;
    row::unsigned(statement.query_row([pipeline], |row| row.get(0)).optional()?.unwrap_or(0))
}
