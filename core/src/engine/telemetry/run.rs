//! What one run tells, fed by its driver.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::gauges::{Share, active};
use super::measures::Measures;
use super::result::CicdResult;
use super::spans::{Again, Spans};
use crate::engine::core::Core;
use crate::engine::feed::FeedEnd;
use crate::engine::request::StoredRequest;
use crate::pipeline::{Action, TaskId, TaskIndex};
use crate::run::{Cause, Effect, RunEnd, RunEvent, RunState, Sequenced, TaskEnd, TaskStatus, TaskView};
use crate::telemetry;

/// What one run tells as long as it has a driver. Its shares of gauges end with it.
pub(in crate::engine) struct RunTelemetry {
    core: Arc<Core>,
    request: Arc<StoredRequest>,
    spans: Spans,
    measures: Measures,
    shares: Option<Shares>,
    /// Tasks of which the last attempt failed by the engine or the executor.
    infrastructure: HashSet<TaskIndex>,
}

/// What a run that goes on adds to gauges.
struct Shares {
    _active: Share,
    waiting: Share,
    running: Share,
}

impl RunTelemetry {
    pub(in crate::engine) fn new(core: Arc<Core>, request: Arc<StoredRequest>, state: &RunState) -> Self {
        let measures = Measures::new(Arc::from(state.plan().pipeline.as_str()));
        let (spans, infrastructure) = (Spans::default(), HashSet::new());
        Self { core, request, spans, measures, shares: None, infrastructure }
    }

    /// Begins with what an earlier driver left going on.
    pub(in crate::engine) fn take_up(&mut self, state: &RunState) {
        if state.started().is_none() || state.ended().is_some() {
            return;
        }
        self.begin(state, true);
        for effect in state.effects() {
            if let Effect::Run { task, attempt, .. } = effect {
                self.spans.open_attempt(state, task, attempt, Again::RESUMED);
            }
        }
        if self.spans.run_is_open() {
            for task in state.tasks().filter(began) {
                self.spans.open_task(state, task.index(), Again::RESUMED);
            }
        }
        self.count(state);
    }

    /// Tells committed events; `state` is what they led to.
    pub(in crate::engine) fn committed(&mut self, state: &RunState, events: &[Arc<Sequenced>]) {
        let mut counts = false;
        for fact in events {
            counts |= self.tell(state, fact);
        }
        if counts {
            self.count(state);
        }
    }

    /// Returns whether the event may have changed how many tasks are where.
    fn tell(&mut self, state: &RunState, fact: &Sequenced) -> bool {
        match &fact.event {
            RunEvent::LogAppended { .. } | RunEvent::LogTruncated { .. } => return false,
            RunEvent::RunStarted => {
                self.core.waiting.leave(fact.run);
                let waited = state.queued().map(|queued| fact.at.elapsed.since(queued.elapsed));
                self.measures.queued(waited.unwrap_or_default());
                self.begin(state, false);
            }
            RunEvent::ApprovalRequested { task, .. } | RunEvent::TaskStarted { task, .. } => {
                if let Some(index) = state.index_of(task) {
                    self.spans.open_task(state, index, Again::default());
                }
            }
            RunEvent::AttemptStarted { task, attempt, .. } => self.attempt_started(state, task, *attempt),
            RunEvent::AttemptFinished { task, state: ended, exit_code, cause, infrastructure, .. } => {
                if let Some(index) = state.index_of(task) {
                    let result = CicdResult::of_attempt(*ended, *infrastructure);
                    self.spans.close_attempt(index, result, *exit_code, cause.as_ref());
                    match infrastructure {
                        true => drop(self.infrastructure.insert(index)),
                        false => drop(self.infrastructure.remove(&index)),
                    }
                }
            }
            RunEvent::TaskFinished { task, state: ended, cause, duration_ms, .. } => {
                self.task_finished(state, task, *ended, cause.as_ref(), *duration_ms);
            }
            RunEvent::RunFinished { state: ended, duration_ms, cause } => {
                let took = Duration::from_millis(*duration_ms);
                self.run_finished(state, fact, *ended, took, cause.as_ref());
            }
            _ => {}
        }
        true
    }

