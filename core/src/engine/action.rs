//! One attempt at an action, from its start to its end: run the handler, keep its log, end it when that is wanted.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use tokio::sync::{mpsc, watch};

use super::core::{Core, Hold};
use super::log_pump::{CopyError, LogPump};
use super::message::Message;
use super::request::StoredRequest;
use crate::action::{ActionContext, ActionError, ActionHandler, ActionOutput, Parts};
use crate::explain;
use crate::pipeline::{Action, PlannedTask, TaskIndex, VariableName, nearest, resolve_value};
use crate::run::{AttemptEnd, Cause, Input, LogPosition, RunState, StepKey};

/// So many pieces of log may wait for the disk; then the action waits.
const LOG_QUEUE: usize = 64;
/// The pause before a log is written again that the disk refused.
const LOG_PAUSE: Duration = Duration::from_secs(1);

/// The name under which the handler of a task's action is registered. `None` for what is no action of the engine.
pub(super) fn name_of(action: &Action) -> Option<&str> {
    match action {
        Action::Script(_) | Action::Approve(_) => None,
        Action::Custom(custom) => Some(&custom.name),
        built_in => Some(built_in.key()),
    }
}

/// One attempt at an action.
pub(super) struct ActionJob {
    core: Arc<Core>,
    task: TaskIndex,
    attempt: u32,
    key: StepKey,
    /// What is run; an error when a value is bad, or the action must not be run again.
    work: Result<Work, AttemptEnd>,
    position: LogPosition,
    outputs: Vec<VariableName>,
    grace: Duration,
    stop: watch::Receiver<bool>,
}

struct Work {
    handler: Arc<dyn ActionHandler>,
    context: ActionContext,
    log: mpsc::Receiver<Bytes>,
}

impl ActionJob {
    pub(super) fn new(
        core: &Arc<Core>,
        request: &StoredRequest,
        state: &RunState,
        (task, attempt): (TaskIndex, u32),
        resumed: bool,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let planned = state.plan().task(task);
        let key = StepKey { run: state.run(), task: planned.id.clone(), attempt };
        Self {
            core: core.clone(),
            task,
            attempt,
            work: work(core, request, state, (task, &key), resumed, stop.clone()),
            key,
            position: state.log_position(task, attempt),
            outputs: planned.definition.outputs.clone(),
            grace: planned.grace,
            stop,
        }
    }

    pub(super) async fn run(mut self, sender: mpsc::Sender<Message>, hold: Arc<Hold>) {
        let work = std::mem::replace(&mut self.work, Err(AttemptEnd::Stopped { exit_code: None }));
        let end = match work {
            Err(end) => end,
            Ok(work) => {
                let pump = LogPump::new(&self.core, hold, self.key.clone(), self.task, self.position, sender.clone());
                self.follow(work, Journal { pump, unsure: BytesMut::new() }).await
            }
        };
        let input = Input::AttemptEnded { task: self.task, attempt: self.attempt, end };
        let _ = sender.send(Message::Input(input)).await;
    }

    /// Runs the handler and keeps its log, until it ends by itself or its grace is over.
    async fn follow(&self, work: Work, mut journal: Journal) -> AttemptEnd {
        let Work { handler, context, mut log } = work;
        let running = AssertUnwindSafe(handler.run(context)).catch_unwind();
        let mut end = {
            tokio::pin!(running);
            let dropped = self.grace_over();
            tokio::pin!(dropped);
            loop {
                tokio::select! {
                    biased;
                    Some(piece) = log.recv() => self.keep(&mut journal, piece).await,
                    done = &mut running => break self.judge(done.ok()),
                    () = &mut dropped => break AttemptEnd::Stopped { exit_code: None },
                }
            }
        };
        // What it said before its end; a task that it left behind may hold the context and is heard no more.
        log.close();
        while let Some(piece) = log.recv().await {
            self.keep(&mut journal, piece).await;
        }
        while let Err(error) = journal.finish().await {
            match self.wait_for_disk(error).await {
                None => journal.rewind().await,
                Some(broken) => {
                    end = broken;
                    break;
                }
            }
        }
        end
    }

    async fn grace_over(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
        self.core.clock.sleep_until(self.core.clock.now().elapsed + self.grace).await;
    }

    /// Keeps a piece of log, as long as it takes: there is no raw log from which it could be read again.
    async fn keep(&self, journal: &mut Journal, piece: Bytes) {
        if let Err(error) = journal.push(piece).await
            && self.wait_for_disk(error).await.is_none()
        {
            journal.rewind().await;
        }
    }

    /// Waits a moment for a disk that refused. Anything else ends the attempt.
    async fn wait_for_disk(&self, error: CopyError) -> Option<AttemptEnd> {
        match error {
            CopyError::Log(error) => {
                tracing::warn!(step = %self.key, %error, "the log waits until it can be written");
                self.core.clock.sleep_until(self.core.clock.now().elapsed + LOG_PAUSE).await;
                None
            }
            CopyError::Executor(error) => {
                Some(AttemptEnd::Infrastructure { cause: explain::executor_error(&error).cause })
            }
        }
    }

