//! Doing what a request asks for.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

#[cfg(feature = "sqlite")]
use super::protocol::Copied;
use super::protocol::{Done, EngineStatus, Request, Rotated, RunName, Saved, Tried};
#[cfg(feature = "kubernetes")]
use crate::engine::ClusterRemoval;
use crate::engine::{Engine, KeyRotation, Run, SavedCredential};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::CredentialTarget;

/// Does it, and gives the answer.
pub(super) async fn obey(request: Request, engine: &Engine) -> Result<Value> {
    match request {
        Request::Cancel { run, by, reason } => {
            let run = engine.find(&run).await?;
            run.cancel(&by, &reason).await?;
            answer(&RunName::of(&run))
        }
        Request::Approve { run, task, by, reason } => {
            let run = engine.find(&run).await?;
            run.approve(&task, &by, &reason).await?;
            answer(&RunName::of(&run))
        }
        Request::Reject { run, task, by, reason } => {
            let run = engine.find(&run).await?;
            run.reject(&task, &by, &reason).await?;
            answer(&RunName::of(&run))
        }
        Request::Retry { run, by, mode } => {
            let run = engine.find(&run).await?;
            answer(&RunName::of(&run.retry(mode.into(), &by).await?))
        }
        Request::SetCredential { name, credential, by } => {
            let SavedCredential { created, unmasked } = engine.credentials().set(&name, &credential, &by).await?;
            answer(&Saved { created, unmasked })
        }
        Request::RemoveCredential { name, by } => {
            engine.credentials().remove(&name, &by).await?;
            answer(&Done {})
        }
        Request::TestCredential { name, kind, address } => {
            let bad = |why: String| Error::new(ErrorKind::Unsupported, "noCredentialTest", "control", why);
            let target = CredentialTarget::new(kind.parse().map_err(bad)?, address);
            answer(&Tried { message: engine.credentials().test(&name, &target).await?.message })
        }
        Request::RotateMasterKey { by } => {
            let KeyRotation { key, credentials } = engine.credentials().rotate_master_key(&by).await?;
            answer(&Rotated { key, credentials })
        }
        #[cfg(feature = "kubernetes")]
        Request::AddCluster { cluster, by } => answer(&engine.clusters().add(cluster, &by).await?),
        #[cfg(feature = "kubernetes")]
        Request::RemoveCluster { name, force, by } => {
            let removal = if force { ClusterRemoval::Forced } else { ClusterRemoval::WhenUnused };
            engine.clusters().remove(&name, removal, &by).await?;
            answer(&Done {})
        }
        Request::Backup { path, by } => back_up(engine, path, &by).await,
        Request::Status {} => answer(&status(engine)),
        Request::Drain {} => {
            engine.drain(Some(Duration::ZERO)).await?;
            answer(&status(engine))
        }
    }
}

fn answer<T: Serialize>(answer: &T) -> Result<Value> {
    serde_json::to_value(answer)
        .map_err(|error| Error::new(ErrorKind::Internal, "unwritable", "control", error.to_string()))
}

#[cfg(feature = "sqlite")]
async fn back_up(engine: &Engine, path: PathBuf, by: &str) -> Result<Value> {
    let made = engine.backup(path, by).await?;
    let crate::engine::BackupReport { path, bytes, runs, artifacts, position } = made;
    answer(&Copied { path, bytes, runs, artifacts, position })
}

#[cfg(not(feature = "sqlite"))]
async fn back_up(_engine: &Engine, _path: PathBuf, _by: &str) -> Result<Value> {
    let message = "this build keeps nothing on disk that could be copied";
    Err(Error::new(ErrorKind::Unsupported, "notOnDisk", "backup", message))
}

impl RunName {
    /// The name of a run.
    pub(crate) fn of(run: &Run) -> Self {
        Self { id: run.id(), pipeline: run.pipeline().to_owned(), number: run.number() }
    }
}

fn status(engine: &Engine) -> EngineStatus {
    let (running, queued) = engine.handle.core.queue().counts();
    EngineStatus { pid: std::process::id(), version: env!("CARGO_PKG_VERSION").to_owned(), running, queued }
}
