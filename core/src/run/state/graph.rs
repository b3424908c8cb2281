//! Who waits for whom, turned around once so that an end finds its followers at once.

use std::collections::{BTreeSet, HashMap};

use super::Indexes;
use super::task::needs_shared_workspace;
use crate::pipeline::{Plan, Section, StageIndex, TaskId, TaskIndex};

/// What follows from a plan and never changes.
#[derive(Debug, PartialEq)]
pub(super) struct Graph {
    by_id: HashMap<TaskId, TaskIndex>,
    dependents: Vec<Vec<TaskIndex>>,
    after: Vec<Vec<TaskIndex>>,
    /// The first task of `finally`, or the number of tasks.
    pub(super) finally: TaskIndex,
}

impl Graph {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut dependents = vec![Vec::new(); plan.tasks.len()];
        let mut after = vec![Vec::new(); plan.stages.len()];
        for index in plan.indices() {
            let task = plan.task(index);
            if task.section == Section::Finally {
                continue;
            }
            for need in &task.needs {
                dependents[need.get()].push(index);
            }
            if let Some(stage) = task.after {
                after[stage.get()].push(index);
            }
        }
        let by_id = plan.indices().map(|index| (plan.task(index).id.clone(), index)).collect();
        Self { by_id, dependents, after, finally: TaskIndex(plan.finally().start) }
    }

    pub(super) fn index_of(&self, id: &TaskId) -> Option<TaskIndex> {
        self.by_id.get(id).copied()
    }

    /// The tasks that name this one in their needs.
    pub(super) fn dependents(&self, index: TaskIndex) -> &[TaskIndex] {
        &self.dependents[index.get()]
    }

    /// Marks these tasks and all that come after them.
    pub(super) fn with_followers(&self, plan: &Plan, tasks: impl IntoIterator<Item = TaskIndex>) -> Vec<bool> {
        let mut marked = vec![false; plan.tasks.len()];
        let mut open: Vec<_> = tasks.into_iter().collect();
        // All stages from this one on have been looked at.
        let mut looked_at = plan.stages.len() as u32;
        while let Some(index) = open.pop() {
            if std::mem::replace(&mut marked[index.get()], true) {
                continue;
            }
            open.extend_from_slice(self.dependents(index));
            if let Section::Stage(stage) = plan.task(index).section {
                (stage.0..looked_at).for_each(|stage| open.extend_from_slice(self.after(StageIndex(stage))));
                looked_at = looked_at.min(stage.0);
            }
        }
        marked
    }

    /// The tasks that wait for this stage to be complete.
    pub(super) fn after(&self, stage: StageIndex) -> &[TaskIndex] {
        &self.after[stage.get()]
    }
}

impl Indexes {
    pub(super) fn new(plan: &Plan, graph: &Graph) -> Self {
        let mut unsatisfied = vec![0; plan.stages.len()];
        let mut open_shared = 0;
        for task in &plan.tasks {
            if let Section::Stage(stage) = task.section {
                unsatisfied[stage.get()] += 1;
                open_shared += u32::from(needs_shared_workspace(task));
            }
        }
        let open = plan.tasks.len() as u32;
        let mut by_status = [0; 9];
        by_status[crate::run::TaskStatus::Pending as usize] = open;
        Self {
            pending: plan.indices().collect(),
            alive: BTreeSet::new(),
            wanting: BTreeSet::new(),
            running: BTreeSet::new(),
            agenda: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            by_status,
            open,
            open_stages: graph.finally.0,
            open_shared,
            unsatisfied,
            complete: 0,
        }
    }
}
