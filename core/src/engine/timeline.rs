//! Looking back at a run: where its time went, and what it was at any event.

use std::sync::Arc;

use super::archive::{Archive, no_such_run, plan_of};
use super::run::Run;
use super::summary::RunSummary;
use crate::error::{Error, ErrorKind, Result};
use crate::run::timeline::{Fold, Timeline};
use crate::run::{RunId, RunState, Seq};

/// How many events are read at once.
const PAGE: usize = 1000;

impl Run {
    /// Where the time of the run went so far: waits with their reasons, attempts, ends.
    pub async fn timeline(&self) -> Result<Timeline> {
        timeline(&self.core.archive, self.id).await
    }

    /// The run and its tasks as they were right after an event; [`Seq::ZERO`] stands for before the first one.
    ///
    /// # Errors
    /// `noSuchEvent` when the run has fewer events.
    pub async fn at(&self, seq: Seq) -> Result<RunSummary> {
        at(&self.core.archive, self.id, seq).await
    }
}

#[cfg(feature = "sqlite")]
impl super::reader::Reader {
    /// Where the time of a run went so far: waits with their reasons, attempts, ends.
    pub async fn timeline(&self, run: RunId) -> Result<Timeline> {
        timeline(&self.archive, run).await
    }

    /// A run and its tasks as they were right after an event; [`Seq::ZERO`] stands for before the first one.
    ///
    /// # Errors
    /// `noSuchEvent` when the run has fewer events.
    pub async fn at(&self, run: RunId, seq: Seq) -> Result<RunSummary> {
        at(&self.archive, run, seq).await
    }
}

async fn timeline(archive: &Archive, run: RunId) -> Result<Timeline> {
    let record = archive.store.run(run).await?.ok_or_else(|| no_such_run(&run.to_string()))?;
    let (_, plan) = plan_of(&record)?;
    let (mut fold, mut last) = (Fold::new(&plan), Seq::ZERO);
    loop {
        let page = archive.store.read(run, last, PAGE).await?;
        page.iter().for_each(|fact| fold.take(fact));
        last = page.last().map_or(last, |fact| fact.seq);
        if page.len() < PAGE {
            return Ok(fold.finish());
        }
    }
}

async fn at(archive: &Archive, run: RunId, seq: Seq) -> Result<RunSummary> {
    if seq == Seq::ZERO {
        let record = archive.store.run(run).await?.ok_or_else(|| no_such_run(&run.to_string()))?;
        let (request, plan) = plan_of(&record)?;
        return Ok(RunSummary::of(&record, &request, &RunState::new(run, Arc::new(plan))));
    }
    let replayed = archive.replay(run, Some(seq)).await?;
    if replayed.last < seq {
        let message = format!("run {run} has no event {seq}: its newest one is {}", replayed.last);
        return Err(Error::new(ErrorKind::NotFound, "noSuchEvent", "at", message));
    }
    Ok(RunSummary::of(&replayed.record, &replayed.request, &replayed.state))
}
