//! Pipelines and the definitions that they had.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::checksum::Checksum;
use super::failure::Failure;
use super::question::{Question, bound};
use super::row::{columns, json, moment, signed, unsigned};
use crate::store::{PipelineChange, PipelineFilter, PipelineListing, PipelineRecord, PipelineVersion, StoreError};

/// A change of a pipeline, with its definition as text.
pub(super) enum Edit {
    Create(Saved),
    Update(Saved),
    SetActive { name: String, active: bool },
    Delete { name: String },
}

/// A definition as columns, with the version as it was given.
pub(super) struct Saved {
    version: PipelineVersion,
    definition: String,
}

impl Edit {
    pub(super) fn encode(change: PipelineChange) -> Self {
        match change {
            PipelineChange::Create(version) => Self::Create(Saved::encode(version)),
            PipelineChange::Update(version) => Self::Update(Saved::encode(version)),
            PipelineChange::SetActive { name, active } => Self::SetActive { name, active },
            PipelineChange::Delete { name } => Self::Delete { name },
        }
    }

    pub(super) fn apply(&self, db: &Connection) -> Result<(), Failure> {
        match self {
            Self::Create(saved) => saved.create(db),
            Self::Update(saved) => saved.update(db),
            Self::SetActive { name, active } => {
                let listing = existing(db, name)?;
                put(db, &PipelineListing { active: *active, ..listing })
            }
            Self::Delete { name } => {
                let deleted = db.prepare_cached("DELETE FROM pipelines WHERE name = ?1")?.execute([name])?;
                if deleted == 0 { Err(no_such_pipeline(name)) } else { Ok(()) }
            }
        }
    }
}

impl Saved {
    fn encode(version: PipelineVersion) -> Self {
        Self { definition: version.definition.to_string(), version }
    }

    fn create(&self, db: &Connection) -> Result<(), Failure> {
        let PipelineVersion { name, version, at, by, .. } = &self.version;
        if find(db, name)?.is_some() {
            return Err(StoreError::PipelineExists { name: name.clone() }.into());
        }
        self.follows(last_version(db, name)?)?;
        let (created, changed, changed_by) = (*at, *at, by.clone());
        let new = PipelineListing { name: name.clone(), version: *version, active: true, created, changed, changed_by };
        put(db, &new)?;
        self.insert(db)
    }

    fn update(&self, db: &Connection) -> Result<(), Failure> {
        let PipelineVersion { name, version, at, by, .. } = &self.version;
        let found = existing(db, name)?;
        self.follows(found.version)?;
        put(db, &PipelineListing { version: *version, changed: *at, changed_by: by.clone(), ..found })?;
        self.insert(db)
    }

    fn follows(&self, found: u64) -> Result<(), Failure> {
        let PipelineVersion { name, version, .. } = &self.version;
        if version.checked_sub(1) == Some(found) {
            return Ok(());
        }
        let expected = version.saturating_sub(1);
        Err(StoreError::StaleVersion { pipeline: name.clone(), expected, found }.into())
    }

    fn insert(&self, db: &Connection) -> Result<(), Failure> {
        let PipelineVersion { name, version, at, by, .. } = &self.version;
        let sql = "INSERT INTO versions (pipeline, version, definition, saved_wall, saved_elapsed, saved_by, crc)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (wall, elapsed) = columns(*at)?;
        let number = signed(*version)?;
        let crc = definition_checksum(name, *version, &self.definition, (wall, elapsed), by).finish();
        db.prepare_cached(sql)?.execute(params![name, number, self.definition, wall, elapsed, by, crc])?;
        // Outlives the pipeline.
        let sql = "INSERT INTO counters (pipeline, last_number, last_version) VALUES (?1, 0, ?2)
            ON CONFLICT DO UPDATE SET last_version = excluded.last_version";
        db.prepare_cached(sql)?.execute(params![name, number])?;
        Ok(())
    }
}

fn no_such_pipeline(name: &str) -> Failure {
    StoreError::NoSuchPipeline { name: name.to_owned() }.into()
}

fn existing(db: &Connection, name: &str) -> Result<PipelineListing, Failure> {
    find(db, name)?.ok_or_else(|| no_such_pipeline(name))
}

fn put(db: &Connection, listing: &PipelineListing) -> Result<(), Failure> {
    let sql = "INSERT INTO pipelines (name, version, active, created_wall, created_elapsed, changed_wall,
            changed_elapsed, changed_by, crc)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT DO UPDATE SET version = excluded.version, active = excluded.active,
            changed_wall = excluded.changed_wall, changed_elapsed = excluded.changed_elapsed,
            changed_by = excluded.changed_by, crc = excluded.crc";
    let (created, changed) = (columns(listing.created)?, columns(listing.changed)?);
    db.prepare_cached(sql)?.execute(params![
        listing.name,
        signed(listing.version)?,
        listing.active,
        created.0,
        created.1,
        changed.0,
        changed.1,
        listing.changed_by,
        listing_checksum(listing)?.finish(),
    ])?;
    Ok(())
}

