//! Running again: always a new run, which says of which one it is the repetition.

use std::time::Duration;

use super::archive::Replayed;
use super::launch::NewRun;
use super::request::StoredRequest;
use super::run::{Run, closed};
use super::secret_check::OwnCredentials;
use super::{check_needs, executor_for, refuse_unsupported};
use crate::error::{Error, ErrorKind, Result};
use crate::executor::Adopt;
use crate::pipeline::{self, ExecutorName, Pipeline, Plan, TaskName};
use crate::run::rerun::{RerunRefusal, ReuseFrom, counts_on_workspace, first_to_repeat, keeps_workspace, reuse};
use crate::run::{RunEvent, RunId, RunState};
use crate::store::{Batch, KeptWorkspace, RunFilter};

const OPERATION: &str = "retry";

/// How a run is run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rerun {
    /// All of it, with the definition and the inputs that it had.
    AsItWas,
    /// All of it, with its pipeline as it is stored now, and the inputs that it had as far as the parameters still exist.
    AsItIs,
    /// What did not succeed, with the definition and the inputs that it had. What succeeded before is not done again, and the
    /// workspace is as the failed run left it.
    FromFailed,
    /// This task, what comes after it and what did not succeed, with the definition and the inputs that it had, in a fresh
    /// workspace.
    FromTask(TaskName),
}

impl Run {
    /// Runs it again: makes a new run whose record says of which one it is the repetition. `by` is who wants it, as an opaque
    /// name of the portal. Returns when the new run is durable.
    ///
    /// # Errors
    /// - `runUnfinished` for a run that has not ended.
    /// - `workspaceNotKept` for [`Rerun::FromFailed`] when the workspace is needed and gone: kept no longer, never kept, or
    ///   taken over by another run. The message names the task to repeat from.
    /// - `workspaceNeeded` for [`Rerun::FromTask`] when an earlier task filled the workspace. The message names the task to
    ///   repeat from.
    /// - `nothingFailed`, `nothingStarted`, `noSuchTask` when there is nothing to repeat from.
    /// - `noSuchPipeline`, `pipelineInactive` for [`Rerun::AsItIs`].
    /// - `noSuchExecutor` when this engine does not have the run's executor, and what [`Engine::start`](super::Engine::start)
    ///   says.
    pub async fn retry(&self, mode: Rerun, by: &str) -> Result<Run> {
        self.core.hold().ok_or_else(|| closed(OPERATION))?;
        let mut old = self.core.archive.replay(self.id, None).await?;
        if old.state.ended().is_none() {
            return Err(refused(&RerunRefusal::Unfinished { run: self.id }));
        }
        old.request.trigger.actor = by.to_owned();
        // Each new run takes over for itself.
        old.request.adopt = None;
        let own = std::mem::take(&mut old.request.secrets);
        if mode != Rerun::AsItIs {
            self.require_executor(&old.request.executor)?;
        }
        let repeated = match mode {
            Rerun::AsItWas => self.repeat(&old, Vec::new(), None).await,
            Rerun::AsItIs => self.repeat_as_it_is(&old).await,
            Rerun::FromFailed => self.repeat_what_failed(&old).await,
            Rerun::FromTask(task) => self.repeat_from(&old, &task).await,
        };
        repeated.map_err(|error| self.without_own_secrets(error, &own))
    }

    /// What a run brought along for itself is gone by now.
    fn without_own_secrets(&self, error: Error, own: &[String]) -> Error {
        if error.code() != "noSuchCredential" || own.is_empty() {
            return error;
        }
        let message = format!(
            "{error}. Run {} was given {} for itself alone, which is gone with its end: start the pipeline anew with it",
            self.id,
            own.join(", ")
        );
        Error::new(error.kind(), error.code(), OPERATION, message).with_source(error)
    }

    fn require_executor(&self, executor: &ExecutorName) -> Result<()> {
        if self.core.executors.has(executor) {
            return Ok(());
        }
        let message = format!(
            "run {} worked on the executor {:?}, and this engine has {}: give it that executor when it is opened, or start \
             the pipeline anew on another one",
            self.id,
            executor.as_str(),
            self.core.executors.names()
        );
        Err(Error::new(ErrorKind::Invalid, "noSuchExecutor", OPERATION, message))
    }

