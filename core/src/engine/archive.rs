//! What is kept of runs, read: by an engine, or beside one.

use std::sync::Arc;

use bytes::Bytes;

use super::event::Event;
use super::request::StoredRequest;
use super::summary::RunSummary;
use crate::blob::BlobStore;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{LogError, LogStore};
use crate::pipeline::{self, Pipeline, Plan, TaskId};
use crate::run::{RunEvent, RunId, RunState, Seq, Sequenced, StepKey};
use crate::store::{RunFilter, RunListing, RunRecord, Store};

/// How many events are read at once.
const PAGE: usize = 1000;

/// The store, the logs and what is kept beside, read.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) logs: LogStore,
    pub(crate) blobs: BlobStore,
}

/// A run as its record and its events have it.
pub(crate) struct Replayed {
    pub(crate) record: RunRecord,
    pub(crate) request: StoredRequest,
    pub(crate) state: RunState,
    pub(crate) last: Seq,
}

impl Archive {
    /// The run that a person means: an id, the beginning of one, `PIPELINE#NUMBER`, `PIPELINE#latest`, or `latest`.
    pub(crate) async fn find(&self, text: &str) -> Result<RunId> {
        if let Ok(id) = text.parse::<RunId>() {
            return match self.store.listing(id).await? {
                Some(_) => Ok(id),
                None => Err(no_such_run(text)),
            };
        }
        if text == "latest" {
            return self.latest(None).await?.ok_or_else(|| no_such_run(text));
        }
        match text.rsplit_once('#').map(|(pipeline, which)| (pipeline, which, which.parse())) {
            Some((pipeline, "latest", _)) => {
                return self.latest(Some(pipeline)).await?.ok_or_else(|| no_such_run(text));
            }
            Some((pipeline, _, Ok(number))) => {
                return self.store.numbered(pipeline, number).await?.ok_or_else(|| no_such_run(text));
            }
            _ => {}
        }
        let plausible = text.len() >= 4 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        let found = if plausible { self.store.find(&text.to_ascii_lowercase(), 2).await? } else { Vec::new() };
        match found.as_slice() {
            [] => Err(no_such_run(text)),
            [run] => Ok(*run),
            _ => Err(Error::new(
                ErrorKind::Invalid,
                "ambiguousRun",
                "find",
                format!("several runs begin with {text:?}: give more of the id"),
            )),
        }
    }

    /// The newest run, of all or of one pipeline.
    async fn latest(&self, pipeline: Option<&str>) -> Result<Option<RunId>> {
        let filter = RunFilter { pipeline: pipeline.map(str::to_owned), limit: 1, ..RunFilter::default() };
        Ok(self.store.list(&filter).await?.first().map(|run| run.id))
    }

    pub(crate) async fn listing(&self, run: RunId) -> Result<RunListing> {
        self.store.listing(run).await?.ok_or_else(|| no_such_run(&run.to_string()))
    }

    /// The run as its events add up to, up to and including `until` when that is given.
    pub(crate) async fn replay(&self, run: RunId, until: Option<Seq>) -> Result<Replayed> {
        let record = self.store.run(run).await?.ok_or_else(|| no_such_run(&run.to_string()))?;
        let (request, plan) = plan_of(&record)?;
        let mut state = RunState::new(run, Arc::new(plan));
        let mut last = Seq::ZERO;
        loop {
            let page = self.store.read(run, last, PAGE).await?;
            let full = page.len() == PAGE;
            for fact in page {
                if until.is_some_and(|until| fact.seq > until) {
                    return Ok(Replayed { record, request, state, last });
                }
                state.apply(fact.at, &fact.event).map_err(|error| {
                    Error::new(
                        ErrorKind::Damaged,
                        "illegalEvent",
                        "replay",
                        format!("run {run}, event {}: {error}", fact.seq),
                    )
                })?;
                last = fact.seq;
            }
            if !full {
                return Ok(Replayed { record, request, state, last });
            }
        }
    }

    pub(crate) async fn summary(&self, run: RunId) -> Result<RunSummary> {
        let replayed = self.replay(run, None).await?;
        Ok(RunSummary::of(&replayed.record, &replayed.request, &replayed.state))
    }

