//! The run machine: one run as what its events add up to.
//!
//! The driver calls [`RunState::settle`] with everything that it learns, commits the events that come back, and then
//! carries out [`RunState::effects`]. Between two inputs nothing is due: a state that was rebuilt from a part of a history
//! says by itself what comes next, so that a crash between two events is no special case.

mod apply;
mod causes;
mod commit;
mod condition;
mod decide;
mod due;
mod effects;
mod filed;
mod graph;
mod halt;
mod illegal;
mod input;
mod policy;
mod repeat;
mod reuse;
mod task;
mod task_events;
mod transition;
mod view;
mod workspace;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use self::commit::FoundCommit;
use self::graph::Graph;
use self::halt::{Drain, Halt, Verdict};
use self::repeat::Repeat;
use self::task::{TaskPhase, TaskState};
use self::workspace::{LostGeneration, Workspace};
use super::event::RunEvent;
use super::id::RunId;
use super::machine::Input;
use super::outcome::{Cause, RunEnd, RunStatus};
use super::time::{Elapsed, Now};
use crate::pipeline::{Plan, StageIndex, TaskIndex};

pub use self::causes::code;
pub use self::effects::MAX_SLOT_REQUESTS;
pub use self::illegal::{IllegalReason, IllegalTransition};
pub use self::view::{Counts, LogPosition, TaskView};

/// One run: its plan, and what its events add up to. The same plan and events give the same value.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    run: RunId,
    plan: Arc<Plan>,
    graph: Arc<Graph>,
    number: u64,
    phase: RunPhase,
    queued: Option<Now>,
    started: Option<Now>,
    finished: Option<Now>,
    tasks: Vec<TaskState>,
    commit: Option<FoundCommit>,
    workspace: Workspace,
    /// The newest workspace that was lost: attempts in it, or in an older one, are lost with it.
    lost: Option<LostGeneration>,
    /// What is done again in a new workspace.
    repeat: Option<Repeat>,
    /// Set once the stages do not go on as planned.
    drain: Option<Drain>,
    /// Set once `finally` does not go on as planned.
    finally_halt: Option<Halt>,
    /// How the run will end, once something other than success is certain. The first one stays.
    verdict: Option<Verdict>,
    cancels: u32,
    busy: BusyClock,
    index: Indexes,
}

/// Where the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunPhase {
    /// Before the first event.
    New,
    Queued,
    Stages,
    Finally {
        since: Elapsed,
        /// Whether the workspace that is made now is the last one that is tried.
        last_chance: bool,
    },
    Ended(RunEnd),
    Released(RunEnd),
}

impl RunPhase {
    fn word(self) -> &'static str {
        match self {
            Self::New => "not queued yet",
            Self::Queued => "queued",
            Self::Stages => "running",
            Self::Finally { .. } => "in finally",
            Self::Ended(_) => "finished",
            Self::Released(_) => "released",
        }
    }

    fn is_live(self) -> bool {
        matches!(self, Self::Stages | Self::Finally { .. })
    }
}

/// The time in which at least one task of the stages was running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct BusyClock {
    spent: Duration,
    since: Option<Elapsed>,
    active: u32,
}

/// Sets and counters kept beside the tasks, so that no question needs a look at all of them.
#[derive(Clone, Debug, PartialEq)]
struct Indexes {
    /// Tasks that cannot start yet.
    pending: BTreeSet<TaskIndex>,
    /// Tasks that are neither pending nor over.
    alive: BTreeSet<TaskIndex>,
    /// Tasks that want a slot.
    wanting: BTreeSet<TaskIndex>,
    /// Tasks with an attempt that goes on.
    running: BTreeSet<TaskIndex>,
    /// Tasks for which an event is due now.
    agenda: BTreeSet<TaskIndex>,
    /// Moments at which an event becomes due.
    deadlines: BTreeSet<(Elapsed, TaskIndex)>,
    /// How many tasks have each status.
    by_status: [u32; 9],
    /// Tasks that are not over.
    open: u32,
    /// Tasks of the stages that are not over.
    open_stages: u32,
    /// Of these, the ones that are done here and need what earlier tasks left in the workspace.
    open_shared: u32,
    /// For each stage, its tasks that do not satisfy those who wait.
    unsatisfied: Vec<u32>,
    /// How many stages are complete, from the first one on.
    complete: u32,
}

