//! Deleting stored pipelines.

use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;

use super::Pipelines;
use crate::audit::Change;
use crate::engine::{Run, deletion};
use crate::error::{Error, ErrorKind, Result};
use crate::run::RunId;
use crate::store::{Batch, PipelineChange, PipelineRecord, RunFilter, RunListing};

/// How many runs are cancelled at once.
const AT_ONCE: usize = 32;
/// How many runs are read at once.
const PAGE: usize = 500;
/// How many runs an error names.
const NAMED: usize = 10;

/// How a pipeline is deleted. By default only when nothing of it is running, and its runs stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PipelineDeletion {
    /// What happens to runs that have not ended.
    pub running: Running,
    /// What happens to runs that have ended.
    pub runs: Runs,
}

/// What the deletion of a pipeline does about runs that have not ended, queued ones too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Running {
    /// It is refused.
    #[default]
    Refuse,
    /// It cancels them all, lets no new ones start, and waits until they have ended and everything of them is freed.
    Cancel,
}

/// What the deletion of a pipeline does about runs that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Runs {
    /// They stay.
    #[default]
    Keep,
    /// They go with all that belongs to them.
    Delete,
}

impl Pipelines {
    /// Deletes a pipeline with the history of its definition. Numbers of its runs and versions of its definition go on where
    /// they were when another one is made under the name.
    ///
    /// After a failure, a crash, or when this future is dropped, the pipeline may still be there with some of its runs
    /// cancelled or deleted: call it again.
    ///
    /// # Errors
    /// `noSuchPipeline`; `pipelineRunning` with the runs that have not ended, unless they are to be cancelled.
    pub async fn delete(&self, name: &str, how: PipelineDeletion, by: &str) -> Result<()> {
        let mut deleting = None;
        loop {
            let locked = self.core().names.lock(name).await;
            let record = self.record(name).await?;
            let unfinished = self.unfinished(name).await?;
            if unfinished.is_empty() {
                if how.runs == Runs::Delete {
                    let runs = self.ended(name).await?;
                    deletion::delete_runs(self.core(), runs, by, "its pipeline was deleted").await?;
                }
                return self.delete_alone(record, by).await;
            }
            if how.running == Running::Refuse {
                return Err(running(name, &unfinished));
            }
            deleting.get_or_insert(locked.deleting());
            self.end_all(&unfinished, by).await?;
        }
    }

    async fn delete_alone(&self, record: PipelineRecord, by: &str) -> Result<()> {
        let core = self.core();
        let hold = core.writing("delete")?;
        let (name, version) = (record.name, record.version);
        let audit = vec![core.audited(by, Change::PipelineDeleted { pipeline: name.clone(), version })];
        let batch = Batch { pipelines: vec![PipelineChange::Delete { name }], audit, ..Batch::default() };
        core.commit(batch).await?;
        drop(hold);
        Ok(())
    }

    /// Cancels runs, and waits until nothing of them is left to do.
    async fn end_all(&self, runs: &[RunListing], by: &str) -> Result<()> {
        let runs: Vec<Run> = runs.iter().map(|listing| Run::of(self.core().clone(), listing)).collect();
        let cancels = stream::iter(runs.clone()).map(|run| async move {
            match run.cancel(by, "its pipeline is being deleted").await {
                Err(error) if error.code() != "runEnded" => Err(error),
                _ => Ok(()),
            }
        });
        cancels.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        for run in &runs {
            run.released().await?;
        }
        Ok(())
    }

    /// The runs of the pipeline that have not ended, or hold something, oldest first.
    async fn unfinished(&self, name: &str) -> Result<Vec<RunListing>> {
        let mut unfinished = self.core().archive.store.unfinished().await?;
        unfinished.retain(|run| run.pipeline == name);
        Ok(unfinished)
    }

    /// All runs of the pipeline.
    async fn ended(&self, name: &str) -> Result<Vec<RunId>> {
        let mut filter = RunFilter { pipeline: Some(name.to_owned()), limit: PAGE, ..RunFilter::default() };
        let mut runs = Vec::new();
        loop {
            let page = self.core().archive.store.list(&filter).await?;
            filter.before = page.last().map(|run| run.id);
            runs.extend(page.iter().map(|run| run.id));
            if page.len() < PAGE {
                return Ok(runs);
            }
        }
    }
}

fn running(name: &str, runs: &[RunListing]) -> Error {
    let mut named: Vec<String> = runs
        .iter()
        .take(NAMED)
        .map(|run| format!("{}#{} ({})", run.pipeline, run.number, run.status().as_str()))
        .collect();
    if runs.len() > NAMED {
        named.push(format!("and {} more", runs.len() - NAMED));
    }
    let message = format!(
        "the pipeline {name:?} has runs that have not ended: {}. Wait for them or cancel them, or let the deletion cancel them",
        named.join(", ")
    );
    Error::new(ErrorKind::Conflict, "pipelineRunning", "delete", message)
}
