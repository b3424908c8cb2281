//! What goes of artifacts and reports: with their runs, and when their time is over.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::core::Core;
use crate::blob::{BlobError, EXPIRING, RUNS, expiry_of, run_prefix};
use crate::error::Result;
use crate::run::RunId;

/// More than a crash can leave behind: see the same of logs.
const TOO_MANY: usize = 200;

/// Removes what runs left that were deleted.
pub(super) async fn remove_blobs(core: &Core, runs: &[RunId]) {
    for run in runs {
        if let Err(error) = core.archive.blobs.delete_all(&run_prefix(*run)).await {
            tracing::warn!(%run, %error, "artifacts of a deleted run are still there; the next opening removes them");
        }
    }
}

/// From the opening of the engine to its end: removes what deletions left behind, and artifacts whose time is over.
pub(super) async fn keep_house(core: Arc<Core>) {
    let mut closing = core.closing.subscribe();
    let work = async {
        if let Err(error) = sweep(&core).await {
            tracing::warn!(%error, "artifacts that no run owns could not be removed; the next opening tries again");
        }
        loop {
            let next = expire(&core).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "artifacts whose time is over could not be removed; it is tried again later");
                None
            });
            let now = core.clock.now();
            let wait = next.map(|next| Duration::try_from(next.duration_since(now.wall)).unwrap_or_default());
            let until = async {
                match wait {
                    Some(wait) => core.clock.sleep_until(now.elapsed + wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = until => {}
                () = core.artifact_kept.notified() => {}
            }
        }
    };
    tokio::select! {
        _ = closing.wait_for(|closing| *closing) => {}
        () = work => {}
    }
}

/// Removes artifacts whose time is over, and returns when the next one's will be.
async fn expire(core: &Core) -> Result<Option<Timestamp>, BlobError> {
    let (blobs, now) = (&core.archive.blobs, core.clock.now().wall);
    let mut next: Option<Timestamp> = None;
    for marker in blobs.list(EXPIRING).await? {
        let marker = marker.location.to_string();
        let Some((until, object)) = expiry_of(&marker) else { continue };
        if until > now {
            next = Some(next.map_or(until, |next| next.min(until)));
            continue;
        }
        blobs.delete(&object).await?;
        blobs.delete(&marker).await?;
    }
    Ok(next)
}

/// Removes what belongs to runs that the store does not have.
async fn sweep(core: &Core) -> Result<()> {
    let mut orphans = Vec::new();
    for name in core.archive.blobs.folders(RUNS).await? {
        let Ok(run) = name.parse::<RunId>() else { continue };
        if core.archive.store.listing(run).await?.is_none() {
            orphans.push(run);
        }
    }
    if orphans.len() > TOO_MANY {
        let runs = orphans.len();
        tracing::warn!(
            runs,
            "there are artifacts of runs that the store does not have; remove them by hand if they are not wanted"
        );
        return Ok(());
    }
    let _hold = core.writing("sweep")?;
    remove_blobs(core, &orphans).await;
    Ok(())
}
