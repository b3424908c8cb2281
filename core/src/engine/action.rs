//! One attempt at an action: call it, store what it logs, stop it when the run wants that, say how it ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{mpsc, oneshot, watch};

use super::action_log::ActionLogCopy;
use super::attempt_secrets::{GivenTo, ended};
use super::core::{Core, Hold};
use super::filing::FilingJob;
use super::log_pump::LogPump;
use super::masking::shown;
use super::message::Message;
use super::request::StoredRequest;
use super::run_masks::RunMasks;
use crate::action::{
    ActionContext, ActionError, ActionHandler, ActionLog, ActionOutput, ActionSecrets, Attempt, Checked, LogPieces,
    MissingAction,
};
use crate::executor::{Executor, ExecutorError};
use crate::explain::{self, Explained, FailureClass};
use crate::failpoint;
use crate::pipeline::{Action, BadValue, TaskIndex, VariableName, WorkspaceUse, resolve_value};
use crate::run::{AttemptEnd, Cause, Input, LogPosition, RunState, StepKey};
use crate::secret::Masks;

/// One attempt at an action.
pub(super) struct ActionJob {
    core: Arc<Core>,
    task: TaskIndex,
    /// The name under which the action was registered, for messages.
    name: String,
    key: StepKey,
    /// What to call with what; or how the attempt ends without that.
    call: Result<Call, AttemptEnd>,
    position: LogPosition,
    grace: Duration,
    resumed: bool,
    /// The values of the credentials that the attempts of the run were given.
    masks: RunMasks,
    request: Arc<StoredRequest>,
    stop: watch::Receiver<bool>,
    /// What it has beside its call.
    filing: Option<ActionFiling>,
}

/// What an action has beside its call, and where its files are.
struct ActionFiling {
    job: FilingJob,
    executor: Arc<dyn Executor>,
}

/// A call of an action that is about to be made.
struct Call {
    handler: Arc<dyn ActionHandler>,
    context: ActionContext,
    pieces: LogPieces,
    declared: Vec<VariableName>,
}

/// Whether the engine does it itself, and no executor.
pub(super) fn is_action(action: &Action) -> bool {
    !matches!(action, Action::Script(_) | Action::Approve(_))
}

/// What an action is called in messages: the name under which it was registered, or its key in the document.
pub(super) fn action_name(action: &Action) -> &str {
    match action {
        Action::Custom(custom) => &custom.name,
        other => other.key(),
    }
}

/// Where the settings of an action stand below its task.
pub(super) fn settings_path(action: &Action) -> &'static str {
    match action {
        Action::Custom(_) => "custom.with",
        other => other.key(),
    }
}

impl ActionJob {
    /// `stop` becomes true when the run wants the attempt to end.
    pub(super) fn new(
        core: &Arc<Core>,
        request: &Arc<StoredRequest>,
        (state, masks): (&RunState, RunMasks),
        (task, attempt): (TaskIndex, u32),
        resumed: bool,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let planned = state.plan().task(task);
        let key = StepKey { run: state.run(), task: planned.id.clone(), attempt };
        let name = action_name(planned.action()).to_owned();
        let call = call(core, request, state, (task, &key), resumed, stop.clone(), masks.masks().clone());
        let filing = FilingJob::new(core, request, state, (task, &key), stop.clone(), masks.masks().clone());
        let (call, filing) = match (call, filing, core.executor(&request.executor)) {
            (Ok(_), Err(cause), _) => (Err(AttemptEnd::Failed { exit_code: None, cause }), None),
            (call, Ok(Some(job)), Ok(executor)) => (call, Some(ActionFiling { job, executor })),
            (call, ..) => (call, None),
        };
        Self {
            core: core.clone(),
            task,
            name,
            call,
            filing,
            position: state.log_position(task, attempt),
            grace: planned.grace,
            resumed,
            masks,
            request: request.clone(),
            key,
            stop,
        }
    }

    pub(super) async fn run(self, sender: mpsc::Sender<Message>, hold: Arc<Hold>) {
        let (core, task, key, name, position) =
            (self.core.clone(), self.task, self.key.clone(), self.name.clone(), self.position);
        let masks = self.masks.masks().clone();
        let pump = LogPump::new(&core, hold, key.clone(), task, position, sender.clone()).without_source();
        let pump = pump.masking(masks.clone());
        // A panic, also one of something that is dropped, is one attempt's failure, never a run that stands still.
        let end = AssertUnwindSafe(self.end(pump, sender.clone())).catch_unwind().await;
        let end = end.unwrap_or_else(|_| AttemptEnd::Infrastructure { cause: explain::action_panicked(&name) });
        let end = shown(&masks, end);
        let _ = sender.send(Message::Input(Input::AttemptEnded { task, attempt: key.attempt, end })).await;
    }

