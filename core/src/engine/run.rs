//! The handle of one run.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::archive::Replayed;
use super::core::Core;
use super::events::{EventStream, broken};
use super::feed::FeedEnd;
use super::log_stream::LogStream;
use super::message::{Control, Message};
use super::summary::RunSummary;
use crate::audit::Change;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Action, TaskId, TaskIndex};
use crate::run::{Decision, Input, RunId, RunState, RunStatus, Seq, StepKey, TaskStatus};
use crate::store::RunListing;

/// A run of this engine. Dropping the handle changes nothing for the run.
#[derive(Clone, Debug)]
pub struct Run {
    pub(super) core: Arc<Core>,
    pub(super) id: RunId,
    pub(super) pipeline: Arc<str>,
    pub(super) number: u64,
}

impl Run {
    pub(super) fn of(core: Arc<Core>, listing: &RunListing) -> Self {
        Self { core, id: listing.id, pipeline: Arc::from(listing.pipeline.as_str()), number: listing.number }
    }

    /// The unique id.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The number in its pipeline: 1, 2, 3 …
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The pipeline's name.
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }

    /// All events from the first one on, and live ones as they come.
    pub async fn events(&self) -> Result<EventStream> {
        self.events_after(Seq::ZERO).await
    }

    /// The events after a number, and live ones as they come.
    pub async fn events_after(&self, seq: Seq) -> Result<EventStream> {
        Ok(EventStream::new(self.core.archive.clone(), self.id, seq, self.feed().await?))
    }

    /// The feed of the run; a run that only waits in the queue gets a driver, so that there is one.
    async fn feed(&self) -> Result<Option<Arc<super::feed::Feed>>> {
        if let Some(feed) = self.core.feed(self.id) {
            return Ok(Some(feed));
        }
        self.core.hold().ok_or_else(|| closed("follow"))?;
        let listing = self.core.archive.listing(self.id).await?;
        if listing.digest.released {
            return Ok(None);
        }
        let (_, feed) = self.core.drive_stored(self.id, Vec::new()).await?;
        Ok(Some(feed))
    }

    /// Waits until the run is over and everything that it held is freed. Dropping the future does not cancel the run.
    pub async fn wait(&self) -> Result<RunSummary> {
        self.released().await?;
        self.summary().await
    }

    /// Waits until the run is over and everything that it held is freed.
    pub(super) async fn released(&self) -> Result<()> {
        if let Some(feed) = self.feed().await? {
            let mut watch = feed.watch();
            let end = watch.wait_for(|state| state.end.is_some()).await.ok().and_then(|state| state.end.clone());
            match end {
                Some(FeedEnd::Broken(why)) => return Err(broken(&why)),
                Some(FeedEnd::Closed) | None => return Err(closed("wait")),
                Some(FeedEnd::Released) => {}
            }
        }
        Ok(())
    }

    /// The run and its tasks as they are now.
    pub async fn summary(&self) -> Result<RunSummary> {
        self.core.archive.summary(self.id).await
    }

    /// Asks the run to end: steps get the signal, then the kill; `finally` runs. The second time ends `finally` as well.
    /// Returns when the wish is durable; `wait` tells when everything has ended.
    pub async fn cancel(&self, by: &str, reason: &str) -> Result<()> {
        let (pipeline, reason) = (self.pipeline.to_string(), reason.to_owned());
        let change = Change::RunCancelled { run: self.id, pipeline, reason: reason.clone() };
        self.control("cancel", Input::Cancel { by: by.to_owned(), reason }, by, change).await
    }

    /// Says yes to a task that waits for an approval.
    pub async fn approve(&self, task: &str, by: &str, reason: &str) -> Result<()> {
        self.decide(task, Decision::Approved, by, reason).await
    }

    /// Says no to a task that waits for an approval: it fails.
    pub async fn reject(&self, task: &str, by: &str, reason: &str) -> Result<()> {
        self.decide(task, Decision::Rejected, by, reason).await
    }

    async fn decide(&self, task: &str, decision: Decision, by: &str, reason: &str) -> Result<()> {
        let replayed = self.core.archive.replay(self.id, None).await?;
        let (input, change) = decision_about(&replayed, task, decision, by, reason)?;
        self.control("decide", input, by, change).await
    }

    async fn control(&self, operation: &'static str, input: Input, by: &str, change: Change) -> Result<()> {
        self.core.hold().ok_or_else(|| closed(operation))?;
        let listing = self.core.archive.listing(self.id).await?;
        if listing.digest.status.is_final() {
            let message = format!("run {} has ended already: {}", self.id, listing.digest.status.as_str());
            return Err(Error::new(ErrorKind::Conflict, "runEnded", operation, message));
        }
        let sender = match self.core.sender(self.id) {
            Some(sender) => sender,
            None => self.core.drive_stored(self.id, Vec::new()).await?.0,
        };
        let (reply, done) = oneshot::channel();
        let control = Control { input, audit: self.core.audited(by, change), reply };
        sender.send(Message::Control(control)).await.map_err(|_| closed(operation))?;
        done.await.map_err(|_| closed(operation))?
    }

    /// A piece of the stored log of a task's attempt: from an offset on, at most `max` bytes; empty at the end.
    /// `attempt` 0 stands for the newest one. The log of a task that was not done again is that of the run that did it.
    pub async fn log(&self, task: &str, attempt: u32, from: u64, max: usize) -> Result<Bytes> {
        let key = self.logged(task, attempt).await?;
        self.core.archive.log_bytes(key, from, max).await
    }

    /// The stored log of a task's attempt from an offset on, as it grows, to the attempt's end. `attempt` 0 stands for the
    /// newest one.
    pub async fn follow_log(&self, task: &str, attempt: u32, from: u64) -> Result<LogStream> {
        let key = self.logged(task, attempt).await?;
        let events = if key.run == self.id {
            self.events().await?
        } else {
            // The other run is over, so that its log is whole.
            EventStream::new(self.core.archive.clone(), key.run, Seq::ZERO, None)
        };
        Ok(LogStream::new(self.core.archive.clone(), events, key, from))
    }

    /// The stored log of a task's newest attempt as far as there is one. For small logs; use [`Run::log`] for big ones.
    pub async fn logs(&self, task: &str) -> Result<Bytes> {
        self.log(task, 0, 0, usize::MAX).await
    }

    /// The attempt whose log it is, which may be one of an earlier run.
    pub(super) async fn logged(&self, task: &str, attempt: u32) -> Result<StepKey> {
        self.core.archive.logged(self.id, task, attempt).await?.ok_or_else(|| no_such_task(self.id, task))
    }

    /// Where the run is.
    pub async fn status(&self) -> Result<RunStatus> {
        Ok(self.core.archive.listing(self.id).await?.digest.status)
    }
}