impl RunState {
    /// A run before its first event.
    pub fn new(run: RunId, plan: Arc<Plan>) -> Self {
        let graph = Graph::new(&plan);
        let tasks = plan.tasks.iter().map(TaskState::new).collect::<Vec<_>>();
        let index = Indexes::new(&plan, &graph);
        Self {
            run,
            plan,
            graph: Arc::new(graph),
            number: 0,
            phase: RunPhase::New,
            queued: None,
            started: None,
            finished: None,
            tasks,
            commit: None,
            workspace: Workspace::None,
            lost: None,
            repeat: None,
            drain: None,
            finally_halt: None,
            verdict: None,
            cancels: 0,
            busy: BusyClock::default(),
            index,
        }
    }

    /// Decides and applies until nothing more is due, and returns all events in order. They must be committed together,
    /// before anything acts on the state; when that fails, the state is ahead of its history and must be built again.
    pub fn settle(&mut self, input: Input, now: Now) -> Result<Vec<RunEvent>, IllegalTransition> {
        let ticks = input == Input::Tick;
        let mut all = Vec::new();
        let mut events = self.decide(input, now);
        while !events.is_empty() {
            for event in &events {
                self.apply(now, event)?;
            }
            all.extend(events);
            events = self.due_events(now, ticks);
        }
        Ok(all)
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The run's id.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The run's number in its pipeline; 0 before the first event.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What a listing shows.
    pub fn status(&self) -> RunStatus {
        match self.phase {
            RunPhase::New | RunPhase::Queued => RunStatus::Queued,
            RunPhase::Stages | RunPhase::Finally { .. } => RunStatus::Running,
            RunPhase::Ended(end) | RunPhase::Released(end) => end.into(),
        }
    }

    /// How it ended, once it has.
    pub fn ended(&self) -> Option<RunEnd> {
        match self.phase {
            RunPhase::Ended(end) | RunPhase::Released(end) => Some(end),
            _ => None,
        }
    }

    /// Whether what the executor held is freed. Nothing comes after that.
    pub fn is_released(&self) -> bool {
        matches!(self.phase, RunPhase::Released(_))
    }

    /// When it was queued.
    pub fn queued(&self) -> Option<Now> {
        self.queued
    }

    /// When the queue let it go.
    pub fn started(&self) -> Option<Now> {
        self.started
    }

    /// When it ended.
    pub fn finished(&self) -> Option<Now> {
        self.finished
    }

    /// Why it does not succeed, as soon as that is certain.
    pub fn cause(&self) -> Option<&Cause> {
        self.verdict.as_ref().map(|verdict| &verdict.cause)
    }

    /// What `$WINDLASS_STATUS` says: the state that the run will have as soon as that is certain, which it is in `finally`;
    /// `running` before that.
    pub fn windlass_status(&self) -> &'static str {
        let certain =
            self.verdict.is_some() || !matches!(self.phase, RunPhase::New | RunPhase::Queued | RunPhase::Stages);
        if certain { RunStatus::from(self.outcome()).as_str() } else { RunStatus::Running.as_str() }
    }

    /// Whether somebody wants it to end, and it has not yet.
    pub fn is_cancelling(&self) -> bool {
        self.cancels > 0 && self.ended().is_none()
    }

    /// The newest workspace: 1 for the first one, 0 before the run starts.
    pub fn generation(&self) -> u32 {
        self.workspace.generation()
    }

    /// Whether that workspace is there.
    pub fn workspace_ready(&self) -> bool {
        matches!(self.workspace, Workspace::Ready { .. })
    }

    fn outcome(&self) -> RunEnd {
        self.ended().or(self.verdict.as_ref().map(|verdict| verdict.end)).unwrap_or(RunEnd::Succeeded)
    }

    fn phase_of(&self, index: TaskIndex) -> &TaskPhase {
        &self.tasks[index.get()].phase
    }

    /// The stage of a task; `None` in `finally`.
    fn stage_of(&self, index: TaskIndex) -> Option<StageIndex> {
        match self.plan.task(index).section {
            crate::pipeline::Section::Stage(stage) => Some(stage),
            crate::pipeline::Section::Finally => None,
        }
    }
}
