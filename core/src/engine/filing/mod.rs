//! What a task has beside its own work: caches before it, and after it test reports, remarks, artifacts and caches again.
//!
//! All of it happens while the attempt goes on, so that a crash in the middle is no special case: the next engine does it
//! again, but for what the run's events say is done. It is the same over every executor, since files come and go as streams.

mod artifacts;
mod caches;
mod note;
mod reports;
mod valve;
mod wanted;
mod workspace;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

pub(super) use self::note::Notes;
use self::note::{Lines, noting};
use self::wanted::Wanted;
pub(super) use self::wanted::wants_filing;
use self::workspace::Workspace;
use super::core::Core;
use super::message::Message;
use super::request::StoredRequest;
use crate::executor::Executor;
use crate::failpoint;
use crate::pipeline::TaskIndex;
use crate::run::{AttemptEnd, Cause, Filing, Input, RestoredCache, RunState, StepKey};
use crate::secret::Masks;

/// What is filed of one attempt.
pub(super) struct FilingJob {
    core: Arc<Core>,
    key: StepKey,
    task: TaskIndex,
    wanted: Wanted,
    /// The caches with which the attempt began, once they were looked for; an earlier engine may have done that.
    restored: Option<Vec<RestoredCache>>,
    /// The names of artifacts that an earlier engine stored of this attempt.
    stored: Vec<String>,
    /// Becomes true when the run wants the attempt to end.
    stop: watch::Receiver<bool>,
    /// What reports must not show.
    masks: Masks,
}

impl FilingJob {
    /// `None` for a task that has nothing to file, as most have.
    ///
    /// # Errors
    /// The cause of the task's failure when a value in its keys, names or paths is bad.
    pub(super) fn new(
        core: &Arc<Core>,
        request: &StoredRequest,
        state: &RunState,
        (task, key): (TaskIndex, &StepKey),
        stop: watch::Receiver<bool>,
        masks: Masks,
    ) -> Result<Option<Self>, Cause> {
        if !wants_filing(&state.plan().task(task).definition) {
            return Ok(None);
        }
        let view = state.task(task);
        let stored = view.artifacts().iter().filter(|(attempt, _)| *attempt == key.attempt);
        Ok(Some(Self {
            wanted: Wanted::of(core, request, state, task, key)?,
            core: core.clone(),
            key: key.clone(),
            task,
            restored: view.caches().map(<[_]>::to_vec),
            stored: stored.map(|(_, artifact)| artifact.name.clone()).collect(),
            stop,
            masks,
        }))
    }

    /// Puts the caches into the workspace, before the step starts. Nothing of it fails a task.
    pub(super) async fn before(
        &mut self,
        executor: &dyn Executor,
        sender: &mpsc::Sender<Message>,
        notes: &mut dyn Notes,
    ) {
        if self.wanted.caches.is_empty() || self.restored.is_some() || *self.stop.borrow() {
            return;
        }
        let _busy = self.core.clock.busy();
        let workspace = self.workspace(executor);
        let restoring = async |lines: Lines| self.restore_caches(&workspace, &lines).await;
        let Some(restored) = noting(notes, self.stop.clone(), restoring).await else { return };
        failpoint::crash("caches.restored");
        self.committed(sender, Filing::CachesRestored(restored.clone())).await;
        self.restored = Some(restored);
    }

    /// Reads reports, stores artifacts, saves caches: after the attempt's own work, before its end is told. Returns the end.
    pub(super) async fn after(
        &self,
        end: AttemptEnd,
        executor: &dyn Executor,
        sender: &mpsc::Sender<Message>,
        notes: &mut dyn Notes,
    ) -> AttemptEnd {
        let done = matches!(end, AttemptEnd::Succeeded { .. } | AttemptEnd::Failed { .. });
        if !done || *self.stop.borrow() {
            return end;
        }
        let _busy = self.core.clock.busy();
        let (workspace, own) = (self.workspace(executor), end.clone());
        let filing = async |lines: Lines| self.file(end, &workspace, sender, &lines).await;
        if let Some(end) = noting(notes, self.stop.clone(), filing).await {
            return end;
        }
        notes.note("the task is being stopped; what it was to leave is not kept".to_owned()).await;
        own
    }

    async fn file(
        &self,
        mut end: AttemptEnd,
        workspace: &Workspace<'_>,
        sender: &mpsc::Sender<Message>,
        notes: &Lines,
    ) -> AttemptEnd {
        if let Some(tests) = self.read_reports(workspace, sender, notes).await {
            end = reports::explained(end, &tests);
        }
        end = self.store_artifacts(end, workspace, sender, notes).await;
        if let AttemptEnd::Succeeded { .. } = end {
            self.save_caches(workspace, notes).await;
        }
        end
    }

    fn workspace<'a>(&self, executor: &'a dyn Executor) -> Workspace<'a> {
        Workspace { executor, run: self.key.run }
    }

    /// Lets the run know.
    async fn tell(&self, sender: &mpsc::Sender<Message>, filing: Filing) {
        let _ = sender.send(Message::Input(self.input(filing))).await;
    }

    /// Lets the run know, and returns when that is durable.
    async fn committed(&self, sender: &mpsc::Sender<Message>, filing: Filing) {
        let (reply, done) = oneshot::channel();
        let message = Message::Durable { input: self.input(filing), reply };
        if sender.send(message).await.is_err() || done.await.is_err() {
            // The engine is being closed. The next one does it again.
            std::future::pending::<()>().await;
        }
    }

    fn input(&self, filing: Filing) -> Input {
        Input::Filed { task: self.task, attempt: self.key.attempt, filing }
    }
}
