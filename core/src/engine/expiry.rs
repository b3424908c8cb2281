//! The end of workspaces that are kept: one task of the engine sleeps until the next one's time is up, and frees it.
//!
//! Its time is up by elapsed time, which no change of the date touches. The store decides whose it is: who takes a workspace
//! out of what is kept, this task or a run that takes it over, has it.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::core::Core;
use super::effects::persistently;
use crate::executor::Executor;
use crate::pipeline::ExecutorName;
use crate::run::{Elapsed, RunId};
use crate::store::{Batch, KeptWorkspace, StoreError};

/// The pause after which a store is asked again that could not answer.
const PAUSE: Duration = Duration::from_secs(60);

/// Frees kept workspaces in time, as long as the engine is open. While it sleeps it holds nothing of the engine.
pub(super) fn watch(core: &Arc<Core>, kept: Vec<KeptWorkspace>) {
    let (clock, changed, weak) = (core.clock.clone(), core.kept_changed.clone(), Arc::downgrade(core));
    let mut closing = core.closing.subscribe();
    core.spawn(async move {
        let mut expiry = Expiry { core: weak, homeless: HashSet::new() };
        let mut next = expiry.free_due(kept).await;
        loop {
            let due = async {
                match next {
                    Some(deadline) => clock.sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => return,
                () = changed.notified() => {}
                () = due => {}
            }
            // Of an engine that is gone there is nothing to look at, and `closing` says so.
            next = expiry.look().await;
        }
    });
}

struct Expiry {
    core: Weak<Core>,
    /// Runs whose workspace cannot be freed, since the engine does not have its executor. Told once; the next opening looks
    /// again.
    homeless: HashSet<RunId>,
}

impl Expiry {
    /// Frees those whose time is up, as the store lists them now. Returns when to look again, if anything is kept.
    async fn look(&mut self) -> Option<Elapsed> {
        let core = self.core.upgrade()?;
        match core.archive.store.kept().await {
            Ok(kept) => {
                drop(core);
                self.free_due(kept).await
            }
            Err(error) => {
                tracing::warn!(%error, "the list of kept workspaces could not be read; it is read again in a minute");
                Some(core.clock.now().elapsed + PAUSE)
            }
        }
    }

    async fn free_due(&mut self, kept: Vec<KeptWorkspace>) -> Option<Elapsed> {
        let core = self.core.upgrade()?;
        // Nobody else gets the data directory while something is freed.
        let _hold = core.hold()?;
        let mut next: Option<Elapsed> = None;
        let mut later = |moment: Elapsed| next = Some(next.map_or(moment, |next| next.min(moment)));
        for workspace in kept {
            let Some(executor) = self.executor_of(&core, &workspace) else { continue };
            let now = core.clock.now().elapsed;
            if workspace.until > now {
                later(workspace.until);
            } else if !free(&core, &*executor, workspace.run).await {
                later(now + PAUSE);
            }
        }
        next
    }

    fn executor_of(&mut self, core: &Core, workspace: &KeptWorkspace) -> Option<Arc<dyn Executor>> {
        let found = ExecutorName::new(&workspace.executor).ok().and_then(|name| core.executor(&name).ok());
        if found.is_none() && self.homeless.insert(workspace.run) {
            let (run, executor) = (workspace.run, &workspace.executor);
            tracing::warn!(%run, executor, "a workspace is kept on an executor that this engine does not have; it stays");
        }
        found
    }
}

/// Frees a workspace unless somebody else has taken it. False when the store could not say whose it is.
async fn free(core: &Core, executor: &dyn Executor, run: RunId) -> bool {
    match core.commit(Batch { unkeep: vec![run], ..Batch::default() }).await {
        Ok(()) => {}
        Err(StoreError::NotKept { .. }) => return true,
        Err(error) => {
            tracing::warn!(%run, %error, "a workspace whose time is up could not be taken out of the list; again in a minute");
            return false;
        }
    }
    if let Err(error) = persistently(core, || executor.release(run)).await {
        // It is no longer in the list of what is kept.
        tracing::error!(%run, %error, "a workspace whose time is up could not be freed; the next opening sweeps it");
    }
    true
}
