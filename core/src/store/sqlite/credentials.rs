//! Credentials, sealed.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};

use super::checksum::Checksum;
use super::failure::Failure;
use super::question::Question;
use super::row::{self, columns, id_of, moment};
use crate::run::RunId;
use crate::secret::CredentialKind;
use crate::store::{CredentialChange, CredentialOwner, CredentialRecord, StoreError};

/// Makes a change.
pub(super) fn change(db: &Connection, change: &CredentialChange) -> Result<(), Failure> {
    match change {
        CredentialChange::Set(record) => set(db, record),
        CredentialChange::Remove { owner, name } => {
            let sql = "DELETE FROM credentials WHERE owner = ?1 AND name = ?2";
            match db.prepare_cached(sql)?.execute(params![column(*owner), name])? {
                0 => Err(StoreError::NoSuchCredential { name: name.clone() }.into()),
                _ => Ok(()),
            }
        }
        CredentialChange::RemoveOfRun(run) => remove_of_run(db, *run),
    }
}

pub(super) fn remove_of_run(db: &Connection, run: RunId) -> Result<(), Failure> {
    let owner = column(CredentialOwner::Run(run));
    db.prepare_cached("DELETE FROM credentials WHERE owner = ?1")?.execute([owner])?;
    Ok(())
}

fn set(db: &Connection, record: &CredentialRecord) -> Result<(), Failure> {
    if let CredentialOwner::Run(run) = record.owner {
        row::find(db, run)?.ok_or(StoreError::NoSuchRun { run })?;
    }
    let sealed = serde_json::to_string(&record.sealed).map_err(|error| StoreError::Io {
        doing: format!("encoding the credential {:?}", record.name),
        why: error.to_string(),
    })?;
    let at = columns(record.changed)?;
    let kind = record.kind.as_str();
    let crc = checksum(record.owner, &record.name, kind, &sealed, at, &record.changed_by).finish();
    let sql = "INSERT OR REPLACE INTO credentials
        (owner, name, kind, sealed, changed_wall, changed_elapsed, changed_by, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let owner = column(record.owner);
    db.prepare_cached(sql)?.execute(params![owner, record.name, kind, sealed, at.0, at.1, record.changed_by, crc])?;
    Ok(())
}

const SELECT: &str =
    "SELECT owner, name, kind, sealed, changed_wall, changed_elapsed, changed_by, crc FROM credentials";

/// Those of an owner, or all, in the order of their names.
pub(super) fn question(owner: Option<CredentialOwner>, name: Option<String>) -> Question {
    let owner = owner.map(|owner| Value::Blob(column(owner)));
    Question::new(SELECT).only("owner = ?", owner).only("name = ?", name).page("owner, name", usize::MAX)
}

/// Those of an owner, or all, in the order of their names.
pub(super) fn list(
    db: &Connection,
    owner: Option<CredentialOwner>,
    name: Option<String>,
) -> Result<Vec<CredentialRecord>, Failure> {
    question(owner, name).ask(db, read)
}

fn read(row: &Row<'_>) -> Result<CredentialRecord, Failure> {
    let owner: Vec<u8> = row.get(0)?;
    let (name, kind, sealed): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let damaged = || Failure::Damaged(format!("the credential {name:?} makes no sense"));
    let owner = match <[u8; 16]>::try_from(owner.as_slice()) {
        Ok(id) => CredentialOwner::Run(id_of(id)),
        Err(_) if owner.is_empty() => CredentialOwner::Installation,
        Err(_) => return Err(damaged()),
    };
    let (at, changed_by): (_, String) = ((row.get(4)?, row.get(5)?), row.get(6)?);
    let sum = checksum(owner, &name, &kind, &sealed, at, &changed_by);
    sum.expect(row.get(7)?, || format!("the credential {name:?}"))?;
    let kind = CredentialKind::parse(&kind).ok_or_else(damaged)?;
    let sealed = serde_json::from_str(&sealed).map_err(|_| damaged())?;
    Ok(CredentialRecord { owner, name, kind, sealed, changed: moment(at.0, at.1)?, changed_by })
}

/// The id of the run; nothing for the installation.
fn column(owner: CredentialOwner) -> Vec<u8> {
    match owner {
        CredentialOwner::Installation => Vec::new(),
        CredentialOwner::Run(run) => run.get().as_bytes().to_vec(),
    }
}

fn checksum(owner: CredentialOwner, name: &str, kind: &str, sealed: &str, at: (i64, i64), by: &str) -> Checksum {
    let sum = Checksum::default().number(column(owner).len() as u64).bytes(&column(owner));
    sum.text(name).text(kind).text(sealed).columns(at).text(by)
}