    fn judge(&self, done: Option<Result<ActionOutput, ActionError>>) -> AttemptEnd {
        match done {
            None => AttemptEnd::Failed {
                exit_code: None,
                cause: Cause::new(
                    "panic",
                    "the action panicked; the details are on the standard error of the process",
                    "This is a mistake in the action: please report it to whoever wrote it.",
                ),
            },
            Some(Err(ActionError::Failed(cause))) => AttemptEnd::Failed { exit_code: None, cause },
            Some(Err(ActionError::Infrastructure(cause))) => AttemptEnd::Infrastructure { cause },
            Some(Ok(output)) => self.declared(output),
        }
    }

    fn declared(&self, output: ActionOutput) -> AttemptEnd {
        let outputs = output.into_values();
        let undeclared = outputs.keys().find(|name| !self.outputs.iter().any(|known| known.as_str() == *name));
        match undeclared {
            None => AttemptEnd::Succeeded { outputs },
            Some(name) => {
                let message = format!("the action gave the output {name:?}, which the task does not declare");
                let near = nearest(name, self.outputs.iter().map(VariableName::as_str));
                let advice = match near {
                    Some(near) => format!("Write {near:?} as {name:?} in `outputs` of the task."),
                    None => format!("Add {name:?} to `outputs` of the task."),
                };
                AttemptEnd::Failed { exit_code: None, cause: Cause::new("badOutput", message, advice) }
            }
        }
    }
}

/// The log of an action, with what is not yet safe of it.
struct Journal {
    pump: LogPump,
    /// What was pushed from the committed source on.
    unsure: BytesMut,
}

impl Journal {
    async fn push(&mut self, piece: Bytes) -> Result<(), CopyError> {
        self.unsure.extend_from_slice(&piece);
        let from = self.pump.source();
        let before = self.pump.committed();
        self.pump.push(from, piece).await?;
        self.trim(before);
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), CopyError> {
        let before = self.pump.committed();
        self.pump.finish().await?;
        self.trim(before);
        Ok(())
    }

    fn trim(&mut self, before: u64) {
        let safe = usize::try_from(self.pump.committed() - before).unwrap_or(usize::MAX);
        let _ = self.unsure.split_to(safe.min(self.unsure.len()));
    }

    /// Goes back to what is safe and pushes the rest again; what fails once more stays for the next time.
    async fn rewind(&mut self) {
        self.pump.rewind();
        let again = self.unsure.split().freeze();
        if let Err(error) = self.push(again).await {
            tracing::warn!(%error, "the log still cannot be written");
        }
    }
}

/// What the attempt runs, with every value in it resolved.
fn work(
    core: &Arc<Core>,
    request: &StoredRequest,
    state: &RunState,
    (task, key): (TaskIndex, &StepKey),
    resumed: bool,
    stop: watch::Receiver<bool>,
) -> Result<Work, AttemptEnd> {
    let failed = |cause: Cause| AttemptEnd::Failed { exit_code: None, cause };
    let planned = state.plan().task(task);
    let name = name_of(planned.action()).unwrap_or_default();
    let handler = core.actions.get(name).cloned().ok_or_else(|| failed(missing(name)))?;
    if resumed && !handler.repeatable() {
        return Err(AttemptEnd::Lost { cause: interrupted(name) });
    }
    let executor = core
        .executor(&request.executor)
        .map_err(|error| AttemptEnd::Infrastructure { cause: explain::executor_error(&error).cause })?;
    let url = super::step::build_url(core, key.run);
    let resolved = state.with_facts(key.attempt, &url, |facts| {
        let resolved = state.plan().resolve(task, facts)?;
        let settings = resolve_value(&settings_of(planned), &state.plan().scope(task, facts))?;
        Ok((resolved.env, settings))
    });
    let (variables, settings) = resolved.map_err(|bad: crate::pipeline::BadValue| failed(bad.into()))?;
    let (sender, log) = mpsc::channel(LOG_QUEUE);
    let context = ActionContext::new(Parts {
        key: key.clone(),
        settings,
        variables,
        resumed,
        log: sender,
        cancelled: stop,
        executor,
        clock: core.clock.clone(),
    });
    Ok(Work { handler, context, log })
}

/// The settings of an action as the definition has them.
pub(super) fn settings_of(task: &PlannedTask) -> serde_json::Value {
    match task.action() {
        Action::Custom(custom) => custom.with.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        action => {
            let document = serde_json::to_value(action).unwrap_or_default();
            document.get(action.key()).cloned().unwrap_or_default()
        }
    }
}

fn missing(name: &str) -> Cause {
    let message = format!("there is no action {name:?} in this engine");
    Cause::new("noSuchAction", message, "Register the action when the engine is opened, then run the task again.")
}

fn interrupted(name: &str) -> Cause {
    let message = format!("the engine ended while the action {name:?} ran, and nobody knows how far it came");
    Cause::new("actionInterrupted", message, "Look what it has done; then run the task again, or go on without it.")
}
