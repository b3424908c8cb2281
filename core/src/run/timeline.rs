//! Where the time of a run went: what waited for what, and how long each attempt took.

mod chrome;
mod lanes;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::event::{RunEvent, Sequenced};
use super::id::RunId;
use super::outcome::{AttemptState, Reused, RunEnd, TaskEnd, WaitReason};
use super::time::{Elapsed, Now};
use crate::pipeline::{Plan, Section, TaskId};

pub use self::lanes::lanes;

/// Where the time of a run went. Starts are dates; lengths are elapsed time, which no change of the date touches.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// The run; `None` without any event.
    pub run: Option<RunId>,
    /// The pipeline's name.
    pub pipeline: String,
    /// The number in the pipeline; 0 without any event.
    pub number: u64,
    /// When it was queued.
    pub queued: Option<Timestamp>,
    /// When the queue let it go.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// How it ended.
    pub state: Option<RunEnd>,
    /// From the queue to the start, in milliseconds; to the end for a run that never started.
    pub queued_ms: Option<u64>,
    /// From the start to the end, in milliseconds.
    pub duration_ms: Option<u64>,
    /// From its first event to the newest one, in milliseconds: where spans end that are still open.
    pub length_ms: u64,
    /// Its tasks, in the order of the plan.
    pub tasks: Vec<TaskTimeline>,
}

/// Where the time of a task went.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskTimeline {
    /// Its name in the run.
    pub task: TaskId,
    /// The stage; `None` in `finally`.
    pub stage: Option<String>,
    /// What it waited for, in order: before attempts, between them, and in them.
    pub waits: Vec<Wait>,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptSpan>,
    /// When it was over.
    pub finished: Option<Timestamp>,
    /// How it ended.
    pub state: Option<TaskEnd>,
    /// Where it was done, when an earlier run did it.
    pub reused: Option<Reused>,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// When it began.
    pub start: Timestamp,
    /// From the run's first event to where it began, in milliseconds.
    pub offset_ms: u64,
    /// How long it took, in milliseconds; `None` while it goes on.
    pub duration_ms: Option<u64>,
}

/// A time in which a task waited.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// When.
    #[serde(flatten)]
    pub span: Span,
    /// For what.
    pub reason: WaitReason,
    /// The attempt that had begun; `None` outside attempts.
    pub attempt: Option<u32>,
}

/// The time of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptSpan {
    /// 1 for the first one.
    pub attempt: u32,
    /// When.
    #[serde(flatten)]
    pub span: Span,
    /// How it ended; `None` while it goes on.
    pub state: Option<AttemptState>,
}

impl Timeline {
    /// What the events of a run add up to, in order. Events of tasks that the plan does not have say nothing.
    pub fn of<'a>(plan: &Plan, events: impl IntoIterator<Item = &'a Sequenced>) -> Self {
        let mut fold = Fold::new(plan);
        for fact in events {
            fold.take(fact);
        }
        fold.timeline
    }
}

impl Span {
    /// Where it ends, from the run's first event on, in milliseconds; `open` while it goes on.
    fn end_ms(&self, open: u64) -> u64 {
        self.duration_ms.map_or(open.max(self.offset_ms), |duration| self.offset_ms + duration)
    }

    fn close(&mut self, offset_ms: u64) {
        self.duration_ms.get_or_insert(offset_ms.saturating_sub(self.offset_ms));
    }
}

/// A timeline in the making.
pub(crate) struct Fold {
    timeline: Timeline,
    places: BTreeMap<TaskId, usize>,
    first: Option<Elapsed>,
    started: Option<Elapsed>,
}

