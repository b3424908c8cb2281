//! One attempt, from its start to its end: start the step, copy its log, wait for its exit, explain it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use tokio::sync::{mpsc, watch};

use super::attempt_secrets::{AttemptSecrets, Given, GivenTo};
use super::core::{Core, Hold};
use super::filing::{FilingJob, Notes};
use super::log_pump::{CopyError, LogPump};
use super::masking::shown;
use super::message::Message;
use super::request::StoredRequest;
use super::run_masks::RunMasks;
use super::told::{Listener, Told};
use crate::executor::{
    Command, Executor, ExecutorError, LogChunk, StepContainer, StepExit, StepSecrets, StepService, StepSpec,
};
use crate::explain::{self, FailureClass, StepFacts};
use crate::failpoint;
use crate::pipeline::{ExecutorName, Service, TaskIndex, VariableName, parse_outputs};
use crate::run::{AttemptEnd, Cause, Effect, Input, LogPosition, RunState, StepEnd, StepKey};

/// How much of the log's end is looked at to explain a failure.
const TAIL_LINES: usize = 20;
/// The same in bytes.
const TAIL_BYTES: usize = 16 * 1024;
/// The pause before a log is written again that the disk refused.
pub(super) const LOG_PAUSE: Duration = Duration::from_secs(1);
/// How long the rest of a log is waited for when the step is known to be gone without an exit.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// One attempt, from its start to its end.
pub(super) struct StepJob {
    core: Arc<Core>,
    executor: ExecutorName,
    task: TaskIndex,
    attempt: u32,
    key: StepKey,
    /// What to start; an error when a value in it is bad.
    spec: Result<StepSpec, Cause>,
    /// Whether it is only waited for, because a stop is wanted already.
    stopping: bool,
    position: LogPosition,
    outputs: Vec<VariableName>,
    secrets: AttemptSecrets,
    /// What the attempts of the run were given, which nothing that this one leaves may show.
    masks: RunMasks,
    grace: Duration,
    told: Option<Listener>,
    /// What it has beside its step; an error when a value in it is bad.
    filing: Result<Option<FilingJob>, Cause>,
}

impl StepJob {
    pub(super) fn new(
        core: &Arc<Core>,
        request: &Arc<StoredRequest>,
        (state, masks): (&RunState, RunMasks),
        (task, attempt): (TaskIndex, u32),
        (generation, resumed): (u32, bool),
        stop: watch::Receiver<bool>,
    ) -> Self {
        let planned = state.plan().task(task);
        let key = StepKey { run: state.run(), task: planned.id.clone(), attempt };
        let stopping = state
            .effects()
            .iter()
            .any(|effect| matches!(effect, Effect::Stop { task: t, attempt: a, .. } if *t == task && *a == attempt));
        Self {
            core: core.clone(),
            executor: request.executor.clone(),
            task,
            attempt,
            spec: step_spec(core, state, task, &key, (generation, resumed)),
            secrets: AttemptSecrets {
                given: GivenTo { core: core.clone(), key: key.clone() },
                request: request.clone(),
                wanted: planned.definition.secrets.clone(),
                pulls: planned.definition.pull_credentials().map(ToString::to_string).collect(),
                providers: core.secrets_of(key.run, request),
                resumed,
            },
            filing: FilingJob::new(core, request, state, (task, &key), stop, masks.masks().clone()),
            masks,
            grace: planned.grace,
            told: None,
            key,
            stopping,
            position: state.log_position(task, attempt),
            outputs: planned.definition.outputs.clone(),
        }
    }

    /// Writes into the log what is told of the step.
    pub(super) fn hearing(mut self, told: &Told) -> Self {
        self.told = Some(told.listen(&self.key));
        self
    }

