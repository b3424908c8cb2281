//! Decisions about runs that no engine works on: written down, and nothing else. The next engine goes on from there.

use std::path::Path;

use super::protocol::RunName;
use crate::audit::AuditEntry;
use crate::engine::archive::Archive;
use crate::engine::builder::{open_store, system_clock};
use crate::engine::driver::digest_of;
use crate::engine::run::decision_about;
use crate::error::{Error, ErrorKind, Result};
use crate::log::LogStore;
use crate::run::Decision;
use crate::store::{Append, Batch, DataDir, Stamped};

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
    let archive = Archive { store, logs: LogStore::new(data_dir.logs()) };
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