/// What a decision is for the run machine and for the audit trail. Refused when none is wanted.
pub(super) fn decision_about(
    run: &Replayed,
    task: &str,
    decision: Decision,
    by: &str,
    reason: &str,
) -> Result<(Input, Change)> {
    let id = run.record.id;
    let index = run.state.index_of(&TaskId::new(task)).ok_or_else(|| no_such_task(id, task))?;
    if !waits_for_approval(&run.state, index) {
        let message = format!("task {task:?} does not wait for an approval");
        return Err(Error::new(ErrorKind::Conflict, "notWaiting", "decide", message));
    }
    let (pipeline, reason) = (run.record.pipeline.clone(), reason.to_owned());
    let change = Change::ApprovalDecided { run: id, pipeline, task: task.to_owned(), decision, reason: reason.clone() };
    Ok((Input::Decide { task: index, decision, by: by.to_owned(), reason }, change))
}

fn no_such_task(run: RunId, task: &str) -> Error {
    let message = format!("run {run} has no task {task:?}: `windlass show {run}` lists them");
    Error::new(ErrorKind::NotFound, "noSuchTask", "find", message)
}

/// Whether a decision about the task is wanted now.
fn waits_for_approval(state: &RunState, task: TaskIndex) -> bool {
    let view = state.task(task);
    view.status() == TaskStatus::Waiting && matches!(view.planned().action(), Action::Approve(_))
}

pub(super) fn closed(operation: &'static str) -> Error {
    let message = "the engine was closed; the run goes on when the data directory is opened again";
    Error::new(ErrorKind::Conflict, "engineClosed", operation, message)
}