    pub(super) async fn run(mut self, sender: mpsc::Sender<Message>, hold: Arc<Hold>) {
        // A panic in an executor is one attempt's failure, never a run that stands still.
        let told = self.told.take();
        let end = match std::mem::replace(&mut self.filing, Ok(None)) {
            Ok(filing) => AssertUnwindSafe(self.end(filing, told, sender.clone(), hold)).catch_unwind().await,
            Err(cause) => Ok(AttemptEnd::Failed { exit_code: None, cause }),
        };
        let end = end.unwrap_or_else(|_| AttemptEnd::Infrastructure {
            cause: Cause::new(
                "panic",
                format!(
                    "the executor {} panicked; the details are on the standard error of the process",
                    self.executor
                ),
                "This is a mistake in the executor or in Windlass: please report it.",
            ),
        });
        let end = shown(self.masks.masks(), end);
        let input = Input::AttemptEnded { task: self.task, attempt: self.attempt, end };
        let _ = sender.send(Message::Input(input)).await;
    }

    async fn end(
        &self,
        filing: Option<FilingJob>,
        told: Option<Listener>,
        sender: mpsc::Sender<Message>,
        hold: Arc<Hold>,
    ) -> AttemptEnd {
        match (&self.spec, self.core.executor(&self.executor)) {
            (Err(cause), _) => AttemptEnd::Failed { exit_code: None, cause: cause.clone() },
            (Ok(_), Err(error)) => self.executor_failed(&error),
            (Ok(spec), Ok(executor)) => {
                let mut pump =
                    LogPump::new(&self.core, hold, self.key.clone(), self.task, self.position, sender.clone())
                        .masking(self.masks.masks().clone())
                        .hearing(told);
                // The step's own lines are read again as they were. Those of the engine are not, and nothing may come after them.
                if self.secrets.resumed
                    && let Err(error) = pump.cut_back().await
                {
                    tracing::warn!(step = %self.key, %error, "the log is cut back with its next line");
                }
                let filing = filing.map(|filing| (filing, sender));
                match self.secrets.give(&self.masks).await {
                    Ok(given) => self.with_secrets(given, spec, &*executor, pump, filing).await,
                    Err(end) => self.without_secrets(end, &*executor).await,
                }
            }
        }
    }

    async fn with_secrets(
        &self,
        given: Given,
        spec: &StepSpec,
        executor: &dyn Executor,
        mut pump: LogPump,
        filing: Option<(FilingJob, mpsc::Sender<Message>)>,
    ) -> AttemptEnd {
        if pump.is_new() {
            for short in &given.unmasked {
                pump.note(short.to_string()).await;
            }
            let ignored = executor.ignores(&spec.container.options);
            if !ignored.is_empty() {
                let (name, keys) = (&self.executor, ignored.join(", "));
                pump.note(format!("the executor {name} does nothing with what `container` says of: {keys}")).await;
            }
        }
        if given.step.is_empty() {
            return self.follow(spec, executor, pump, filing).await;
        }
        let spec = StepSpec { secrets: given.step, ..spec.clone() };
        self.follow(&spec, executor, pump, filing).await
    }

    /// A step that may have been started goes on, and what it prints cannot be masked: it is ended, and its log is not read.
    async fn without_secrets(&self, end: AttemptEnd, executor: &dyn Executor) -> AttemptEnd {
        if self.secrets.resumed
            && let Err(error) = executor.stop(&self.key, self.grace).await
        {
            tracing::error!(step = %self.key, %error, "the step could not be stopped");
        }
        end
    }

    /// Starts the step unless it is to be stopped, and follows it to its end.
    async fn follow(
        &self,
        spec: &StepSpec,
        executor: &dyn Executor,
        mut pump: LogPump,
        mut filing: Option<(FilingJob, mpsc::Sender<Message>)>,
    ) -> AttemptEnd {
        if !self.stopping {
            if let Some((filing, sender)) = &mut filing {
                filing.before(executor, sender, &mut pump).await;
            }
            if let Err(error) = self.started(spec, executor, &mut pump).await {
                return self.executor_failed(&error);
            }
        }
        let exit = match self.copied(executor, &mut pump).await {
            Ok(exit) => exit,
            Err(error) => return self.executor_failed(&error),
        };
        failpoint::crash("exit.seen");
        let end = self.explained(&exit).await;
        match filing {
            Some((filing, sender)) => filing.after(end, executor, &sender, &mut pump).await,
            None => end,
        }
    }

