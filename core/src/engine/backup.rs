//! A backup while everything goes on: a folder that is itself a data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::Engine;
use super::core::{Core, Hold};
use super::data_copy::{self, GoOn, blocking};
use super::run::closed;
use crate::audit::Change;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Batch, Draft, Position};

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupReport {
    /// Where it is.
    pub path: PathBuf,
    /// The size of its database, of its logs and of its artifacts.
    pub bytes: u64,
    /// How many runs it has.
    pub runs: usize,
    /// How many artifacts it has. `None` when they are kept outside of the data directory, and so are not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<usize>,
    /// The position of the newest entry in it: what was committed up to there is in it, and nothing else.
    pub position: Position,
}

impl Engine {
    /// Copies everything that the engine keeps, as it is at one moment, while it goes on: the store and the logs, up to what
    /// the store says of them, artifacts and test reports. Caches are not in it, since they are made again; nor are artifacts that
    /// are kept elsewhere ([`EngineBuilder::blobs`](crate::EngineBuilder::blobs)), where they stay. The result is itself a data directory, which an engine can be opened on, a
    /// [`Reader`](super::Reader) can read, and [`restore`](super::restore) copies to where it is needed. What steps hold
    /// (workspaces, raw logs, processes) is not in it.
    ///
    /// It is written under `PATH.partial`, and gets its name when all of it is on the disk. Runs are not deleted meanwhile;
    /// whoever wants that waits. One backup at a time. Dropping the future does not stop it; closing the engine does.
    ///
    /// # Errors
    /// `noPlace` for a path where something is, inside the data directory, or in a folder that is not there; `notOnDisk`
    /// when the store is not in the data directory; `engineClosed`; `noSpace` and the like.
    pub async fn backup(&self, path: impl AsRef<Path>, by: &str) -> Result<BackupReport> {
        let core = self.handle.core.clone();
        let hold = core.hold().ok_or_else(|| closed("backup"))?;
        let (path, by) = (path.as_ref().to_path_buf(), by.to_owned());
        let job = core.runtime().spawn({
            let core = core.clone();
            async move { back_up(&core, &hold, path, &by).await }
        });
        job.await.unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, "jobDied", "backup", error.to_string())))
    }
}

async fn back_up(core: &Arc<Core>, hold: &Arc<Hold>, path: PathBuf, by: &str) -> Result<BackupReport> {
    if !hold.data_dir().db().exists() {
        return Err(not_on_disk());
    }
    let _nobody_deletes = core.deleting.write().await;
    core.hold().ok_or_else(|| closed("backup"))?;
    let own = hold.data_dir().path().to_path_buf();
    let draft = blocking(move || Ok(Draft::beside(&path, &own)?)).await?;
    let (path, copied, bytes) = write(core, draft).await?;
    let audit = vec![core.audited(by, Change::BackupMade { path: path.to_string_lossy().into_owned() })];
    core.commit(Batch { audit, ..Batch::default() }).await.map_err(|error| {
        let message = format!("the backup {} is whole, but it could not be noted who made it: {error}", path.display());
        let error = Error::from(error);
        Error::new(error.kind(), error.code(), "backup", message).with_source(error)
    })?;
    Ok(BackupReport { path, bytes, runs: copied.runs, artifacts: copied.artifacts, position: copied.position })
}

async fn write(core: &Arc<Core>, draft: Draft) -> Result<(PathBuf, data_copy::Copied, u64)> {
    let closing = core.closing.subscribe();
    let go_on: GoOn = Arc::new(move || if *closing.borrow() { Err(closed("backup")) } else { Ok(()) });
    let copied = data_copy::copy(&core.archive, &draft, &go_on).await;
    // A store that was closed meanwhile says something else.
    let copied = copied.and_then(|copied| core.hold().map(|_| copied).ok_or_else(|| closed("backup")));
    // A draft that is not finished is removed, which takes its time.
    blocking(move || {
        let copied = copied?;
        let bytes = copied.bytes_with(&draft);
        Ok((draft.finish()?, copied, bytes))
    })
    .await
}

fn not_on_disk() -> Error {
    let message = "the store of this engine is not in its data directory, and so cannot be copied with it: a backup needs the \
                   SQLite store that an engine has unless it is given another one";
    Error::new(ErrorKind::Unsupported, "notOnDisk", "backup", message)
}
