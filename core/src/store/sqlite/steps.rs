//! How the database came to be laid out as it is.

use rusqlite::{Connection, params};

use super::checksum;
use super::failure::Failure;
use super::query;
use super::row::{self, RunRow};

/// A step from one schema to the next, taken in one transaction.
pub(super) type Step = fn(&Connection) -> Result<(), Failure>;

/// Step number n leads from schema n to schema n + 1; an empty file has schema 0.
pub(super) const STEPS: &[Step] = &[
    |db| Ok(db.execute_batch(RUNS)?),
    |db| {
        db.execute_batch(PIPELINES)?;
        copy_actors(db)
    },
    |db| Ok(db.execute_batch(CREDENTIALS)?),
];

/// - Events refer to their run by a small number instead of its id, which keeps them short.
/// - `position` is the place in the order of everything that was committed; see `positions`.
/// - `crc` covers the other columns of its row: SQLite itself does not notice flipped bits in values.
/// - What changes with each event (`runs`) is apart from what is big and never changes (`documents`).
const RUNS: &str = "
CREATE TABLE runs (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    number INTEGER NOT NULL,
    pipeline TEXT NOT NULL,
    trigger_kind TEXT NOT NULL,
    created_wall INTEGER NOT NULL,
    created_elapsed INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_wall INTEGER,
    started_elapsed INTEGER,
    finished_wall INTEGER,
    finished_elapsed INTEGER,
    released INTEGER NOT NULL,
    unfinished INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (pipeline, number)
) STRICT;
CREATE INDEX runs_by_pipeline ON runs (pipeline, id);
CREATE INDEX runs_by_status ON runs (status, id);
CREATE INDEX runs_by_pipeline_and_status ON runs (pipeline, status, id);
CREATE INDEX runs_unfinished ON runs (id) WHERE unfinished = 1;
CREATE TABLE documents (
    run INTEGER PRIMARY KEY REFERENCES runs (key) ON DELETE CASCADE,
    definition TEXT NOT NULL,
    request TEXT NOT NULL,
    rerun_of BLOB,
    crc INTEGER NOT NULL
) STRICT;
CREATE TABLE counters (
    pipeline TEXT PRIMARY KEY,
    last_number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    elapsed INTEGER NOT NULL,
    body TEXT NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (run, seq)
) STRICT;
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// - `pipelines` has what listings show and what changes; the definitions, which are big, are only in `versions`.
/// - `counters` outlives a pipeline: neither a number of a run nor a version is given out twice.
/// - `audit` shares the order of `events`. Its pipeline and its run are in the change as well; here they can be searched.
/// - `kept` has the id of its run again, so that it can be listed in order without looking at `runs`.
/// - `floor` is a position below which none is given out any more, whatever was deleted; see `positions`.
const PIPELINES: &str = "
ALTER TABLE runs ADD COLUMN actor TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN rerun_of BLOB;
CREATE INDEX runs_by_trigger ON runs (trigger_kind, id);
CREATE INDEX runs_by_actor ON runs (actor, id);
ALTER TABLE counters ADD COLUMN last_version INTEGER NOT NULL DEFAULT 0;
CREATE TABLE pipelines (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    active INTEGER NOT NULL,
    created_wall INTEGER NOT NULL,
    created_elapsed INTEGER NOT NULL,
    changed_wall INTEGER NOT NULL,
    changed_elapsed INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    crc INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pipelines_by_activity ON pipelines (active, name);
CREATE TABLE versions (
    key INTEGER PRIMARY KEY,
    pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,
    saved_wall INTEGER NOT NULL,
    saved_elapsed INTEGER NOT NULL,
    saved_by TEXT NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (pipeline, version)
) STRICT;
CREATE TABLE audit (
    position INTEGER PRIMARY KEY,
    wall INTEGER NOT NULL,
    elapsed INTEGER NOT NULL,
    actor TEXT NOT NULL,
    change TEXT NOT NULL,
    pipeline TEXT,
    run BLOB,
    crc INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_by_actor ON audit (actor);
CREATE INDEX audit_by_pipeline ON audit (pipeline) WHERE pipeline IS NOT NULL;
CREATE INDEX audit_by_run ON audit (run) WHERE run IS NOT NULL;
CREATE TABLE kept (
    run INTEGER PRIMARY KEY REFERENCES runs (key) ON DELETE CASCADE,
    id BLOB NOT NULL,
    executor TEXT NOT NULL,
    generation INTEGER NOT NULL,
    until INTEGER NOT NULL,
    crc INTEGER NOT NULL
) STRICT;
CREATE INDEX kept_by_end ON kept (until, id);
CREATE TABLE floor (position INTEGER PRIMARY KEY) STRICT;
INSERT INTO floor VALUES (0);
";

/// What is in `sealed` nobody can read without the master key. `owner` is the id of a run, or empty for the installation.
const CREDENTIALS: &str = "
CREATE TABLE credentials (
    owner BLOB NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    sealed TEXT NOT NULL,
    changed_wall INTEGER NOT NULL,
    changed_elapsed INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;
";

/// Schema 1 had the actor and the repeated run only in `documents`. What is damaged stays as it is: whoever reads it is told,
/// and nobody is kept from opening the rest.
fn copy_actors(db: &Connection) -> Result<(), Failure> {
    let keys: Vec<[u8; 16]> =
        db.prepare("SELECT id FROM runs")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut update = db.prepare("UPDATE runs SET actor = ?2, rerun_of = ?3, crc = ?4 WHERE key = ?1")?;
    for id in keys {
        let record = match query::record(db, row::id_of(id)) {
            Err(Failure::Damaged(_)) => continue,
            found => found?,
        };
        let found = row::find(db, row::id_of(id))?;
        let Some((record, RunRow { key, mut listing })) = record.zip(found) else { continue };
        listing.actor = record.actor().to_owned();
        listing.rerun_of = record.rerun_of;
        let rerun_of = listing.rerun_of.map(|run| *run.get().as_bytes());
        update.execute(params![key, listing.actor, rerun_of, checksum::of_listing(&listing).finish()])?;
    }
    Ok(())
}
