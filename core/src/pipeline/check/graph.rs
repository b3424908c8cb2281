//! The order of the tasks as the document has it, before matrices are unfolded.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::Broken;
use crate::pipeline::model::{Order, Pipeline, Stage, Task};
use crate::pipeline::name::{TaskName, is_stand_in};
use crate::pipeline::path::Path;
use crate::pipeline::problem::Findings;

/// A task and where it stands.
pub(in crate::pipeline) struct Spot<'a> {
    pub(in crate::pipeline) task: &'a Task,
    /// `None` in `finally`.
    pub(in crate::pipeline) stage: Option<usize>,
    pub(in crate::pipeline) at: usize,
}

impl Spot<'_> {
    pub(in crate::pipeline) fn path(&self) -> Path {
        match self.stage {
            Some(stage) => Path::root().key("stages").item(stage).key("tasks").item(self.at),
            None => Path::root().key("finally").item(self.at),
        }
    }
}

/// All tasks with what each waits for. Stages are nodes of their own, so that the edges stay few.
pub(in crate::pipeline) struct Outline<'a> {
    stages: &'a [Stage],
    spots: Vec<Spot<'a>>,
    by_name: HashMap<&'a str, usize>,
    needs: Vec<Vec<usize>>,
    /// The stage that must be complete, with those before it.
    after: Vec<Option<usize>>,
    /// The first task of the chain that leads here without a gap.
    chain: Vec<usize>,
    /// The range of each stage in `spots`.
    ranges: Vec<std::ops::Range<usize>>,
    /// A task with everything that comes before it: the last one asked about, since references come task by task.
    before_last: RefCell<Option<(usize, Vec<bool>)>>,
}

impl<'a> Outline<'a> {
    /// Finds the tasks and resolves their names; reports duplicate names and needs of nobody.
    pub(in crate::pipeline) fn of(pipeline: &'a Pipeline, broken: &Broken, findings: &mut Findings) -> Self {
        let mut outline = Self {
            stages: &pipeline.stages,
            spots: Vec::new(),
            by_name: HashMap::new(),
            needs: Vec::new(),
            after: Vec::new(),
            chain: Vec::new(),
            before_last: RefCell::default(),
            ranges: Vec::new(),
        };
        for (at, stage) in pipeline.stages.iter().enumerate() {
            let start = outline.spots.len();
            outline.add(Some(at), &stage.tasks, findings);
            outline.ranges.push(start..outline.spots.len());
        }
        outline.add(None, &pipeline.finally, findings);
        outline.connect(broken, findings);
        outline
    }

    fn add(&mut self, stage: Option<usize>, tasks: &'a [Task], findings: &mut Findings) {
        for (at, task) in tasks.iter().enumerate() {
            let index = self.spots.len();
            let spot = Spot { task, stage, at };
            if !is_stand_in(task.name.as_str()) {
                match self.by_name.entry(task.name.as_str()) {
                    std::collections::hash_map::Entry::Vacant(entry) => {
                        entry.insert(index);
                    }
                    std::collections::hash_map::Entry::Occupied(first) => {
                        let first = self.spots[*first.get()].path();
                        let message =
                            format!("there is a task {:?} already, {first}; names are unique in a pipeline", task.name);
                        findings.report(spot.path().key("name"), message);
                    }
                }
            }
            self.spots.push(spot);
        }
    }

    fn connect(&mut self, broken: &Broken, findings: &mut Findings) {
        for index in 0..self.spots.len() {
            let spot = &self.spots[index];
            let (needs, after) = match (spot.stage, &spot.task.needs) {
                (None, _) if spot.at > 0 => (vec![index - 1], None),
                (None, _) => (Vec::new(), self.stages.len().checked_sub(1)),
                (Some(_), Some(needs)) => (self.resolve(spot, needs, broken, findings), None),
                (Some(stage), None) => {
                    let chained = self.stages[stage].order == Order::Sequential && spot.at > 0;
                    (if chained { vec![index - 1] } else { Vec::new() }, stage.checked_sub(1))
                }
            };
            let chained = spot.at > 0 && needs == [index - 1] && (spot.stage.is_none() || spot.task.needs.is_none());
            self.chain.push(if chained { self.chain[index - 1] } else { index });
            self.needs.push(needs);
            self.after.push(after);
        }
    }

    fn resolve(&self, spot: &Spot<'_>, needs: &[TaskName], broken: &Broken, findings: &mut Findings) -> Vec<usize> {
        let mut found = Vec::with_capacity(needs.len());
        let mut seen = HashSet::new();
        for (at, name) in needs.iter().enumerate() {
            let path = || spot.path().key("needs").item(at);
            match self.by_name.get(name.as_str()) {
                Some(index) if !seen.insert(*index) => findings.report(path(), format!("{name:?} is named twice")),
                Some(index) if self.spots[*index].stage.is_none() => {
                    findings.report(path(), format!("{name:?} is a task of finally, which runs after all stages"));
                }
                Some(index) => found.push(*index),
                None if is_stand_in(name.as_str()) || broken.tasks.contains(name.as_str()) => {}
                None => {
                    findings.report_unknown(path(), format!("there is no task {name:?}"), name.as_str(), self.names())
                }
            }
        }
        found
    }

