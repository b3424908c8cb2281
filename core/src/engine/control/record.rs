//! What can be done to a data directory that no engine works on, without starting anything: writing a decision down, from
//! which the next engine goes on, and a backup.

use std::path::Path;
use std::sync::Arc;

use super::protocol::RunName;
use crate::audit::{AuditEntry, Change};
use crate::blob::BlobStore;
use crate::engine::BackupReport;
use crate::engine::archive::Archive;
use crate::engine::builder::{open_store, system_clock};
use crate::engine::data_copy::{self, GoOn};
use crate::engine::driver::digest_of;
use crate::engine::run::decision_about;
use crate::error::{Error, ErrorKind, Result};
use crate::log::LogStore;
use crate::run::Decision;
use crate::store::{Append, Batch, DataDir, Draft, Stamped};

/// Writes down a decision about a task that waits for an approval. `locked` when an engine holds the data directory.
pub(crate) async fn record_decision(
    data_dir: &Path,
    run: &str,
    task: &str,
    decision: Decision,
    (by, reason): (&str, &str),
) -> Result<RunName> {
    // Nothing is made where nothing is.
    drop(DataDir::open_read_only(data_dir)?);
    let data_dir = DataDir::open(data_dir)?;
    let store = open_store(&data_dir)?;
    let archive = Archive { store, logs: LogStore::new(data_dir.logs()), blobs: BlobStore::folder(data_dir.blobs()) };
    let recorded = record(&archive, run, task, decision, (by, reason)).await;
    archive.store.close().await?;
    recorded
}

async fn record(
    archive: &Archive,
    run: &str,
    task: &str,
    decision: Decision,
    (by, reason): (&str, &str),
) -> Result<RunName> {
    let clock = system_clock(&*archive.store).await?;
    let mut found = archive.replay(archive.find(run).await?, None).await?;
    let (input, change) = decision_about(&found, task, decision, by, reason)?;
    let at = clock.now();
    let decided = found.state.settle(input, at).map_err(|error| {
        Error::new(ErrorKind::Internal, "illegalTransition", "decide", format!("run {}: {error}", found.record.id))
    })?;
    let events = decided.into_iter().map(|event| Stamped { at, event }).collect();
    let digest = Some(digest_of(&found.state));
    let append = Append { run: found.record.id, expected: found.last, events, digest };
    let audit = vec![AuditEntry { at, by: by.to_owned(), change }];
    archive.store.commit(Batch { appends: vec![append], audit, ..Batch::default() }).await?;
    let record = found.record;
    Ok(RunName { id: record.id, pipeline: record.pipeline, number: record.number })
}

/// Copies everything into a new folder. `locked` when an engine holds the data directory.
pub(crate) async fn back_up_alone(data_dir: &Path, path: &Path, by: &str) -> Result<BackupReport> {
    drop(DataDir::open_read_only(data_dir)?);
    let data_dir = DataDir::open(data_dir)?;
    let store = open_store(&data_dir)?;
    let archive = Archive { store, logs: LogStore::new(data_dir.logs()), blobs: BlobStore::folder(data_dir.blobs()) };
    let made = back_up(&archive, &data_dir, path, by).await;
    archive.store.close().await?;
    made
}

async fn back_up(archive: &Archive, data_dir: &DataDir, path: &Path, by: &str) -> Result<BackupReport> {
    let clock = system_clock(&*archive.store).await?;
    let draft = Draft::beside(path, data_dir.path())?;
    let go_on: GoOn = Arc::new(|| Ok(()));
    let copied = data_copy::copy(archive, &draft, &go_on).await?;
    let bytes = copied.bytes_with(&draft);
    let path = draft.finish()?;
    let change = Change::BackupMade { path: path.to_string_lossy().into_owned() };
    let audit = vec![AuditEntry { at: clock.now(), by: by.to_owned(), change }];
    archive.store.commit(Batch { audit, ..Batch::default() }).await?;
    Ok(BackupReport { path, bytes, runs: copied.runs, artifacts: copied.artifacts, position: copied.position })
}
