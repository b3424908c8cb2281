//! The short jobs that a run's state wants done: a workspace made, a step stopped, everything freed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;

use super::blob_house::Kept;
use super::core::Core;
use super::message::{Keep, Message};
use super::outline::outlines;
use super::request::StoredRequest;
use super::told::Told;
use crate::executor::{ExecutorError, ExecutorEvent, RunScope};
use crate::explain;
use crate::failpoint;
use crate::pipeline::{ExecutorName, TaskIndex};
use crate::run::rerun::keeps_workspace;
use crate::run::{Input, RunId, RunState, StepKey};

/// How often a job is tried that the executor refuses.
const TRIES: u32 = 5;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

/// Does something until it works, at most [`TRIES`] times.
pub(super) async fn persistently<T, F>(core: &Core, mut job: impl FnMut() -> F) -> Result<T, ExecutorError>
where
    F: Future<Output = Result<T, ExecutorError>>,
{
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match job().await {
            Err(error @ (ExecutorError::Io { .. } | ExecutorError::Infrastructure { .. })) => {
                tracing::warn!(%error, "the executor refused; trying again");
                core.clock.sleep_until(core.clock.now().elapsed + pause).await;
                pause *= 2;
            }
            other => return other,
        }
    }
    job().await
}

/// Makes the workspace.
pub(super) struct PrepareJob {
    core: Arc<Core>,
    executor: ExecutorName,
    scope: RunScope,
}

impl PrepareJob {
    pub(super) fn new(core: &Arc<Core>, request: &StoredRequest, state: &RunState, generation: u32) -> Self {
        // Only the first workspace starts with something: a later one is filled by the tasks that are repeated.
        let (source, adopt) = if generation == 1 { (request.source.clone(), request.adopt) } else { (None, None) };
        let outlines = outlines(core, state);
        let scope = RunScope { run: state.run(), generation, existing: false, source, adopt, outlines };
        Self { core: core.clone(), executor: request.executor.clone(), scope }
    }

    pub(super) async fn run(self, sender: mpsc::Sender<Message>) {
        let generation = self.scope.generation;
        let done = match self.core.executor(&self.executor) {
            Ok(executor) => {
                let prepared = persistently(&self.core, || executor.prepare(&self.scope));
                AssertUnwindSafe(prepared).catch_unwind().await.unwrap_or_else(|_| Err(panicked(&self.executor)))
            }
            Err(error) => Err(error),
        };
        let input = match done {
            Ok(()) => {
                failpoint::crash("workspace.prepared");
                Input::Prepared { generation }
            }
            Err(error) => Input::WorkspaceLost { generation, cause: explain::executor_error(&error).cause },
        };
        let _ = sender.send(Message::Input(input)).await;
    }
}

/// Stops an attempt. Its end is heard of by the job that waits for it.
pub(super) struct StopJob {
    core: Arc<Core>,
    executor: ExecutorName,
    key: StepKey,
    grace: Duration,
}

impl StopJob {
    pub(super) fn new(
        core: &Arc<Core>,
        request: &StoredRequest,
        state: &RunState,
        task: TaskIndex,
        attempt: u32,
    ) -> Self {
        let planned = state.plan().task(task);
        let key = StepKey { run: state.run(), task: planned.id.clone(), attempt };
        Self { core: core.clone(), executor: request.executor.clone(), key, grace: planned.grace }
    }

    pub(super) async fn run(self) {
        let Ok(executor) = self.core.executor(&self.executor) else { return };
        failpoint::crash("stop.sent");
        if let Err(error) = persistently(&self.core, || executor.stop(&self.key, self.grace)).await {
            tracing::error!(step = %self.key, %error, "the step could not be stopped");
        }
    }
}

/// Frees what the executor holds for the run, all but a workspace that is to be kept.
pub(super) struct ReleaseJob {
    core: Arc<Core>,
    executor: ExecutorName,
    run: RunId,
    keep: Option<Keep>,
    /// The run whose workspace this one was to take over. It may have ended before it did.
    adopted: Option<RunId>,
    left: Option<Kept>,
}

impl ReleaseJob {
    pub(super) fn new(core: &Arc<Core>, request: &StoredRequest, state: &RunState) -> Self {
        let keep = keeps_workspace(state).map(|(generation, time)| Keep { generation, time });
        let adopted = request.adopt.map(|kept| kept.run);
        Self {
            core: core.clone(),
            executor: request.executor.clone(),
            run: state.run(),
            keep,
            adopted,
            left: Kept::of(state),
        }
    }

    pub(super) async fn run(self, sender: mpsc::Sender<Message>) {
        if let Some(left) = &self.left {
            left.remove_others(&self.core).await;
        }
        let freed = AssertUnwindSafe(self.free()).catch_unwind().await;
        let kept = freed.unwrap_or_else(|_| Err(panicked(&self.executor))).unwrap_or_else(|error| {
            // The run is over for people; the next sweep removes what is left.
            tracing::error!(run = %self.run, %error, "what the executor holds could not be freed");
            None
        });
        if kept.is_some() {
            failpoint::crash("workspace.kept");
        }
        let _ = sender.send(Message::Released(kept)).await;
    }

    /// What is kept.
    async fn free(&self) -> Result<Option<Keep>, ExecutorError> {
        let executor = self.core.executor(&self.executor)?;
        let kept = match self.keep {
            Some(keep) => persistently(&self.core, || executor.keep(self.run, keep.generation)).await?,
            None => persistently(&self.core, || executor.release(self.run)).await.map(|()| false)?,
        };
        if let Some(adopted) = self.adopted {
            persistently(&self.core, || executor.release(adopted)).await?;
        }
        Ok(self.keep.filter(|_| kept))
    }
}

/// Passes on what the executor notices about the run's steps.
pub(super) async fn observe(
    mut events: BoxStream<'static, ExecutorEvent>,
    run: RunId,
    told: Told,
    sender: mpsc::Sender<Message>,
) {
    while let Some(event) = events.next().await {
        let (step, reason) = match event {
            ExecutorEvent::Waiting { step, reason } => (step, Some(reason)),
            ExecutorEvent::Running { step } => (step, None),
            ExecutorEvent::Told { step, line } => {
                told.tell(&step, line);
                continue;
            }
        };
        if step.run == run && sender.send(Message::Observed(step, reason)).await.is_err() {
            return;
        }
    }
}

/// A panic in an executor as the failure of what it was asked.
fn panicked(executor: &ExecutorName) -> ExecutorError {
    ExecutorError::Infrastructure {
        code: "panic",
        message: format!("the executor {executor} panicked; the details are on the standard error of the process"),
        advice: "This is a mistake in the executor or in Windlass: please report it.".to_owned(),
    }
}
