//! What goes of artifacts and reports: with their runs, and when their time is over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::core::Core;
use super::filing::wants_filing;
use crate::blob::{BlobError, EXPIRING, RUNS, expiry_of, is_artifact, lost_archives, run_prefix};
use crate::error::Result;
use crate::failpoint;
use crate::run::{RunId, RunState, TaskStatus, TaskView};

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

/// How long the end of a run or of an engine waits for a store to take back what is left of uploads that were given up.
const GIVING_UP: Duration = Duration::from_secs(10);

impl Core {
    /// Waits until the store has taken back what was sent of uploads that were given up. One that does not answer keeps
    /// nobody for long.
    pub(super) async fn until_uploads_are_given_up(&self) {
        let until = self.clock.now().elapsed + GIVING_UP;
        tokio::select! {
            biased;
            () = self.archive.blobs.settled() => {}
            () = self.clock.sleep_until(until) => tracing::warn!("parts of uploads that were given up may still be in the store"),
        }
    }
}

/// What is to be kept of a run.
pub(super) struct Kept {
    run: RunId,
    objects: HashSet<String>,
}

impl Kept {
    /// `None` for a run that can have left nothing halfway, as nearly all have.
    pub(super) fn of(state: &RunState) -> Option<Self> {
        let mut filing = state.tasks().filter(|view| wants_filing(&view.planned().definition));
        filing.find(|view| was_interrupted(*view))?;
        let artifacts = |view: TaskView<'_>| -> Vec<String> {
            view.artifacts().iter().map(|(_, artifact)| artifact.object.clone()).collect()
        };
        Some(Self { run: state.run(), objects: state.tasks().flat_map(artifacts).collect() })
    }

    /// Removes archives of artifacts that no event tells of: their tasks were stopped, or their engine was, before it could be
    /// told. The run is over.
    pub(super) async fn remove_others(&self, core: &Core) {
        let blobs = &core.archive.blobs;
        let removed = async {
            for object in blobs.list(&run_prefix(self.run)).await? {
                let name = object.location.to_string();
                if is_artifact(&name) && !self.objects.contains(&name) {
                    blobs.delete(&name).await?;
                }
            }
            Ok::<_, BlobError>(())
        };
        let until = core.clock.now().elapsed + GIVING_UP;
        let failed = tokio::select! {
            biased;
            removed = removed => removed.err().map(|error| error.to_string()),
            () = core.clock.sleep_until(until) => Some("the store does not answer".to_owned()),
        };
        if let Some(why) = failed {
            tracing::warn!(run = %self.run, why, "what was left of stopped tasks is kept until their run is deleted");
        }
    }
}

/// Whether an attempt may have been ended while it left something.
fn was_interrupted(task: TaskView<'_>) -> bool {
    task.attempts() > 1 || matches!(task.status(), TaskStatus::Cancelled | TaskStatus::TimedOut | TaskStatus::Lost)
}

/// From the opening of the engine to its end: removes what deletions and crashes left behind, and artifacts whose time is over.
/// What a crash left goes however soon the engine is closed, so its hold is taken before this returns.
pub(super) fn keep_house(core: Arc<Core>) -> impl Future<Output = ()> + Send + 'static {
    let hold = core.hold();
    async move {
        let mut closing = core.closing.subscribe();
        let sweeping = async {
            // Without it the engine is closed, and the next one sweeps.
            let Some(_hold) = hold else { return };
            if let Err(error) = sweep(&core).await {
                tracing::warn!(%error, "artifacts that no run owns could not be removed; the next opening tries again");
            }
        };
        if core.archive.blobs.is_folder() {
            // However soon the engine ends: a command that only looks at a run is the next opening as well.
            sweeping.await;
        } else {
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => {}
                () = sweeping => {}
            }
        }
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => {}
            () = expire_for_ever(&core) => {}
        }
    }
}

async fn expire_for_ever(core: &Core) {
    loop {
        let next = expire(core).await.unwrap_or_else(|error| {
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

/// Removes archives of caches that a crash left without an entry, but for those that are being saved again.
async fn remove_lost_caches(core: &Core) -> Result<(), BlobError> {
    let blobs = &core.archive.blobs;
    for lost in lost_archives(blobs).await? {
        if let Some(_saving) = core.saving.begin(lost.stem()) {
            lost.remove(blobs).await?;
        }
    }
    Ok(())
}

/// Removes what a crash left, and what belongs to runs that the store does not have.
async fn sweep(core: &Core) -> Result<()> {
    let blobs = core.archive.blobs.clone();
    // Half an object is never found under its name, and only takes space.
    let removed = tokio::task::spawn_blocking(move || match failpoint::bug("blobs.keep-unfinished") {
        true => Ok(0),
        false => blobs.remove_unfinished(),
    });
    let removed = removed.await;
    if let Ok(Err(error)) = removed {
        tracing::warn!(%error, "what a crash left of caches and artifacts could not be removed");
    }
    remove_lost_caches(core).await?;
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
    remove_blobs(core, &orphans).await;
    Ok(())
}