impl Fold {
    pub(crate) fn new(plan: &Plan) -> Self {
        let stage = |section| match section {
            Section::Stage(stage) => Some(plan.stages[stage.get()].name.to_string()),
            Section::Finally => None,
        };
        let tasks = plan.tasks.iter().map(|task| TaskTimeline {
            task: task.id.clone(),
            stage: stage(task.section),
            waits: Vec::new(),
            attempts: Vec::new(),
            finished: None,
            state: None,
            reused: None,
        });
        let timeline = Timeline {
            run: None,
            pipeline: plan.pipeline.to_string(),
            number: 0,
            queued: None,
            started: None,
            finished: None,
            state: None,
            queued_ms: None,
            duration_ms: None,
            length_ms: 0,
            tasks: tasks.collect(),
        };
        let places = plan.tasks.iter().enumerate().map(|(at, task)| (task.id.clone(), at)).collect();
        Self { timeline, places, first: None, started: None }
    }

    pub(crate) fn finish(self) -> Timeline {
        self.timeline
    }

    pub(crate) fn take(&mut self, fact: &Sequenced) {
        let first = *self.first.get_or_insert(fact.at.elapsed);
        let offset = millis(first, fact.at);
        self.timeline.run = Some(fact.run);
        self.timeline.length_ms = self.timeline.length_ms.max(offset);
        match &fact.event {
            RunEvent::RunQueued { number, .. } => {
                self.timeline.number = *number;
                self.timeline.queued = Some(fact.at.wall);
            }
            RunEvent::RunStarted => {
                self.started = Some(fact.at.elapsed);
                self.timeline.started = Some(fact.at.wall);
                self.timeline.queued_ms = Some(offset);
            }
            RunEvent::RunFinished { state, .. } => {
                self.timeline.finished = Some(fact.at.wall);
                self.timeline.state = Some(*state);
                self.timeline.duration_ms = self.started.map(|started| millis(started, fact.at));
                self.timeline.queued_ms.get_or_insert(offset);
            }
            event => {
                let place = event.task().and_then(|task| self.places.get(task));
                if let Some(task) = place.and_then(|at| self.timeline.tasks.get_mut(*at)) {
                    task.take(event, fact.at.wall, offset);
                }
            }
        }
    }
}

fn millis(from: Elapsed, to: Now) -> u64 {
    u64::try_from(to.elapsed.since(from).as_millis()).unwrap_or(u64::MAX)
}

impl TaskTimeline {
    fn take(&mut self, event: &RunEvent, start: Timestamp, offset_ms: u64) {
        let span = Span { start, offset_ms, duration_ms: None };
        match event {
            RunEvent::TaskReused { from, attempt, .. } => self.reused = Some(Reused { run: *from, attempt: *attempt }),
            RunEvent::TaskWaiting { reason, .. } => {
                self.waited(offset_ms);
                let attempt = self.attempts.last().filter(|attempt| attempt.state.is_none());
                let attempt = attempt.map(|attempt| attempt.attempt);
                self.waits.push(Wait { span, reason: reason.clone(), attempt });
            }
            RunEvent::TaskRunning { .. } | RunEvent::ApprovalDecided { .. } => self.waited(offset_ms),
            RunEvent::AttemptStarted { attempt, .. } => {
                self.waited(offset_ms);
                self.attempts.push(AttemptSpan { attempt: *attempt, span, state: None });
            }
            RunEvent::AttemptFinished { state, .. } => {
                self.waited(offset_ms);
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.span.close(offset_ms);
                    attempt.state = Some(*state);
                }
            }
            RunEvent::TaskFinished { state, .. } => {
                self.waited(offset_ms);
                self.finished = Some(start);
                self.state = Some(*state);
            }
            _ => {}
        }
    }

    /// What it waited for, if anything, is there.
    fn waited(&mut self, offset_ms: u64) {
        self.waits.iter_mut().rev().take(1).for_each(|wait| wait.span.close(offset_ms));
    }

    /// From its first wait or attempt to the end of the last one, in milliseconds since the run's first event; `None` for a
    /// task that took no time.
    fn extent(&self, open: u64) -> Option<(u64, u64)> {
        let spans = || self.waits.iter().map(|wait| wait.span).chain(self.attempts.iter().map(|attempt| attempt.span));
        let start = spans().map(|span| span.offset_ms).min()?;
        let end = spans().map(|span| span.end_ms(open)).max()?;
        Some((start, end))
    }
}