    /// All tasks in the order of the document.
    pub(in crate::pipeline) fn spots(&self) -> &[Spot<'a>] {
        &self.spots
    }

    /// The tasks and the stage for which a task waits.
    pub(in crate::pipeline) fn waits_for(&self, index: usize) -> (&[usize], Option<usize>) {
        (&self.needs[index], self.after[index])
    }

    /// The task of a name.
    pub(in crate::pipeline) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The names of all tasks.
    pub(in crate::pipeline) fn names(&self) -> impl Iterator<Item = &str> {
        self.spots.iter().map(|spot| spot.task.name.as_str())
    }

    /// Tasks come first among the nodes, then the stages, which stand for "complete".
    fn stage_node(&self, stage: usize) -> usize {
        self.spots.len() + stage
    }

    fn nodes(&self) -> usize {
        self.spots.len() + self.stages.len()
    }

    /// What must be over before this node is.
    fn before(&self, node: usize) -> Vec<usize> {
        if let Some(stage) = node.checked_sub(self.spots.len()) {
            let earlier = stage.checked_sub(1).map(|stage| self.stage_node(stage));
            return self.ranges[stage].clone().chain(earlier).collect();
        }
        let after = self.after[node].map(|stage| self.stage_node(stage));
        self.needs[node].iter().copied().chain(after).collect()
    }

    /// Whether `first` is over whenever `second` starts.
    pub(in crate::pipeline) fn comes_before(&self, first: usize, second: usize) -> bool {
        if let (Some(stage), Some(after)) = (self.spots[first].stage, self.after[second])
            && stage <= after
        {
            return true;
        }
        if (self.chain[second]..second).contains(&first) {
            return true;
        }
        let mut last = self.before_last.borrow_mut();
        match &*last {
            Some((task, before)) if *task == second => before[first],
            _ => last.insert((second, self.all_before(second))).1[first],
        }
    }

    fn all_before(&self, task: usize) -> Vec<bool> {
        let mut seen = vec![false; self.nodes()];
        let mut open = vec![task];
        while let Some(node) = open.pop() {
            for before in self.before(node) {
                if !std::mem::replace(&mut seen[before], true) {
                    open.push(before);
                }
            }
        }
        seen
    }

    /// Reports tasks that wait for one another in a circle, each circle once.
    pub(in crate::pipeline) fn report_cycles(&self, findings: &mut Findings) {
        let mut state = vec![Mark::New; self.nodes()];
        for start in 0..self.spots.len() {
            self.search(start, &mut state, findings);
        }
    }

    /// A search in depth without recursion: chains may be as long as the document.
    fn search(&self, start: usize, state: &mut [Mark], findings: &mut Findings) {
        if state[start] != Mark::New {
            return;
        }
        state[start] = Mark::Open;
        let mut trail: Vec<(usize, Vec<usize>)> = vec![(start, self.before(start))];
        while let Some((node, rest)) = trail.last_mut() {
            let Some(next) = rest.pop() else {
                state[*node] = Mark::Done;
                trail.pop();
                continue;
            };
            match state[next] {
                Mark::Done => {}
                Mark::New => {
                    state[next] = Mark::Open;
                    trail.push((next, self.before(next)));
                }
                Mark::Open => {
                    let from = trail.iter().position(|(node, _)| *node == next).unwrap_or(0);
                    let circle: Vec<usize> = trail[from..].iter().map(|(node, _)| *node).collect();
                    self.report_circle(&circle, findings);
                }
            }
        }
    }

    fn report_circle(&self, circle: &[usize], findings: &mut Findings) {
        let is_explicit = |node: &&usize| **node < self.spots.len() && self.spots[**node].task.needs.is_some();
        let Some(blamed) = circle.iter().find(is_explicit) else { return };
        let start = circle.iter().position(|node| node == blamed).unwrap_or(0);
        let turn = circle[start..].iter().chain(&circle[..start]).chain([blamed]);
        let names: Vec<String> = turn.map(|node| self.node_name(*node)).collect();
        let shown = if names.len() > 12 {
            format!("{} → … → {}", names[..6].join(" → "), names[names.len() - 5..].join(" → "))
        } else {
            names.join(" → ")
        };
        let message = format!("these wait for one another in a circle: {shown}; take one of the needs out");
        findings.report(self.spots[*blamed].path().key("needs"), message);
    }

    fn node_name(&self, node: usize) -> String {
        match node.checked_sub(self.spots.len()) {
            Some(stage) => format!("stage {}", self.stages[stage].name),
            None => self.spots[node].task.name.to_string(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}
