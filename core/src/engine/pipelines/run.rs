//! Running stored pipelines.

use super::Pipelines;
use super::stored::definition;
use crate::engine::{Run, RunRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::Pipeline;
use crate::run::RunStatus;
use crate::store::{Batch, RunFilter};

/// The states of runs that can be stopped.
const GOING: [RunStatus; 2] = [RunStatus::Queued, RunStatus::Running];

impl Pipelines {
    /// Starts a run of the pipeline as it is now. Returns when the run is durable; it remembers the version that it runs.
    ///
    /// # Errors
    /// `noSuchPipeline` with the name that was probably meant; `pipelineInactive`; those of
    /// [`Engine::start`](crate::Engine::start).
    pub async fn run(&self, name: &str, request: RunRequest) -> Result<Run> {
        let locked = self.core().names.lock(name).await;
        let record = self.record(name).await?;
        if !record.active {
            return Err(inactive(name));
        }
        let pipeline = definition(name, record.version, record.definition)?;
        let new = self.engine.plan_run(&pipeline, request, Some(record.version)).await?;
        self.core().launch_with(new, locked, Batch::default()).await
    }

    /// Saves a definition and starts a run of it, both or nothing. `expected` is the version from which it was made, `None`
    /// for a new pipeline. The request's actor is who saves it.
    ///
    /// # Errors
    /// Those of [`create`](Self::create) or [`update`](Self::update), and those of [`run`](Self::run).
    pub async fn save_and_run(&self, pipeline: &Pipeline, expected: Option<u64>, request: RunRequest) -> Result<Run> {
        let name = pipeline.name.as_str();
        let locked = self.core().names.lock(name).await;
        let by = request.inputs.trigger.actor.clone();
        let save = self.save(pipeline, expected, None, &by).await?;
        if !save.after.active {
            return Err(inactive(name));
        }
        let new = self.engine.plan_run(pipeline, request, Some(save.after.version)).await?;
        self.core().launch_with(new, locked, save.batch).await
    }

    /// The newest run of the pipeline; `None` when it never had one, or all of them were deleted.
    ///
    /// # Errors
    /// `noSuchPipeline` when there is neither a pipeline nor a run of this name.
    pub async fn latest_run(&self, name: &str) -> Result<Option<Run>> {
        let found = self.newest(name, &[]).await?;
        if found.is_none() {
            self.record(name).await?;
        }
        Ok(found)
    }

    /// Asks the newest run that has not ended to end, and returns it. See [`Run::cancel`].
    ///
    /// # Errors
    /// `nothingToStop` when all runs have ended; `noSuchPipeline` when there is neither a pipeline nor a run of this name.
    pub async fn stop_latest(&self, name: &str, by: &str, reason: &str) -> Result<Run> {
        while let Some(run) = self.newest(name, &GOING).await? {
            match run.cancel(by, reason).await {
                Ok(()) => return Ok(run),
                // It ended meanwhile, and an older one may still go on.
                Err(error) if error.code() == "runEnded" => {}
                Err(error) => return Err(error),
            }
        }
        self.latest_run(name).await?;
        let message = format!("no run of the pipeline {name:?} is queued or running: all of them have ended");
        Err(Error::new(ErrorKind::Conflict, "nothingToStop", "stop", message))
    }

    async fn newest(&self, name: &str, status: &[RunStatus]) -> Result<Option<Run>> {
        let (pipeline, status) = (Some(name.to_owned()), status.to_vec());
        let filter = RunFilter { pipeline, status, limit: 1, ..RunFilter::default() };
        let newest = self.core().archive.store.list(&filter).await?.into_iter().next();
        Ok(newest.map(|listing| Run::of(self.core().clone(), &listing)))
    }
}

fn inactive(name: &str) -> Error {
    let message = format!("the pipeline {name:?} is not active: activate it, and start the run again");
    Error::new(ErrorKind::Conflict, "pipelineInactive", "start", message)
}