    fn begin(&mut self, state: &RunState, resumed: bool) {
        let url = self.core.run_url(state.run());
        self.spans.open_run(state, &self.request, url.as_deref(), resumed);
        let _active = active(self.measures.pipeline(), "executing");
        let waiting = Share::of(metrics::gauge!(telemetry::TASKS_WAITING), 0);
        let running = Share::of(metrics::gauge!(telemetry::TASKS_RUNNING), 0);
        self.shares = Some(Shares { _active, waiting, running });
    }

    fn count(&mut self, state: &RunState) {
        if let Some(shares) = &mut self.shares {
            let counts = state.counts();
            shares.waiting.set(counts.waiting);
            shares.running.set(counts.running);
        }
    }

    fn attempt_started(&mut self, state: &RunState, task: &TaskId, attempt: u32) {
        let Some(index) = state.index_of(task) else { return };
        // Attempts come after the start of their task. Only those of a task that is over come without one.
        let repeated = !self.spans.task_is_open(index);
        self.spans.open_attempt(state, index, attempt, Again { resumed: false, repeated });
    }

    fn task_finished(
        &mut self,
        state: &RunState,
        task: &TaskId,
        ended: TaskEnd,
        cause: Option<&Cause>,
        duration_ms: u64,
    ) {
        let Some(index) = state.index_of(task) else { return };
        if state.task(index).reused().is_some() {
            // It was told of the run that did it.
            return;
        }
        let result = CicdResult::of_task(ended, self.infrastructure.contains(&index));
        let took = (state.task(index).attempts() > 0).then(|| Duration::from_millis(duration_ms));
        self.measures.task_ended(ended, result, took);
        if let Some(code) = result.error_type(cause) {
            self.measures.error(code);
        }
        self.spans.close_task(state, index, (ended, result), cause);
    }

    fn run_finished(
        &mut self,
        state: &RunState,
        fact: &Sequenced,
        ended: RunEnd,
        took: Duration,
        cause: Option<&Cause>,
    ) {
        let infrastructure = &self.infrastructure;
        let result = CicdResult::of_run(ended, state, |task| infrastructure.contains(&task));
        let bad = |status| matches!(status, TaskStatus::Failed | TaskStatus::TimedOut | TaskStatus::Lost);
        if let Some(code) = result.error_type(cause)
            && !state.tasks().any(|task| bad(task.status()) && task.reused().is_none())
        {
            self.measures.error(code);
        }
        match state.started() {
            Some(_) => self.measures.run_ended("executing", took, result, cause),
            None => {
                self.core.waiting.leave(fact.run);
                let waited = state.queued().map(|queued| fact.at.elapsed.since(queued.elapsed));
                self.measures.run_ended("pending", waited.unwrap_or_default(), result, cause);
                self.spans.open_run(state, &self.request, self.core.run_url(fact.run).as_deref(), false);
            }
        }
        self.spans.close_run(result, cause);
        self.shares = None;
    }

    /// The driver goes no further: because the run is over, or because it cannot.
    pub(in crate::engine) fn left(mut self, state: &RunState, end: &FeedEnd) {
        match end {
            FeedEnd::Released => {}
            FeedEnd::Closed => self.spans.interrupt("closed"),
            FeedEnd::Broken(_) => {
                self.core.waiting.leave(state.run());
                self.spans.interrupt("broken");
            }
        }
    }
}

/// Whether a task has a span that is open: it asks a person, or it had an attempt and is not over.
fn began(task: &TaskView<'_>) -> bool {
    match task.status() {
        TaskStatus::Waiting if matches!(task.planned().action(), Action::Approve(_)) => true,
        TaskStatus::Pending | TaskStatus::Waiting | TaskStatus::Running => task.attempts() > 0,
        _ => false,
    }
}