    async fn end(self, pump: LogPump, sender: mpsc::Sender<Message>) -> AttemptEnd {
        let Self { core, name, key, call, position, grace, resumed, stop, mut filing, masks, request, .. } = self;
        if let Err(error) = masks.recall(&core, key.run, &request).await {
            return ended(&error);
        }
        let mut log = ActionLogCopy::new(&core, key, pump);
        if resumed {
            log.cut_back().await;
        }
        let Call { handler, context, pieces, declared } = match call {
            Ok(call) => call,
            Err(end) => return end,
        };
        if *stop.borrow() {
            return AttemptEnd::Stopped { exit_code: None };
        }
        if resumed && !handler.repeatable() && !failpoint::bug("action.repeat") {
            return AttemptEnd::Lost { cause: explain::action_lost(&name) };
        }
        if resumed && let Err(error) = log.begin_again(position).await {
            return failed(&error);
        }
        if let Some(ActionFiling { job, executor }) = &mut filing {
            job.before(&**executor, &sender, &mut log).await;
        }
        let (over, until_over) = oneshot::channel::<()>();
        let calling = async {
            let end = until_stopped(&core, handler, context, stop, grace).await;
            drop(over);
            end
        };
        let (end, copied) = futures::join!(calling, log.copy(pieces, until_over));
        let end = match (end, copied) {
            (_, Err(error)) => failed(&error),
            (Some(Ok(Ok(output))), _) => checked(output, &declared),
            (Some(Ok(Err(error))), _) => judged(error),
            (Some(Err(_)), _) => AttemptEnd::Infrastructure { cause: explain::action_panicked(&name) },
            (None, _) => AttemptEnd::Stopped { exit_code: None },
        };
        match filing {
            Some(ActionFiling { job, executor }) => job.after(end, &*executor, &sender, &mut log).await,
            None => end,
        }
    }
}

/// What became of a call; `None` when it was dropped, an error when it panicked.
type Called = Option<std::thread::Result<Result<ActionOutput, ActionError>>>;

/// Calls the action. When a stop is wanted and the grace is over, the call is dropped where it waits.
async fn until_stopped(
    core: &Core,
    handler: Arc<dyn ActionHandler>,
    context: ActionContext,
    mut stop: watch::Receiver<bool>,
    grace: Duration,
) -> Called {
    let call = AssertUnwindSafe(async move {
        failpoint::crash("action.started");
        let ended = handler.run(context).await;
        failpoint::crash("action.ended");
        ended
    });
    let overdue = async {
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
        core.clock.sleep_until(core.clock.now().elapsed + grace).await;
    };
    tokio::select! {
        biased;
        called = call.catch_unwind() => Some(called),
        () = overdue => None,
    }
}

fn checked(output: ActionOutput, declared: &[VariableName]) -> AttemptEnd {
    match output.checked(declared) {
        Ok(Checked { outputs, commit }) => AttemptEnd::Succeeded { outputs, commit },
        Err(bad) => AttemptEnd::Failed { exit_code: None, cause: Cause::new("badOutput", bad.message, bad.advice) },
    }
}

fn judged(error: ActionError) -> AttemptEnd {
    match error {
        ActionError::Failed { cause } => AttemptEnd::Failed { exit_code: None, cause },
        ActionError::Infrastructure { cause } => AttemptEnd::Infrastructure { cause },
        ActionError::Cancelled => AttemptEnd::Stopped { exit_code: None },
        ActionError::Executor(error) => failed(&error),
    }
}

fn failed(error: &ExecutorError) -> AttemptEnd {
    let Explained { cause, class } = explain::executor_error(error);
    match class {
        FailureClass::Failure => AttemptEnd::Failed { exit_code: None, cause },
        FailureClass::Infrastructure => AttemptEnd::Infrastructure { cause },
        FailureClass::Lost => AttemptEnd::Lost { cause },
        FailureClass::Stopped => AttemptEnd::Stopped { exit_code: None },
    }
}

/// The call of an attempt, with every variable replaced.
fn call(
    core: &Arc<Core>,
    request: &StoredRequest,
    state: &RunState,
    (task, key): (TaskIndex, &StepKey),
    resumed: bool,
    stop: watch::Receiver<bool>,
    masks: Masks,
) -> Result<Call, AttemptEnd> {
    let planned = state.plan().task(task);
    let missing = |cause| AttemptEnd::Infrastructure { cause };
    let handler =
        core.actions.of(planned.action()).map_err(|MissingAction(why)| missing(explain::action_missing(why)))?;
    let executor = core.executor(&request.executor).map_err(|error| failed(&error))?;
    let url = core.run_url(key.run).unwrap_or_default();
    let resolved = state.with_facts(key.attempt, &url, |facts| {
        let resolved = state.plan().resolve(task, facts)?;
        let settings = planned.action().settings();
        Ok((resolved.env, resolve_value(&settings, &state.plan().scope(task, facts))?))
    });
    let (variables, settings) =
        resolved.map_err(|bad: BadValue| AttemptEnd::Failed { exit_code: None, cause: bad.into() })?;
    let implied = planned.action().outputs().iter().filter_map(|name| VariableName::new(name).ok());
    let outputs: Vec<_> = planned.definition.outputs.iter().cloned().chain(implied).collect();
    let (log, pieces) = ActionLog::new();
    let attempt = Attempt {
        key: key.clone(),
        number: state.number(),
        pipeline: state.plan().pipeline.to_string(),
        settings,
        settings_path: settings_path(planned.action()),
        variables,
        outputs: outputs.clone(),
        secrets: planned.definition.secrets.clone(),
        resumed,
        workspace: planned.definition.workspace != WorkspaceUse::None,
    };
    let kept = Arc::new(GivenTo { core: core.clone(), key: key.clone() });
    let secrets = ActionSecrets { providers: core.secrets_of(key.run, request), masks, kept };
    let context = ActionContext::new(attempt, executor, secrets, core.clock.clone(), log, stop);
    Ok(Call { handler: handler.clone(), context, pieces, declared: outputs })
}