    /// The attempt whose log a task has: one of this run, or one of the run that did it when this one did not do it again.
    /// `attempt` 0 stands for the newest one. `None` when there is no such task.
    pub(crate) async fn logged(&self, run: RunId, task: &str, attempt: u32) -> Result<Option<StepKey>> {
        let task = TaskId::new(task);
        // Who reads a log piece by piece names the attempt; then the events are not read again for each piece.
        if attempt > 0 && !self.may_be_reused(run, &task).await? {
            return Ok(Some(StepKey { run, task, attempt }));
        }
        let replayed = self.replay(run, None).await?;
        let Some(index) = replayed.state.index_of(&task) else { return Ok(None) };
        let view = replayed.state.task(index);
        Ok(Some(match view.reused().filter(|reused| attempt == 0 || attempt == reused.attempt) {
            Some(reused) => StepKey { run: reused.run, task, attempt: reused.attempt.max(1) },
            None if attempt == 0 => StepKey { run, task, attempt: view.attempts().max(1) },
            None => StepKey { run, task, attempt },
        }))
    }

    /// Whether the run began with the result of this task. It says so in the events right after its first one.
    async fn may_be_reused(&self, run: RunId, task: &TaskId) -> Result<bool> {
        if self.listing(run).await?.rerun_of.is_none() {
            return Ok(false);
        }
        let mut last = Seq::ZERO.next();
        loop {
            let page = self.store.read(run, last, PAGE).await?;
            for fact in &page {
                match &fact.event {
                    RunEvent::TaskReused { task: reused, .. } if reused == task => return Ok(true),
                    RunEvent::TaskReused { .. } | RunEvent::CommitFound { .. } => {}
                    _ => return Ok(false),
                }
            }
            match page.last() {
                Some(fact) => last = fact.seq,
                None => return Ok(false),
            }
        }
    }

    /// The fact as embedders see it, with the bytes of its piece of log. `None` for what concerns only the engine.
    pub(crate) async fn event(&self, fact: &Sequenced) -> Result<Option<Event>> {
        let log = match &fact.event {
            RunEvent::LogAppended { task, attempt, from, to, .. } => {
                let key = StepKey { run: fact.run, task: task.clone(), attempt: *attempt };
                self.log_bytes(key, *from, usize::try_from(to - from).unwrap_or(usize::MAX)).await?
            }
            _ => Bytes::new(),
        };
        Ok(Event::from_fact(fact, log))
    }

    /// Bytes of a stored log, read off the runtime's own threads.
    pub(crate) async fn log_bytes(&self, key: StepKey, from: u64, max: usize) -> Result<Bytes> {
        let logs = self.logs.clone();
        blocking(move || logs.read(&key, from, max)).await
    }
}

/// The plan of a stored run: made again from what is kept of it.
pub(crate) fn plan_of(record: &RunRecord) -> Result<(StoredRequest, Plan)> {
    let damaged = |why: String| {
        Error::new(
            ErrorKind::Damaged,
            "damagedRun",
            "replay",
            format!("the record of run {} is damaged: {why}", record.id),
        )
    };
    let request: StoredRequest =
        serde_json::from_value(record.request.clone()).map_err(|error| damaged(error.to_string()))?;
    let definition: Pipeline =
        serde_json::from_value(record.definition.clone()).map_err(|error| damaged(error.to_string()))?;
    let plan = pipeline::plan(&definition, &request.inputs()).map_err(|problems| damaged(problems.to_string()))?;
    Ok((request, plan))
}

/// Works on a log on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let died = |error: tokio::task::JoinError| Error::new(ErrorKind::Internal, "readerDied", "log", error.to_string());
    Ok(done.map_err(died)??)
}

pub(crate) fn no_such_run(text: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        "noSuchRun",
        "find",
        format!(
            "there is no run {text:?}: `windlass runs` lists them; a run is named by its id, PIPELINE#NUMBER, \
             PIPELINE#latest, or latest"
        ),
    )
}
