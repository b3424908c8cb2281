//! The runs that an earlier engine left, taken up.

use std::sync::Arc;

use super::archive::Replayed;
use super::core::Core;
use super::request::StoredRequest;
use super::restored::Restored;
use crate::error::{Error, ErrorKind, Result};
use crate::executor::{ExecutorError, RunScope};
use crate::explain;
use crate::failpoint;
use crate::pipeline::PipelineName;
use crate::run::{Input, RunId, RunStatus};
use crate::store::{KeptWorkspace, RunListing};

/// How many queued runs are read at once.
const PAGE: usize = 500;

/// Takes up what an earlier engine left: running runs get a driver, queued ones their place in the queue, and what no run
/// owns is swept.
pub(super) async fn recover(core: &Arc<Core>, kept: &[KeptWorkspace]) -> Result<Vec<RunId>> {
    let unfinished = core.archive.store.unfinished().await?;
    let recovered: Vec<RunId> = unfinished.iter().map(|run| run.id).collect();
    let mut keep = recovered.clone();
    if !failpoint::bug("sweep.forget-kept") {
        keep.extend(kept.iter().map(|kept| kept.run));
    }
    let (queued, going): (Vec<_>, Vec<_>) =
        unfinished.into_iter().partition(|run| run.digest.status == RunStatus::Queued);
    let restored = if going.is_empty() { Restored::default() } else { Restored::read(&*core.archive.store).await? };
    keep.extend(queue_again(core, &queued).await?);
    for listing in going {
        let replayed = core.archive.replay(listing.id, None).await?;
        if !listing.digest.status.is_final() {
            core.queue().resume(listing.id, pipeline_name(&listing)?, &replayed.request);
        }
        // It may not have taken it over yet.
        keep.extend(replayed.request.adopt.map(|kept| kept.run));
        take_up(core, replayed, &restored).await;
    }
    for (name, executor) in core.executors.all() {
        if let Err(error) = executor.sweep(&keep).await {
            tracing::warn!(executor = %name, %error, "what no run owns could not be swept");
        }
    }
    core.admit();
    Ok(recovered)
}

/// Gives runs that wait their places in the queue, and returns those whose workspaces they take over. There may be ten
/// thousand, so that they are read many at once.
async fn queue_again(core: &Core, queued: &[RunListing]) -> Result<Vec<RunId>> {
    let mut adopted = Vec::new();
    for page in queued.chunks(PAGE) {
        let ids: Vec<RunId> = page.iter().map(|run| run.id).collect();
        for record in core.archive.store.records(&ids).await? {
            let damaged = |why: String| {
                let message = format!("the record of run {} is damaged: {why}", record.id);
                Error::new(ErrorKind::Damaged, "damagedRun", "open", message)
            };
            let name = PipelineName::new(&record.pipeline).map_err(|error| damaged(error.to_string()))?;
            let request: StoredRequest =
                serde_json::from_value(record.request).map_err(|error| damaged(error.to_string()))?;
            adopted.extend(request.adopt.map(|kept| kept.run));
            core.queue().enter(record.id, name, &request);
            core.waiting.enter(record.id, &record.pipeline);
        }
    }
    Ok(adopted)
}

fn pipeline_name(listing: &RunListing) -> Result<PipelineName> {
    PipelineName::new(&listing.pipeline).map_err(|error| {
        let message = format!("the record of run {} is damaged: {error}", listing.id);
        Error::new(ErrorKind::Damaged, "damagedRun", "open", message)
    })
}

/// Gives a run that was going on a driver, after a look whether its workspace is still there.
async fn take_up(core: &Arc<Core>, replayed: Replayed, restored: &Restored) {
    let Replayed { request, state, last, .. } = replayed;
    let mut first = vec![Input::Recovered];
    if state.workspace_ready() && state.ended().is_none() {
        let generation = state.generation();
        let scope =
            RunScope { run: state.run(), generation, existing: true, source: None, adopt: None, outlines: Vec::new() };
        let found = match core.executor(&request.executor) {
            Ok(executor) => executor.prepare(&scope).await,
            Err(error) => Err(error),
        };
        if let Err(error @ (ExecutorError::WorkspaceLost { .. } | ExecutorError::Unsupported { .. })) = found {
            let of_backup = restored.cause(state.run(), generation);
            let cause = of_backup.unwrap_or_else(|| explain::executor_error(&error).cause);
            first.push(Input::WorkspaceLost { generation, cause });
        }
    }
    core.drive(request, state, last, first);
}
