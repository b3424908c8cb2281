//! A batch, encoded by whoever commits it and applied by the writer.

use rusqlite::Connection;

use super::audit::Entry;
use super::credentials;
use super::failure::Failure;
use super::kept;
use super::pipelines::Edit;
use super::positions::Positions;
use super::runs::{self, NewRun, Rows};
use crate::run::RunId;
use crate::store::{Batch, CredentialChange, KeptWorkspace};

/// A batch with everything turned into columns, so that the writer's thread does nothing but write.
pub(super) struct Change {
    runs: Vec<NewRun>,
    appends: Vec<Rows>,
    settings: Vec<(String, String)>,
    pipelines: Vec<Edit>,
    keep: Vec<KeptWorkspace>,
    unkeep: Vec<RunId>,
    credentials: Vec<CredentialChange>,
    deletes: Vec<RunId>,
    audit: Vec<Entry>,
}

impl Change {
    pub(super) fn encode(batch: Batch) -> Result<Self, Failure> {
        let runs = batch.runs.iter().map(|(record, digest)| NewRun::encode(record, digest.clone()));
        Ok(Self {
            runs: runs.collect::<Result<_, _>>()?,
            appends: batch.appends.into_iter().map(Rows::encode).collect::<Result<_, _>>()?,
            settings: batch.settings,
            pipelines: batch.pipelines.into_iter().map(Edit::encode).collect(),
            keep: batch.keep,
            unkeep: batch.unkeep,
            credentials: batch.credentials,
            deletes: batch.deletes,
            audit: batch.audit.iter().map(Entry::encode).collect::<Result<_, _>>()?,
        })
    }

    /// Writes all of it into the open transaction. After an error the caller takes back what was written.
    pub(super) fn apply(&self, db: &Connection, positions: &mut Positions) -> Result<(), Failure> {
        for run in &self.runs {
            run.insert(db)?;
        }
        for rows in &self.appends {
            rows.append(db, positions)?;
        }
        for (name, value) in &self.settings {
            let sql =
                "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
            db.prepare_cached(sql)?.execute([name, value])?;
        }
        for edit in &self.pipelines {
            edit.apply(db)?;
        }
        for workspace in &self.keep {
            kept::keep(db, workspace)?;
        }
        for run in &self.unkeep {
            kept::unkeep(db, *run)?;
        }
        for change in &self.credentials {
            credentials::change(db, change)?;
        }
        self.delete(db, positions)?;
        for entry in &self.audit {
            entry.insert(db, positions.next())?;
        }
        Ok(())
    }

    fn delete(&self, db: &Connection, positions: &Positions) -> Result<(), Failure> {
        for run in &self.deletes {
            runs::delete(db, *run)?;
        }
        if self.deletes.is_empty() { Ok(()) } else { positions.keep(db) }
    }
}