fn listing_checksum(listing: &PipelineListing) -> Result<Checksum, Failure> {
    let sum = Checksum::default().text(&listing.name).number(listing.version).number(u64::from(listing.active));
    Ok(sum.columns(columns(listing.created)?).columns(columns(listing.changed)?).text(&listing.changed_by))
}

fn definition_checksum(name: &str, version: u64, definition: &str, at: (i64, i64), by: &str) -> Checksum {
    Checksum::default().text(name).number(version).text(definition).columns(at).text(by)
}

const LISTING: &str = "SELECT name, version, active, created_wall, created_elapsed, changed_wall, changed_elapsed,
    changed_by, crc FROM pipelines";

fn read(row: &Row<'_>) -> Result<PipelineListing, Failure> {
    let listing = PipelineListing {
        name: row.get(0)?,
        version: unsigned(row.get(1)?)?,
        active: row.get(2)?,
        created: moment(row.get(3)?, row.get(4)?)?,
        changed: moment(row.get(5)?, row.get(6)?)?,
        changed_by: row.get(7)?,
    };
    listing_checksum(&listing)?.expect(row.get(8)?, || format!("the entry of pipeline {:?}", listing.name))?;
    Ok(listing)
}

fn find(db: &Connection, name: &str) -> Result<Option<PipelineListing>, Failure> {
    let mut statement = db.prepare_cached(&format!("{LISTING} WHERE name = ?1"))?;
    statement.query_row([name], |row| Ok(read(row))).optional()?.transpose()
}

/// A pipeline with its definition.
pub(super) fn record(db: &Connection, name: &str) -> Result<Option<PipelineRecord>, Failure> {
    let Some(PipelineListing { name, version: number, active, created, changed, changed_by }) = find(db, name)? else {
        return Ok(None);
    };
    let missing = || Failure::Damaged(format!("version {number} of pipeline {name:?} is missing"));
    let definition = version(db, &name, number)?.ok_or_else(missing)?.definition;
    Ok(Some(PipelineRecord { name, version: number, active, definition, created, changed, changed_by }))
}

/// A page of pipelines.
pub(super) fn list(db: &Connection, filter: &PipelineFilter) -> Result<Vec<PipelineListing>, Failure> {
    question(filter).ask(db, read)
}

pub(super) fn question(filter: &PipelineFilter) -> Question {
    Question::new(LISTING)
        .only("active = ?", filter.active)
        .from("name > ?", filter.after.clone(), "name >= ''")
        .page("name", filter.page())
}

const VERSION: &str = "SELECT pipeline, version, definition, saved_wall, saved_elapsed, saved_by, crc FROM versions";

fn read_version(row: &Row<'_>) -> Result<PipelineVersion, Failure> {
    let name: String = row.get(0)?;
    let version = unsigned(row.get(1)?)?;
    let what = || format!("version {version} of pipeline {name:?}");
    let (definition, at, by): (String, _, String) = (row.get(2)?, (row.get(3)?, row.get(4)?), row.get(5)?);
    definition_checksum(&name, version, &definition, at, &by).expect(row.get(6)?, what)?;
    let definition = json(definition.as_bytes(), what)?;
    Ok(PipelineVersion { version, definition, at: moment(at.0, at.1)?, by, name })
}

/// A page of the definitions that a pipeline had.
pub(super) fn history(
    db: &Connection,
    name: &str,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<PipelineVersion>, Failure> {
    history_question(name, before, limit).ask(db, read_version)
}

pub(super) fn history_question(name: &str, before: Option<u64>, limit: usize) -> Question {
    Question::new(VERSION)
        .only("pipeline = ?", Some(name.to_owned()))
        .from("version < ?", before.map(bound), "version > 0")
        .page("version DESC", limit)
}

/// One definition that a pipeline had.
pub(super) fn version(db: &Connection, name: &str, version: u64) -> Result<Option<PipelineVersion>, Failure> {
    let mut statement = db.prepare_cached(&format!("{VERSION} WHERE pipeline = ?1 AND version = ?2"))?;
    statement.query_row(params![name, bound(version)], |row| Ok(read_version(row))).optional()?.transpose()
}

/// The highest version that a name had.
pub(super) fn last_version(db: &Connection, name: &str) -> Result<u64, Failure> {
    let mut statement = db.prepare_cached("SELECT last_version FROM counters WHERE pipeline = ?1")?;
    unsigned(statement.query_row([name], |row| row.get(0)).optional()?.unwrap_or(0))
}
