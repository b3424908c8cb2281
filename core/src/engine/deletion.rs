//! Deleting runs: first what the store has, in one write with who did it; then logs, and the workspace that was kept.
//!
//! A crash between the two leaves logs and workspaces of runs that nobody knows. The next opening removes them.

use std::collections::HashMap;
use std::sync::Arc;

use super::Run;
use super::blob_house::remove_blobs;
use super::core::Core;
use crate::audit::Change;
use crate::error::Result;
use crate::log::LogError;
use crate::pipeline::ExecutorName;
use crate::run::RunId;
use crate::store::{Batch, KeptWorkspace, RunListing, StoreError};

/// How many runs go in one write: others wait for the disk meanwhile.
const TOGETHER: usize = 50;
/// More logs than a crash can leave behind: several deletions at once, each of them in the middle of a write.
const TOO_MANY: usize = 4 * TOGETHER;
/// How often a deletion is tried again whose workspaces somebody else takes or gives up meanwhile.
const TRIES: usize = 10;

impl Run {
    /// Deletes the run with all that belongs to it: events, logs, artifacts, and the workspace when that is kept. Returns when it is
    /// gone for everybody. Its number is not given to another run.
    ///
    /// # Errors
    /// `runUnfinished` while it goes on, or something of it is not freed yet: [`cancel`](Run::cancel) it and
    /// [`wait`](Run::wait) first. `noSuchRun` when it was deleted before.
    pub async fn delete(&self, by: &str) -> Result<()> {
        let hold = self.core.writing("delete")?;
        let (core, run, by) = (self.core.clone(), self.id, by.to_owned());
        self.core
            .to_the_end("delete", async move {
                let deleted = delete_together(&core, &[run], &by, "").await;
                drop(hold);
                Ok(deleted?)
            })
            .await
    }
}

/// Deletes runs that have ended, and returns those that went. Runs that somebody else deleted meanwhile are fine.
pub(super) async fn delete_runs(core: &Arc<Core>, runs: Vec<RunId>, by: &str, reason: &str) -> Result<Vec<RunId>> {
    let mut gone = Vec::new();
    for some in runs.chunks(TOGETHER) {
        let hold = core.writing("delete")?;
        let (job, some, by, reason) = (core.clone(), some.to_vec(), by.to_owned(), reason.to_owned());
        let deleted = core
            .to_the_end("delete", async move {
                let deleted = delete_some(&job, some, &by, &reason).await;
                drop(hold);
                Ok(deleted?)
            })
            .await?;
        gone.extend(deleted);
    }
    Ok(gone)
}

/// Deletes all of them together, or one by one when one of them is gone already.
async fn delete_some(core: &Arc<Core>, runs: Vec<RunId>, by: &str, reason: &str) -> Result<Vec<RunId>, StoreError> {
    match delete_together(core, &runs, by, reason).await {
        Ok(()) => return Ok(runs),
        Err(StoreError::NoSuchRun { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut gone = Vec::new();
    for run in runs {
        match delete_together(core, &[run], by, reason).await {
            Ok(()) => gone.push(run),
            Err(StoreError::NoSuchRun { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(gone)
}

/// Deletes all of them, or none. Their workspaces are given up in the same write, so that no other run can have taken one
/// of those that are freed afterwards.
async fn delete_together(core: &Arc<Core>, runs: &[RunId], by: &str, reason: &str) -> Result<(), StoreError> {
    // A backup has a run with its logs, or without both.
    let _deleting = core.deleting.read().await;
    let mut listings = Vec::with_capacity(runs.len());
    for run in runs {
        let listing = core.archive.store.listing(*run).await?;
        listings.push(listing.ok_or(StoreError::NoSuchRun { run: *run })?);
    }
    let mut tries = 0;
    let kept = loop {
        let kept = kept_of(core, runs).await?;
        let batch = batch(core, &listings, &kept, by, reason);
        match core.commit(batch).await {
            Ok(()) => break kept,
            Err(StoreError::NotKept { .. }) if tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    };
    remove_logs(core, runs.to_vec()).await;
    remove_blobs(core, runs).await;
    for workspace in kept.values() {
        release(core, workspace).await;
    }
    Ok(())
}

async fn kept_of(core: &Core, runs: &[RunId]) -> Result<HashMap<RunId, KeptWorkspace>, StoreError> {
    let kept = core.archive.store.kept().await?;
    Ok(kept.into_iter().filter(|kept| runs.contains(&kept.run)).map(|kept| (kept.run, kept)).collect())
}

fn batch(core: &Core, runs: &[RunListing], kept: &HashMap<RunId, KeptWorkspace>, by: &str, reason: &str) -> Batch {
    let audit = runs.iter().map(|listing| {
        let (pipeline, number) = (listing.pipeline.clone(), listing.number);
        core.audited(by, Change::RunDeleted { run: listing.id, pipeline, number, reason: reason.to_owned() })
    });
    Batch {
        audit: audit.collect(),
        unkeep: kept.keys().copied().collect(),
        deletes: runs.iter().map(|listing| listing.id).collect(),
        ..Batch::default()
    }
}

/// Removes logs, off the runtime's own threads.
async fn remove_logs(core: &Core, runs: Vec<RunId>) {
    let logs = core.archive.logs.clone();
    let removed = tokio::task::spawn_blocking(move || {
        for run in runs {
            if let Err(error) = logs.remove_run(run) {
                tracing::warn!(%run, %error, "the logs of a deleted run are still there; the next opening removes them");
            }
        }
    });
    if let Err(error) = removed.await {
        tracing::warn!(%error, "logs of deleted runs are still there; the next opening removes them");
    }
}

async fn release(core: &Core, kept: &KeptWorkspace) {
    let Ok(name) = ExecutorName::new(&kept.executor) else { return };
    let released = match core.executor(&name) {
        Ok(executor) => executor.release(kept.run).await,
        Err(error) => Err(error),
    };
    if let Err(error) = released {
        tracing::warn!(run = %kept.run, %error, "the workspace of a deleted run is still there; the next sweep removes it");
    }
}

/// Removes the logs of runs that the store does not have: a crash came between a deletion and the end of its work.
pub(super) async fn sweep_logs(core: &Arc<Core>) -> Result<()> {
    let logs = core.archive.logs.clone();
    // Folders are looked at before the store is asked: a run is in the store before it has a log.
    let listed = tokio::task::spawn_blocking(move || logs.runs()).await;
    let listed = listed
        .unwrap_or_else(|error| Err(LogError::Io { doing: "listing logs".to_owned(), why: error.to_string() }))?;
    let mut orphans = Vec::new();
    for run in listed {
        if core.archive.store.listing(run).await?.is_none() {
            orphans.push(run);
        }
    }
    if orphans.len() > TOO_MANY {
        // Rather a store that was lost or exchanged. What is left of its runs is not thrown away on a guess.
        let runs = orphans.len();
        tracing::warn!(
            runs,
            "there are logs of runs that the store does not have; remove them by hand if they are not wanted"
        );
        return Ok(());
    }
    for some in orphans.chunks(TOGETHER) {
        let (hold, job, some) = (core.writing("sweep")?, core.clone(), some.to_vec());
        let removed = async move {
            remove_logs(&job, some).await;
            drop(hold);
            Ok(())
        };
        core.to_the_end("sweep", removed).await?;
    }
    Ok(())
}
