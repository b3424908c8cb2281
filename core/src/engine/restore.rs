//! A data directory from a backup.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::archive::Archive;
use super::data_copy::{self, Copied, GoOn, blocking};
use super::restored::Restored;
use crate::blob::BlobStore;
use crate::error::{Error, ErrorKind, Result};
use crate::log::LogStore;
use crate::run::{RunId, RunStatus};
use crate::store::{Batch, DataDir, Draft, Position, Quiet, SqliteStore};

/// A data directory that was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreReport {
    /// Where it is.
    pub path: PathBuf,
    /// The size of its database, of its logs and of its artifacts.
    pub bytes: u64,
    /// How many runs it has.
    pub runs: usize,
    /// Those that had not ended when the backup was made, oldest first: an engine that is opened takes them up.
    pub unfinished: Vec<RunId>,
    /// The position of its newest entry. Followers that have seen a later one have seen what is not there any more.
    pub position: Position,
}

/// Makes a data directory from a backup, or from another data directory that nobody works with. The backup stays as it is.
///
/// The data directory must not be there, or be an empty folder, such as a mounted volume. The backup is looked through
/// first: its format, its database, and whether every log and every artifact that is there is as long as the database says. Nothing is made when something is
/// wrong with it. What is made gets its name, or becomes a data directory, when all of it is on the disk.
///
/// Runs that had not ended are taken up when an engine is opened on it. Queued ones wait for their turn and start. Of those
/// that were going on nobody knows what became of their steps: running attempts are `lost`, with a cause that says so, and
/// are repeated only where the pipeline retries `lost`; `finally` runs. The workspaces that were kept for repeating failed
/// runs are not in a backup, and are given up; caches are not in it either, and are made again.
///
/// Steps of the engine that made the backup, if any still run, are not stopped by this. Dropping the future does not stop it.
///
/// # Errors
/// `notADataDir`, `olderFormat`, `newerFormat`, `damaged`, `logFailed` for what is wrong with the backup, and `locked` while
/// somebody works with it; `noPlace` for a data directory that has content; `noSpace` and the like.
pub async fn restore(backup: impl AsRef<Path>, data_dir: impl AsRef<Path>) -> Result<RestoreReport> {
    let (backup, data_dir) = (backup.as_ref().to_path_buf(), data_dir.as_ref().to_path_buf());
    let job = tokio::spawn(async move { restore_from(&backup, data_dir).await });
    job.await.unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, "jobDied", "restore", error.to_string())))
}

async fn restore_from(backup: &Path, data_dir: PathBuf) -> Result<RestoreReport> {
    let source = DataDir::open_read_only(backup).map_err(|error| unusable(backup, error.into()))?;
    let _quiet = Quiet::new(source.path())?;
    let store = SqliteStore::open_read_only(source.db()).map_err(|error| unusable(backup, error.into()))?;
    let archive = Archive {
        store: Arc::new(store),
        logs: LogStore::new(source.logs()),
        blobs: BlobStore::folder(source.blobs()),
    };
    let restored = restore_checked(&archive, &source, data_dir).await;
    archive.store.close().await?;
    restored
}

async fn restore_checked(archive: &Archive, source: &DataDir, data_dir: PathBuf) -> Result<RestoreReport> {
    data_copy::check(archive, source).await.map_err(|error| unusable(source.path(), error))?;
    let other = source.path().to_path_buf();
    let draft = blocking(move || Ok(Draft::at(&data_dir, &other)?)).await?;
    let done = fill(archive, &draft).await;
    // A draft that is not finished is removed, which takes its time.
    blocking(move || {
        let (copied, unfinished) = done?;
        let bytes = copied.bytes_with(&draft);
        let path = draft.finish()?;
        Ok(RestoreReport { path, bytes, runs: copied.runs, unfinished, position: copied.position })
    })
    .await
}

/// What is wrong with a backup, with what is left to do.
fn unusable(backup: &Path, error: Error) -> Error {
    let advice = match error.code() {
        "olderFormat" => {
            "copy the folder as it is, and open an engine on the copy: that brings it to this version's format"
        }
        "damaged" | "logFailed" | "objectDamaged" => {
            "take another one; what is left of this one can be had by copying the folder as it is"
        }
        _ => return error,
    };
    let message = format!("the backup {} cannot be restored: {error}; {advice}", backup.display());
    Error::new(error.kind(), error.code(), "restore", message).with_source(error)
}

async fn fill(from: &Archive, draft: &Draft) -> Result<(Copied, Vec<RunId>)> {
    let go_on: GoOn = Arc::new(|| Ok(()));
    let copied = data_copy::copy(from, draft, &go_on).await?;
    let db = draft.db();
    let store = blocking(move || Ok(SqliteStore::open(db)?)).await?;
    let archive =
        Archive { store: Arc::new(store), logs: LogStore::new(draft.logs()), blobs: BlobStore::folder(draft.blobs()) };
    let unfinished = note(&archive).await;
    archive.store.close().await?;
    Ok((copied, unfinished?))
}

/// Notes in a restored store what the next engine has to know. Gives the runs that had not ended.
async fn note(archive: &Archive) -> Result<Vec<RunId>> {
    let store = &archive.store;
    let unfinished = store.unfinished().await?;
    let mut restored = Restored::default();
    for run in unfinished.iter().filter(|run| run.digest.status != RunStatus::Queued) {
        let generation = archive.replay(run.id, None).await?.state.generation();
        restored.went_on(run.id, generation);
    }
    let settings = vec![restored.setting()?];
    let unkeep = store.kept().await?.into_iter().map(|kept| kept.run).collect();
    store.commit(Batch { settings, unkeep, ..Batch::default() }).await?;
    Ok(unfinished.into_iter().map(|run| run.id).collect())
}
