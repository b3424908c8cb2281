//! Running again from where an earlier run failed: what the new run copies of it, and what of the old one is kept for that.

use std::time::Duration;

use super::event::RunEvent;
use super::id::RunId;
use super::outcome::{Reused, RunEnd, TaskEnd, TaskStatus};
use super::state::{RunState, TaskView};
use crate::pipeline::{Section, TaskName};

/// What a new run of the same plan does again. `finally` is always done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReuseFrom {
    /// What did not end well: failed, lost and cancelled tasks, those that took too long, and those that never started.
    Failed,
    /// This task, with all instances of its matrix, what comes after it, and what did not end well.
    Task(TaskName),
    /// Everything that left something in the shared workspace, what comes after it, and what did not end well: for a new run
    /// that starts with an empty workspace.
    Workspace,
}

/// Why a run cannot be run again in such a way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RerunRefusal {
    /// It goes on.
    #[error("run {run} has not ended yet: wait for its end, or cancel it first")]
    Unfinished {
        /// The run.
        run: RunId,
    },
    /// There is no failed task to go on from.
    #[error("run {run} succeeded, and nothing in it failed: run it again as it was, or from a task that you name")]
    NothingFailed {
        /// The run.
        run: RunId,
    },
    /// There is nothing to copy.
    #[error("run {run} was cancelled before any of its tasks started: run it again as it was")]
    NothingStarted {
        /// The run.
        run: RunId,
    },
    /// There is no such task.
    #[error("run {run} has no task {:?}: `windlass show {run}` lists them", task.as_str())]
    NoSuchTask {
        /// The run.
        run: RunId,
        /// The name.
        task: TaskName,
    },
}

impl RerunRefusal {
    /// The stable code of the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unfinished { .. } => "runUnfinished",
            Self::NothingFailed { .. } => "nothingFailed",
            Self::NothingStarted { .. } => "nothingStarted",
            Self::NoSuchTask { .. } => "noSuchTask",
        }
    }
}

/// What a new run of the same plan copies of this one: a [`RunEvent::TaskReused`] for each task that is not done again, in
/// the order of the plan, and at the end the commit when its checkout is among them. A task that was copied itself keeps the run and the attempt in which it was really done.
///
/// # Errors
/// When the run has not ended, or has no such task. [`ReuseFrom::Failed`] and [`ReuseFrom::Workspace`] also refuse a run that
/// succeeded, and one that was cancelled before anything started.
pub fn reuse(state: &RunState, mode: &ReuseFrom) -> Result<Vec<RunEvent>, RerunRefusal> {
    let run = state.run();
    let Some(end) = state.ended() else { return Err(RerunRefusal::Unfinished { run }) };
    let again = match mode {
        ReuseFrom::Task(task) => {
            let named: Vec<_> = state.tasks().filter(|view| view.planned().name == *task).collect();
            if named.is_empty() {
                return Err(RerunRefusal::NoSuchTask { run, task: task.clone() });
            }
            state.with_followers(named.iter().map(TaskView::index))
        }
        _ if end == RunEnd::Succeeded => return Err(RerunRefusal::NothingFailed { run }),
        _ if end == RunEnd::Cancelled && nothing_started(state) => return Err(RerunRefusal::NothingStarted { run }),
        ReuseFrom::Failed => vec![false; state.plan().tasks.len()],
        ReuseFrom::Workspace => {
            let left = state.tasks().filter(|view| view.left_work_in().is_some());
            state.with_followers(left.map(|view| view.index()))
        }
    };
    let copied = state.tasks().filter(|view| !again[view.index().get()]);
    let mut events: Vec<_> = copied.filter_map(|view| Some(reused(run, &view, reusable(&view)?))).collect();
    // A checkout that is done again finds its commit by itself.
    if let Some((commit, task)) = state.found_commit()
        && events.iter().any(|event| event.task() == Some(task))
    {
        events.push(RunEvent::CommitFound { task: task.clone(), commit: commit.clone() });
    }
    Ok(events)
}

/// The first task whose work in the shared workspace a run counts on that copies these events: it must start with the
/// workspace as this run left it. `None` when an empty one will do.
pub fn counts_on_workspace(state: &RunState, copied: &[RunEvent]) -> Option<TaskName> {
    let indices = copied.iter().filter_map(|event| state.index_of(event.task()?));
    let mut views = indices.map(|index| state.task(index));
    views.find(|view| view.left_work_in().is_some()).map(|view| view.planned().name.clone())
}

/// When the workspace is gone: the task from which to repeat so that it is filled again. The first task in the order of the
/// plan that ran in the shared workspace and succeeded; `None` when there is none.
pub fn first_to_repeat(state: &RunState) -> Option<TaskName> {
    let filled = |view: &TaskView<'_>| view.status() == TaskStatus::Succeeded && view.left_work_in().is_some();
    stages(state).find(filled).map(|view| view.planned().name.clone())
}

/// The generation of the workspace that is kept when the run has ended, and how long: it failed or took too long, its
/// pipeline wants the workspace kept, and all the work is in it that a run from the failed task on counts on. A workspace
/// that only replaced a lost one has not got that.
pub fn keeps_workspace(state: &RunState) -> Option<(u32, Duration)> {
    let keep = state.plan().keep_workspace;
    let failed = matches!(state.ended(), Some(RunEnd::Failed | RunEnd::TimedOut));
    let generation = state.workspace_at_hand().filter(|_| failed && !keep.is_zero())?;
    let counted = stages(state).filter(|view| reusable(view).is_some());
    let mut work = counted.filter_map(|view| view.left_work_in()).peekable();
    let whole = match work.peek() {
        Some(_) => work.all(|done_in| done_in == generation),
        None => generation == 1 && state.workspace_ready(),
    };
    whole.then_some((generation, keep))
}

fn stages(state: &RunState) -> impl Iterator<Item = TaskView<'_>> {
    state.tasks().filter(|view| view.planned().section != Section::Finally)
}

fn nothing_started(state: &RunState) -> bool {
    stages(state).all(|view| view.status() == TaskStatus::Skipped)
}

/// How the task ended, when that is good enough to count in another run.
fn reusable(view: &TaskView<'_>) -> Option<TaskEnd> {
    let allowed = view.planned().allow_failure();
    match view.status() {
        _ if view.planned().section == Section::Finally => None,
        TaskStatus::Succeeded => Some(TaskEnd::Succeeded),
        TaskStatus::Failed if allowed => Some(TaskEnd::Failed),
        TaskStatus::TimedOut if allowed => Some(TaskEnd::TimedOut),
        TaskStatus::Lost if allowed => Some(TaskEnd::Lost),
        _ => None,
    }
}

fn reused(run: RunId, view: &TaskView<'_>, state: TaskEnd) -> RunEvent {
    let here = || Reused { run, attempt: view.counted_attempt() };
    let Reused { run: from, attempt } = view.reused().unwrap_or_else(here);
    RunEvent::TaskReused {
        task: view.id().clone(),
        from,
        attempt,
        state,
        exit_code: view.exit_code(),
        cause: view.cause().cloned(),
        outputs: view.outputs().clone(),
    }
}