    async fn repeat(&self, old: &Replayed, reused: Vec<RunEvent>, adopt: Option<Adopt>) -> Result<Run> {
        let definition = self.definition(old)?;
        let plan = pipeline::plan(&definition, &old.request.inputs())?;
        refuse_unsupported(&self.core, &definition, &plan, &old.request.executor)?;
        check_needs(&self.core, &plan, &OwnCredentials::new()).await?;
        let request = StoredRequest { adopt, ..old.request.clone() };
        self.launch(&definition, plan, request, reused).await
    }

    async fn repeat_as_it_is(&self, old: &Replayed) -> Result<Run> {
        let name = self.pipeline();
        let locked = self.core.names.lock(name).await;
        let Some(stored) = self.core.archive.store.pipeline(name).await? else {
            let message =
                format!("there is no pipeline {name:?} any more, or it was never stored: run it as it was instead");
            return Err(Error::new(ErrorKind::NotFound, "noSuchPipeline", OPERATION, message));
        };
        if !stored.active {
            let message = format!("pipeline {name:?} is not active: activate it first, or run it as it was instead");
            return Err(Error::new(ErrorKind::Conflict, "pipelineInactive", OPERATION, message));
        }
        let definition: Pipeline = serde_json::from_value(stored.definition).map_err(|error| {
            let message = format!("the stored definition of pipeline {name:?} is damaged: {error}");
            Error::new(ErrorKind::Damaged, "damagedPipeline", OPERATION, message)
        })?;
        let mut request = old.request.clone();
        request.pipeline_version = Some(stored.version);
        let takes =
            |given: &str| definition.parameters.iter().any(|known| known.dynamic && known.name.as_str() == given);
        request.parameters.retain(|given, _| takes(given));
        let mut inputs = request.inputs();
        // An executor that the run was given stays; one that it had from its pipeline is what the pipeline says now.
        let own = self.definition(old)?.executor.unwrap_or_else(|| self.core.default_executor.clone());
        inputs.executor = inputs.executor.filter(|given| *given != own);
        let plan = pipeline::plan(&definition, &inputs)?;
        request.executor = executor_for(&self.core, &plan)?;
        refuse_unsupported(&self.core, &definition, &plan, &request.executor)?;
        check_needs(&self.core, &plan, &OwnCredentials::new()).await?;
        request.concurrency = plan.concurrency.clone();
        let rerun_of = Some(self.id);
        let secrets = OwnCredentials::new();
        let new = NewRun { pipeline: &definition, plan, request, rerun_of, reused: Vec::new(), secrets };
        self.core.launch_with(new, locked, Batch::default()).await
    }

    async fn repeat_what_failed(&self, old: &Replayed) -> Result<Run> {
        // A run keeps its workspace with its very last event.
        self.wait().await?;
        let reused = reuse(&old.state, &ReuseFrom::Failed).map_err(|refusal| refused(&refusal))?;
        let needed = counts_on_workspace(&old.state, &reused).is_some();
        // Another one may take it over meanwhile; then it is not there the second time.
        let mut tries = 2;
        loop {
            let kept = self.kept().await?;
            if kept.is_none() && needed {
                return Err(self.not_kept(old).await);
            }
            let adopt = kept.map(|kept| Adopt { run: self.id, generation: kept.generation });
            tries -= 1;
            match self.repeat(old, reused.clone(), adopt).await {
                Err(error) if error.code() == "workspaceNotKept" && tries > 0 => {}
                result => return result,
            }
        }
    }

    async fn repeat_from(&self, old: &Replayed, task: &TaskName) -> Result<Run> {
        let mut reused = reuse(&old.state, &ReuseFrom::Task(task.clone())).map_err(|refusal| refused(&refusal))?;
        if let Some(missing) = counts_on_workspace(&old.state, &reused) {
            // From the first one on, those beside it are done again as well, so that there is always a task to begin with.
            let whole = reuse(&old.state, &ReuseFrom::Workspace).ok();
            match whole.filter(|_| first_to_repeat(&old.state).as_ref() == Some(task)) {
                Some(whole) => reused.retain(|event| whole.contains(event)),
                None => return Err(self.starts_empty(old, task, &missing)),
            }
        }
        self.repeat(old, reused, None).await
    }