    /// Starts the step, and writes what is told of that meanwhile.
    async fn started(&self, spec: &StepSpec, executor: &dyn Executor, pump: &mut LogPump) -> Result<(), ExecutorError> {
        let mut start = executor.start(spec);
        let started = loop {
            tokio::select! {
                biased;
                line = pump.hear() => pump.note(line).await,
                started = &mut start => break started,
            }
        };
        pump.note_told().await;
        if started.is_err() && self.has_services() {
            // What they said is all that there is to see of it.
            let from = pump.source();
            if let Err(error) = self.services_said(executor, pump, from).await {
                tracing::warn!(step = %self.key, %error, "what its services said is not kept");
            }
            let _ = pump.finish().await;
        }
        started
    }

    /// Copies the log to its end. A disk that refuses is waited for: the step does not notice, and its raw log is kept.
    async fn copied(&self, executor: &dyn Executor, pump: &mut LogPump) -> Result<StepExit, ExecutorError> {
        loop {
            match self.copy_log(executor, pump).await {
                Ok(exit) => return Ok(exit),
                Err(CopyError::Executor(error)) => return Err(error),
                Err(CopyError::Log(error)) => {
                    tracing::warn!(step = %self.key, %error, "the log waits until it can be written");
                    pump.rewind();
                    self.core.clock.sleep_until(self.core.clock.now().elapsed + LOG_PAUSE).await;
                }
            }
        }
    }

    /// Copies the log until it ends, and waits for the exit. The exit counts only when the whole log has been read.
    async fn copy_log(&self, executor: &dyn Executor, pump: &mut LogPump) -> Result<StepExit, CopyError> {
        let mut logs = executor.logs(&self.key, pump.source()).fuse();
        let mut wait = executor.wait(&self.key);
        let mut exit = None;
        loop {
            // The planted bug reads no more than one chunk before it listens only to the exit.
            let tail_lost = pump.source() > 0 && failpoint::bug("log.lose-tail");
            if tail_lost && exit.is_some() {
                break;
            }
            tokio::select! {
                biased;
                chunk = logs.next(), if !tail_lost => match chunk {
                    Some(Ok(LogChunk { offset, bytes })) => pump.push(offset, bytes).await?,
                    Some(Err(error)) => return Err(error.into()),
                    None => break,
                },
                ended = &mut wait, if exit.is_none() => {
                    let gone = ended.is_err();
                    exit = Some(ended);
                    if gone || tail_lost {
                        self.last_words(&mut logs, pump).await?;
                        break;
                    }
                }
                line = pump.hear() => pump.note(line).await,
            }
        }
        let exit = match exit {
            Some(exit) => exit,
            None => wait.await,
        };
        pump.note_told().await;
        if self.has_services() {
            let from = exit.as_ref().map_or(pump.source(), |exit| exit.log_length);
            self.services_said(executor, pump, from).await?;
        }
        pump.finish().await?;
        Ok(exit?)
    }

    fn has_services(&self) -> bool {
        self.spec.as_ref().is_ok_and(|spec| !spec.container.services.is_empty())
    }

    /// Puts what the services said behind the log, as if it began where the log ends: so that nothing of it is doubled after a
    /// crash.
    async fn services_said(&self, executor: &dyn Executor, pump: &mut LogPump, from: u64) -> Result<(), CopyError> {
        let said = executor.service_logs(&self.key).await?;
        if said.is_empty() {
            return Ok(());
        }
        let gap: &[u8] = if from == 0 { b"" } else { b"\n" };
        pump.push(from, [gap, &said].concat().into()).await
    }

