//! Old runs go: when the engine opens, after each run that ends, and every hour. What goes is decided by
//! [`run::retention`](crate::run::retention); here it is read and deleted.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Engine;
use super::core::Core;
use super::deletion;
use crate::audit::ENGINE;
use crate::error::Result;
use crate::pipeline::HumanDuration;
use crate::run::retention::{FinishedRun, RetentionPolicy, expired};
use crate::run::{RunId, RunStatus};
use crate::store::RunFilter;

/// How often everything is looked at.
const INTERVAL: Duration = Duration::from_secs(3600);
/// How many runs are read at once.
const PAGE: usize = 500;
/// The states of runs that can be deleted.
const ENDED: [RunStatus; 4] = [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled, RunStatus::TimedOut];

/// What is kept of old runs.
#[derive(Debug)]
pub(crate) struct Retention {
    policy: RetentionPolicy,
    /// Runs that ended and whose pipelines were not looked at since.
    ended: Mutex<BTreeSet<RunId>>,
    told: Notify,
}

impl Retention {
    pub(crate) fn new(policy: RetentionPolicy) -> Self {
        Self { policy, ended: Mutex::default(), told: Notify::new() }
    }

    /// A run has ended: its pipeline may have one too many now. Only time makes a run too old.
    pub(crate) fn run_ended(&self, run: RunId) {
        if self.policy.runs_per_pipeline.is_some() {
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(run);
            self.told.notify_one();
        }
    }

    /// Waits for runs that ended.
    async fn ended(&self) -> BTreeSet<RunId> {
        loop {
            let ended = std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner));
            if !ended.is_empty() {
                return ended;
            }
            self.told.notified().await;
        }
    }
}

impl Engine {
    /// Deletes at once the runs that are older, or more, than [`EngineBuilder::retention`](super::EngineBuilder::retention)
    /// says, and returns them. The engine does so by itself when it opens, after each run and every hour. Runs that have not
    /// ended always stay. Nothing is deleted without a policy.
    pub async fn prune(&self) -> Result<Vec<RunId>> {
        let core = &self.handle.core;
        core.writing("prune")?;
        match &core.retention {
            Some(retention) => prune(core, &retention.policy, None).await,
            None => Ok(Vec::new()),
        }
    }
}

/// What the engine does by itself from its opening to its end: removes what deletions left behind, and old runs.
pub(super) async fn keep_house(core: Arc<Core>) {
    let mut closing = core.closing.subscribe();
    let work = async {
        if let Err(error) = deletion::sweep_logs(&core).await {
            tracing::warn!(%error, "logs that no run owns could not be removed; the next opening tries again");
        }
        if let Some(retention) = &core.retention {
            keep_to(&core, retention).await;
        }
    };
    tokio::select! {
        _ = closing.wait_for(|closing| *closing) => {}
        () = work => {}
    }
}

/// Applies the policy for ever.
async fn keep_to(core: &Arc<Core>, retention: &Retention) {
    loop {
        told(prune(core, &retention.policy, None).await);
        let next = core.clock.now().elapsed + INTERVAL;
        loop {
            tokio::select! {
                () = core.clock.sleep_until(next) => break,
                ended = retention.ended() => prune_after(core, &retention.policy, ended).await,
            }
        }
    }
}

/// Applies the policy to the pipelines of runs that ended.
async fn prune_after(core: &Arc<Core>, policy: &RetentionPolicy, ended: BTreeSet<RunId>) {
    let mut pipelines = BTreeSet::new();
    for run in ended {
        match core.archive.store.listing(run).await {
            Ok(listing) => pipelines.extend(listing.map(|listing| listing.pipeline)),
            Err(error) => told(Err(error.into())),
        }
    }
    for pipeline in pipelines {
        told(prune(core, policy, Some(pipeline)).await);
    }
}

fn told(pruned: Result<Vec<RunId>>) {
    match pruned {
        Ok(runs) if runs.is_empty() => {}
        Ok(runs) => tracing::info!(runs = runs.len(), "old runs were deleted"),
        Err(error) => tracing::warn!(%error, "old runs could not be deleted; it is tried again in an hour"),
    }
}

/// Deletes the runs of a pipeline, or of all, that the policy does not keep.
async fn prune(core: &Arc<Core>, policy: &RetentionPolicy, pipeline: Option<String>) -> Result<Vec<RunId>> {
    let finished = finished(core, pipeline).await?;
    let now = core.clock.now().elapsed;
    let expired = expired(&finished, policy, now);
    let by_age = RetentionPolicy { runs_per_pipeline: None, ..*policy };
    let old: BTreeSet<RunId> = self::expired(&finished, &by_age, now).into_iter().collect();
    let (old, many): (Vec<_>, Vec<_>) = expired.into_iter().partition(|run| old.contains(run));
    let mut gone = Vec::new();
    if let (Some(age), false) = (policy.age, old.is_empty()) {
        let reason = format!("it ended more than {} ago: so long are runs kept", HumanDuration::from(age));
        gone.extend(deletion::delete_runs(core, old, ENGINE, &reason).await?);
    }
    if let (Some(most), false) = (policy.runs_per_pipeline, many.is_empty()) {
        let reason = format!("there are {most} newer runs of its pipeline that ended: so many are kept");
        gone.extend(deletion::delete_runs(core, many, ENGINE, &reason).await?);
    }
    Ok(gone)
}

/// The runs of a pipeline, or of all, that have ended and hold nothing any more.
async fn finished(core: &Core, pipeline: Option<String>) -> Result<Vec<FinishedRun>> {
    let mut filter = RunFilter { pipeline, status: ENDED.to_vec(), limit: PAGE, ..RunFilter::default() };
    let mut finished = Vec::new();
    loop {
        let page = core.archive.store.list(&filter).await?;
        filter.before = page.last().map(|run| run.id);
        let full = page.len() == PAGE;
        let released = page.into_iter().filter(|run| run.digest.is_finished());
        finished.extend(released.filter_map(|run| {
            Some(FinishedRun { run: run.id, pipeline: run.pipeline, finished: run.digest.finished?.elapsed })
        }));
        if !full {
            return Ok(finished);
        }
    }
}
