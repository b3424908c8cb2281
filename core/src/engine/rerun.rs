//! Running again: always a new run, which says of which one it is the repetition.

use super::archive::Replayed;
use super::launch::NewRun;
use super::request::StoredRequest;
use super::run::{Run, closed};
use super::{executor_for, refuse_unsupported};
use crate::error::{Error, ErrorKind, Result};
use crate::executor::Adopt;
use crate::pipeline::{self, Action, Pipeline, Plan, TaskName, WorkspaceUse};
use crate::run::rerun::{RerunRefusal, ReuseFrom, first_to_repeat, keeps_workspace, reuse};
use crate::run::{RunEvent, RunId};
use crate::store::{KeptWorkspace, RunFilter};

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
    /// This task and all that comes after it, with the definition and the inputs that it had, in a fresh workspace.
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
    /// - `nothingToRepeat`, `noSuchTask` and the like when the run cannot be repeated from there.
    /// - `noSuchPipeline`, `pipelineInactive` for [`Rerun::AsItIs`].
    /// - `noSuchExecutor` when this engine does not have the run's executor, and what [`Engine::start`](super::Engine::start)
    ///   says.
    pub async fn retry(&self, mode: Rerun, by: &str) -> Result<Run> {
        self.core.hold().ok_or_else(|| closed(OPERATION))?;
        let mut old = self.core.archive.replay(self.id, None).await?;
        if old.state.ended().is_none() {
            let message =
                format!("run {} has not ended: wait for its end, or cancel it, before it is run again", self.id);
            return Err(Error::new(ErrorKind::Conflict, "runUnfinished", OPERATION, message));
        }
        old.request.trigger.actor = by.to_owned();
        // Each new run takes over for itself.
        old.request.adopt = None;
        match mode {
            Rerun::AsItWas => self.repeat(&old, Vec::new(), None).await,
            Rerun::AsItIs => self.repeat_as_it_is(&old).await,
            Rerun::FromFailed => self.repeat_what_failed(&old).await,
            Rerun::FromTask(task) => {
                let reused = reuse(&old.state, &ReuseFrom::Task(task)).map_err(|refusal| refused(self.id, &refusal))?;
                self.repeat(&old, reused, None).await
            }
        }
    }

    async fn repeat(&self, old: &Replayed, reused: Vec<RunEvent>, adopt: Option<Adopt>) -> Result<Run> {
        let definition = self.definition(old)?;
        let plan = pipeline::plan(&definition, &old.request.inputs())?;
        let executor = &old.request.executor;
        if !self.core.executors.contains_key(executor) {
            let message = format!(
                "run {} worked on the executor {:?}, and this engine has {}: give it that executor when it is opened, or \
                 start the pipeline anew on another one",
                self.id,
                executor.as_str(),
                self.core.executor_names()
            );
            return Err(Error::new(ErrorKind::Invalid, "noSuchExecutor", OPERATION, message));
        }
        refuse_unsupported(&plan, executor)?;
        let request = StoredRequest { adopt, ..old.request.clone() };
        self.launch(&definition, plan, request, reused).await
    }

    async fn repeat_as_it_is(&self, old: &Replayed) -> Result<Run> {
        let name = self.pipeline();
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
        let takes =
            |given: &str| definition.parameters.iter().any(|known| known.dynamic && known.name.as_str() == given);
        request.parameters.retain(|given, _| takes(given));
        let mut inputs = request.inputs();
        // An executor that the run was given stays; one that it had from its pipeline is what the pipeline says now.
        let own = self.definition(old)?.executor.unwrap_or_else(|| self.core.default_executor.clone());
        inputs.executor = inputs.executor.filter(|given| *given != own);
        let plan = pipeline::plan(&definition, &inputs)?;
        request.executor = executor_for(&self.core, &plan)?;
        refuse_unsupported(&plan, &request.executor)?;
        self.launch(&definition, plan, request, Vec::new()).await
    }

    async fn repeat_what_failed(&self, old: &Replayed) -> Result<Run> {
        // A run keeps its workspace with its very last event.
        self.wait().await?;
        let reused = reuse(&old.state, &ReuseFrom::Failed).map_err(|refusal| refused(self.id, &refusal))?;
        let needed = reused.iter().any(|event| worked_in_the_workspace(old.state.plan(), event));
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

    async fn launch(
        &self,
        definition: &Pipeline,
        plan: Plan,
        mut request: StoredRequest,
        reused: Vec<RunEvent>,
    ) -> Result<Run> {
        request.concurrency = plan.concurrency.clone();
        self.core.launch(NewRun { pipeline: definition, plan, request, rerun_of: Some(self.id), reused }).await
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
        let now = self.core.clock.now().elapsed;
        let why = match (keeps_workspace(&old.state), old.state.finished()) {
            (None, _) => "was not kept".to_owned(),
            (Some((_, time)), Some(finished)) if finished.elapsed + time <= now => {
                format!("was kept for {}, which are over", pipeline::HumanDuration::from(time))
            }
            _ => match self.taker().await {
                Some(run) => format!("was taken over by run {run}"),
                None => "is not there any more".to_owned(),
            },
        };
        let instead = match first_to_repeat(&old.state) {
            Some(task) => format!(
                "repeat it from task {:?} on, which needs no workspace: `Rerun::FromTask({:?})`",
                task.as_str(),
                task.as_str()
            ),
            None => "run all of it again: `Rerun::AsItWas`".to_owned(),
        };
        let message = format!("the workspace of run {} {why}, so it cannot go on from what failed; {instead}", self.id);
        Error::new(ErrorKind::Conflict, "workspaceNotKept", OPERATION, message)
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

/// Whether the task, which is not done again, left something in the workspace that all tasks share.
fn worked_in_the_workspace(plan: &Plan, event: &RunEvent) -> bool {
    let RunEvent::TaskReused { task, attempt, .. } = event else { return false };
    let planned = plan.tasks.iter().find(|planned| planned.id == *task);
    planned.is_some_and(|planned| {
        let shares = planned.definition.workspace == WorkspaceUse::Shared;
        *attempt > 0 && shares && !matches!(planned.action(), Action::Approve(_))
    })
}

fn refused(run: RunId, refusal: &RerunRefusal) -> Error {
    Error::new(ErrorKind::Conflict, "nothingToRepeat", OPERATION, format!("run {run}: {refusal}"))
}