    /// What can still be read of the log of a step that is gone without an exit.
    async fn last_words<S>(&self, logs: &mut S, pump: &mut LogPump) -> Result<(), CopyError>
    where
        S: futures::Stream<Item = Result<LogChunk, ExecutorError>> + Unpin,
    {
        if failpoint::bug("log.lose-tail") {
            return Ok(());
        }
        let until = self.core.clock.now().elapsed + LAST_WORDS;
        loop {
            tokio::select! {
                biased;
                chunk = logs.next() => match chunk {
                    Some(Ok(chunk)) => pump.push(chunk.offset, chunk.bytes).await?,
                    Some(Err(_)) | None => return Ok(()),
                },
                () = self.core.clock.sleep_until(until) => return Ok(()),
            }
        }
    }

    /// The exit in the words of the run.
    async fn explained(&self, exit: &StepExit) -> AttemptEnd {
        if exit.end == StepEnd::Code(0) {
            return match parse_outputs(&exit.output, &self.outputs) {
                Ok(outputs) => AttemptEnd::Succeeded { outputs, commit: None },
                Err(error) => AttemptEnd::Failed {
                    exit_code: Some(0),
                    cause: Cause::new("badOutput", error.to_string(), error.advice.clone()),
                },
            };
        }
        let logs = self.core.archive.logs.clone();
        let key = self.key.clone();
        let _busy = self.core.clock.busy();
        let tail = tokio::task::spawn_blocking(move || logs.tail(&key, TAIL_LINES, TAIL_BYTES)).await;
        let tail = tail.ok().and_then(Result::ok).unwrap_or_default();
        let facts = StepFacts { executor: self.executor.as_str(), ..self.command_facts() };
        let cause = explain::step_failure(&exit.end, &tail, &facts);
        AttemptEnd::Failed { exit_code: Some(exit.end.exit_code()), cause }
    }

    fn command_facts(&self) -> StepFacts<'_> {
        let mut facts = StepFacts::default();
        if let Ok(spec) = &self.spec {
            facts.image = spec.image.as_deref();
            if let Command::Script { text, shell } = &spec.command {
                facts.script = Some(text);
                facts.shell = shell.as_deref();
            }
        }
        facts
    }

    fn executor_failed(&self, error: &ExecutorError) -> AttemptEnd {
        let explained = explain::executor_error(error);
        match explained.class {
            FailureClass::Failure => AttemptEnd::Failed { exit_code: None, cause: explained.cause },
            FailureClass::Infrastructure => AttemptEnd::Infrastructure { cause: explained.cause },
            FailureClass::Lost => AttemptEnd::Lost { cause: explained.cause },
            FailureClass::Stopped => AttemptEnd::Stopped { exit_code: None },
        }
    }
}

fn step_service((service, (image, env)): (&Service, (String, BTreeMap<String, String>))) -> StepService {
    let Service { name, credential, command, health, privileged, image: _, env: _ } = service.clone();
    StepService { name, image, credential, command, env, health, privileged }
}

/// The step of an attempt, with every variable replaced.
fn step_spec(
    core: &Core,
    state: &RunState,
    task: TaskIndex,
    key: &StepKey,
    (generation, resumed): (u32, bool),
) -> Result<StepSpec, Cause> {
    let planned = state.plan().task(task);
    let url = core.run_url(key.run).unwrap_or_default();
    let resolved = state.with_facts(key.attempt, &url, |facts| state.plan().resolve(task, facts))?;
    let Some(text) = resolved.script else {
        let key = planned.action().key();
        return Err(Cause::new("unsupportedAction", format!("this build cannot run the action `{key}`"), ""));
    };
    Ok(StepSpec {
        key: key.clone(),
        generation,
        resumed,
        command: Command::Script { text, shell: resolved.shell },
        env: resolved.env,
        secrets: StepSecrets::default(),
        image: resolved.image,
        container: StepContainer {
            options: planned.definition.container.clone().unwrap_or_default(),
            services: planned.definition.services.iter().zip(resolved.services).map(step_service).collect(),
        },
        resources: planned.definition.resources.clone().unwrap_or_default(),
        isolation: planned.isolation(),
        workspace: planned.definition.workspace,
    })
}