    /// The workspace of a run from a task on is empty, and an earlier task filled it.
    fn starts_empty(&self, old: &Replayed, task: &TaskName, missing: &TaskName) -> Error {
        let (task, missing) = (task.as_str(), missing.as_str());
        let message = format!(
            "run {} cannot be repeated from task {task:?} on: the new run begins with an empty workspace, and what {missing:?} \
             left there is needed; {}",
            self.id,
            instead(&old.state)
        );
        Error::new(ErrorKind::Conflict, "workspaceNeeded", OPERATION, message)
    }

    async fn launch(
        &self,
        definition: &Pipeline,
        plan: Plan,
        mut request: StoredRequest,
        reused: Vec<RunEvent>,
    ) -> Result<Run> {
        request.concurrency = plan.concurrency.clone();
        // It is somebody else who asks now.
        request.traceparent = None;
        let (rerun_of, secrets) = (Some(self.id), OwnCredentials::new());
        self.core.launch(NewRun { pipeline: definition, plan, request, rerun_of, reused, secrets }).await
    }

    fn definition(&self, old: &Replayed) -> Result<Pipeline> {
        serde_json::from_value(old.record.definition.clone()).map_err(|error| {
            let message = format!("the record of run {} is damaged: {error}", self.id);
            Error::new(ErrorKind::Damaged, "damagedRun", OPERATION, message)
        })
    }

    async fn kept(&self) -> Result<Option<KeptWorkspace>> {
        let kept = self.core.archive.store.kept().await?;
        Ok(kept.into_iter().find(|kept| kept.run == self.id))
    }

    /// Why the workspace is not there, and from where the run can be repeated without it.
    async fn not_kept(&self, old: &Replayed) -> Error {
        let why = match keeps_workspace(&old.state) {
            None => "was not kept (it is when a run fails or takes too long, and `keepWorkspace` is not 0)".to_owned(),
            Some((_, time)) => match self.taker().await {
                Some(run) => format!("was taken over by run {run}"),
                None if self.is_over(old, time) => {
                    format!("was kept for {} after its end, and is freed by now", pipeline::HumanDuration::from(time))
                }
                None => "is not there any more".to_owned(),
            },
        };
        let message = format!(
            "the workspace of run {} {why}, so it cannot go on from what failed; {}",
            self.id,
            instead(&old.state)
        );
        Error::new(ErrorKind::Conflict, "workspaceNotKept", OPERATION, message)
    }

    fn is_over(&self, old: &Replayed, time: Duration) -> bool {
        old.state.finished().is_some_and(|finished| finished.elapsed + time <= self.core.clock.now().elapsed)
    }

    /// The run that took the workspace over, among the newest ones of the pipeline.
    async fn taker(&self) -> Option<RunId> {
        let store = &self.core.archive.store;
        let newest = RunFilter { pipeline: Some(self.pipeline.to_string()), ..RunFilter::default() };
        let repetitions = store.list(&newest).await.ok()?.into_iter().filter(|run| run.rerun_of == Some(self.id));
        for run in repetitions {
            let record = store.run(run.id).await.ok()??;
            let request: StoredRequest = serde_json::from_value(record.request).ok()?;
            if request.adopt.is_some_and(|kept| kept.run == self.id) {
                return Some(run.id);
            }
        }
        None
    }
}

/// What can be done when the workspace is not there.
fn instead(state: &RunState) -> String {
    match first_to_repeat(state) {
        Some(task) => {
            let task = task.as_str();
            format!("repeat it from task {task:?} on, which begins with an empty one: `Rerun::FromTask({task:?})`")
        }
        None => "run all of it again: `Rerun::AsItWas`".to_owned(),
    }
}

fn refused(refusal: &RerunRefusal) -> Error {
    let kind = match refusal {
        RerunRefusal::NoSuchTask { .. } => ErrorKind::NotFound,
        _ => ErrorKind::Conflict,
    };
    Error::new(kind, refusal.code(), OPERATION, refusal.to_string())
}
