//! One task of a run.

use std::collections::BTreeMap;

use super::super::outcome::{AttemptState, Cause, Reused, TaskEnd, TaskStatus, WaitReason};
use super::super::time::{Elapsed, Now};
use super::filed::Filed;
use super::view::LogPosition;
use crate::pipeline::{Action, PlannedTask, Section, WorkspaceUse};

/// What is known of a task.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TaskState {
    /// How many of the tasks and stages before it do not satisfy it yet.
    pub(super) missing: u32,
    pub(super) phase: TaskPhase,
    /// How it ended in an earlier run, when it is not done again.
    pub(super) origin: Option<Origin>,
    /// How it ended, while it is done again.
    pub(super) kept: Option<(TaskEnd, u64)>,
    /// Its place in the order in which tasks ended; 0 before that.
    pub(super) rank: u32,
    /// Whether its start was told.
    pub(super) announced: bool,
    /// One for each attempt.
    pub(super) logs: Vec<LogPosition>,
    /// What is kept of its attempts beside their logs.
    pub(super) filed: Filed,
    /// The start of the first attempt.
    pub(super) started: Option<Now>,
    /// The end of the last attempt.
    pub(super) ended: Option<Elapsed>,
    pub(super) exit_code: Option<i32>,
    pub(super) cause: Option<Cause>,
    pub(super) outputs: BTreeMap<String, String>,
    /// The attempt of this run whose exit code, cause and outputs these are.
    pub(super) counted: Option<Counted>,
}

/// How a task ended in the run that this one repeats.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Origin {
    pub(super) at: Reused,
    pub(super) end: TaskEnd,
    pub(super) exit_code: Option<i32>,
    pub(super) cause: Option<Cause>,
    pub(super) outputs: BTreeMap<String, String>,
}

/// The attempt whose result is the task's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) attempt: u32,
    /// The workspace in which it ran.
    pub(super) generation: u32,
}

/// Where a task is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TaskPhase {
    /// What it needs is not there yet.
    Pending,
    /// How it ends is known without another attempt; that it ended is yet to be told.
    Concluded { end: TaskEnd, cause: Option<Cause> },
    /// A person is to be asked.
    AskApproval,
    /// A person was asked. `reason` is there once the waiting was told.
    AwaitApproval { since: Elapsed, reason: Option<WaitReason> },
    /// An attempt could start.
    WantSlot { reason: Option<WaitReason> },
    /// An attempt goes on.
    Running(Attempt),
    /// An attempt is over; whether another one follows is yet to be decided.
    Settling { state: AttemptState, infrastructure: bool },
    /// Another attempt follows once what it needs has been done again in a new workspace.
    AwaitRepeat { reason: WaitReason },
    /// Another attempt follows after a pause.
    Backoff { until: Elapsed, reason: WaitReason },
    /// It is over.
    Finished { end: TaskEnd, duration_ms: u64 },
}

/// An attempt that goes on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attempt {
    pub(super) number: u32,
    pub(super) since: Elapsed,
    pub(super) generation: u32,
    pub(super) waiting: Option<WaitReason>,
    pub(super) stopping: Option<Stopping>,
}

/// Why an attempt is being stopped.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stopping {
    pub(super) state: AttemptState,
    pub(super) cause: Cause,
}

impl TaskState {
    pub(super) fn new(task: &PlannedTask) -> Self {
        let missing = match task.section {
            Section::Stage(_) => task.needs.len() as u32 + u32::from(task.after.is_some()),
            Section::Finally => 0,
        };
        Self {
            missing,
            phase: TaskPhase::Pending,
            origin: None,
            kept: None,
            rank: 0,
            announced: false,
            logs: Vec::new(),
            filed: Filed::default(),
            started: None,
            ended: None,
            exit_code: None,
            cause: None,
            outputs: BTreeMap::new(),
            counted: None,
        }
    }

    /// The attempt that goes on, when it has this number.
    pub(super) fn running(&self, number: u32) -> Option<&Attempt> {
        match &self.phase {
            TaskPhase::Running(attempt) if attempt.number == number => Some(attempt),
            _ => None,
        }
    }

    /// How many attempts were made.
    pub(super) fn attempts(&self) -> u32 {
        self.logs.len() as u32
    }

    /// Where the result is from that the task shows, when it is from an earlier run: it was not done again here, and it was
    /// not left out.
    pub(super) fn reused(&self) -> Option<Reused> {
        let left_out = matches!(self.phase, TaskPhase::Finished { end: TaskEnd::Skipped, .. });
        self.origin.as_ref().filter(|_| self.counted.is_none() && !left_out).map(|origin| origin.at)
    }

    /// The workspace in which it did what it is known for, when it ran at all: the first one for what an earlier run did,
    /// since that one was left by it.
    pub(super) fn worked_in(&self) -> Option<u32> {
        match self.counted {
            Some(counted) => Some(counted.generation),
            None => self.reused().filter(|origin| origin.attempt > 0).map(|_| 1),
        }
    }

    /// The time from the start of the first attempt to the end of the last one.
    pub(super) fn duration_ms(&self) -> u64 {
        match (self.started, self.ended) {
            (Some(started), Some(ended)) => ended.as_millis().saturating_sub(started.elapsed.as_millis()),
            _ => 0,
        }
    }
}

impl TaskPhase {
    pub(super) fn status(&self) -> TaskStatus {
        match self {
            Self::Pending | Self::Concluded { .. } | Self::AskApproval | Self::WantSlot { reason: None } => {
                TaskStatus::Pending
            }
            Self::AwaitApproval { .. } | Self::WantSlot { .. } | Self::AwaitRepeat { .. } | Self::Backoff { .. } => {
                TaskStatus::Waiting
            }
            Self::Running(Attempt { waiting: Some(_), .. }) => TaskStatus::Waiting,
            Self::Running(_) | Self::Settling { .. } => TaskStatus::Running,
            Self::Finished { end, .. } => (*end).into(),
        }
    }

    /// The phase in messages.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Concluded { .. } => "about to end",
            Self::AskApproval => "about to ask a person",
            Self::AwaitApproval { .. } => "waiting for a person",
            Self::WantSlot { .. } => "waiting for a slot",
            Self::Running(_) => "running",
            Self::Settling { .. } => "between two attempts",
            Self::AwaitRepeat { .. } => "waiting for what it needs",
            Self::Backoff { .. } => "pausing before its next attempt",
            Self::Finished { .. } => "over",
        }
    }

    pub(super) fn waiting(&self) -> Option<&WaitReason> {
        match self {
            Self::AwaitApproval { reason, .. } | Self::WantSlot { reason } => reason.as_ref(),
            Self::Running(attempt) => attempt.waiting.as_ref(),
            Self::Backoff { reason, .. } | Self::AwaitRepeat { reason } => Some(reason),
            _ => None,
        }
    }
}

/// Whether the task needs what earlier tasks left in the workspace.
pub(super) fn needs_shared_workspace(task: &PlannedTask) -> bool {
    task.definition.workspace == WorkspaceUse::Shared && !matches!(task.action(), Action::Approve(_))
}
