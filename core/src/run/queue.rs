//! Which runs may start, and which tasks get a slot. Pure: the caller says what waits and what goes on.

mod group;
mod kept;
mod line;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque};

use super::id::RunId;
use super::outcome::WaitReason;
use crate::pipeline::{PipelineName, PlannedConcurrency};

pub use self::kept::{Admitted, RunQueue};

/// A run that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedRun {
    /// The run.
    pub run: RunId,
    /// Its pipeline: runs of one pipeline with the same priority start in order.
    pub pipeline: PipelineName,
    /// Higher goes first. A lower one waits as long as higher ones could start.
    pub priority: i32,
    /// Its group.
    pub concurrency: Option<PlannedConcurrency>,
}

/// A run that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveRun {
    /// The run.
    pub run: RunId,
    /// Its pipeline.
    pub pipeline: PipelineName,
    /// Its group's text.
    pub group: Option<String>,
    /// Whether it is being cancelled already. It takes up its place until it has ended.
    pub cancelling: bool,
}

/// How much may go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Runs at once.
    pub runs: usize,
    /// Runs of one pipeline at once.
    pub per_pipeline: Option<usize>,
}

/// Why a run waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueReason {
    /// As many runs as may go on at once do.
    Runs,
    /// As many runs of the pipeline as may go on at once do.
    Pipeline,
    /// Its concurrency group is full.
    Group,
}

impl QueueReason {
    /// The reason for people.
    pub fn reason(self) -> WaitReason {
        match self {
            Self::Runs => WaitReason::new("runLimit", "as many runs as may go on at once do"),
            Self::Pipeline => WaitReason::new("pipelineLimit", "as many runs of this pipeline as may go on at once do"),
            Self::Group => WaitReason::new("concurrency", "its concurrency group is full"),
        }
    }
}

/// What becomes of the waiting runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// These start now, in this order.
    pub start: Vec<RunId>,
    /// These make room for newer ones of their group (`cancelOlder`): waiting or going on.
    pub cancel: Vec<RunId>,
    /// These are refused, since their group is full (`reject`).
    pub reject: Vec<RunId>,
    /// These go on waiting.
    pub waiting: Vec<(RunId, QueueReason)>,
}

/// Decides which of the waiting runs start: the rule, over all of them at once. [`RunQueue`] keeps to it and touches less.
/// Both lists are oldest first. Higher priorities go first; among equal ones the
/// pipeline with the fewest runs, then the oldest run.
pub fn admit(waiting: &[QueuedRun], running: &[ActiveRun], limits: &RunLimits) -> Admission {
    let mut admission = Admission::default();
    settle_conflicts(waiting, running, &mut admission);
    let gone = admission.cancel.iter().chain(&admission.reject).copied().collect::<HashSet<_>>();
    let mut levels = BTreeMap::<Reverse<i32>, Vec<(usize, &QueuedRun)>>::new();
    for (age, queued) in waiting.iter().enumerate().filter(|(_, queued)| !gone.contains(&queued.run)) {
        levels.entry(Reverse(queued.priority)).or_default().push((age, queued));
    }
    let mut room = Room::new(running, *limits);
    for level in levels.into_values() {
        admit_level(&level, &mut room, &mut admission);
    }
    admission
}

/// What is taken so far.
struct Room<'a> {
    limits: RunLimits,
    runs: usize,
    pipelines: HashMap<&'a PipelineName, usize>,
    groups: HashMap<&'a str, usize>,
}

impl<'a> Room<'a> {
    fn new(running: &'a [ActiveRun], limits: RunLimits) -> Self {
        let mut room = Self { limits, runs: running.len(), pipelines: HashMap::new(), groups: HashMap::new() };
        for active in running {
            *room.pipelines.entry(&active.pipeline).or_default() += 1;
            if let Some(group) = &active.group {
                *room.groups.entry(group).or_default() += 1;
            }
        }
        room
    }

    fn of_pipeline(&self, pipeline: &PipelineName) -> usize {
        self.pipelines.get(pipeline).copied().unwrap_or_default()
    }

    /// Why this run cannot start now.
    fn refuses(&self, queued: &QueuedRun) -> Option<QueueReason> {
        if self.runs >= self.limits.runs {
            return Some(QueueReason::Runs);
        }
        if self.limits.per_pipeline.is_some_and(|limit| self.of_pipeline(&queued.pipeline) >= limit) {
            return Some(QueueReason::Pipeline);
        }
        let group = queued.concurrency.as_ref()?;
        let taken = self.groups.get(group.group.as_str()).copied().unwrap_or_default();
        (taken >= group.limit as usize).then_some(QueueReason::Group)
    }

    fn take(&mut self, queued: &'a QueuedRun) {
        self.runs += 1;
        *self.pipelines.entry(&queued.pipeline).or_default() += 1;
        if let Some(concurrency) = &queued.concurrency {
            *self.groups.entry(&concurrency.group).or_default() += 1;
        }
    }
}

/// The waiting runs of one priority: the pipelines take turns, and each run is looked at once.
fn admit_level<'a>(level: &[(usize, &'a QueuedRun)], room: &mut Room<'a>, admission: &mut Admission) {
    let mut lines = HashMap::<&PipelineName, VecDeque<(usize, &'a QueuedRun)>>::new();
    for &(age, queued) in level {
        lines.entry(&queued.pipeline).or_default().push_back((age, queued));
    }
    let turn = |line: &VecDeque<(usize, &'a QueuedRun)>, room: &Room<'_>| {
        line.front().map(|(age, queued)| Reverse((room.of_pipeline(&queued.pipeline), *age, &queued.pipeline)))
    };
    let mut turns = lines.values().filter_map(|line| turn(line, room)).collect::<BinaryHeap<_>>();
    while let Some(Reverse((_, _, pipeline))) = turns.pop() {
        let Some(line) = lines.get_mut(pipeline) else { continue };
        let Some((_, queued)) = line.pop_front() else { continue };
        match room.refuses(queued) {
            Some(reason) => admission.waiting.push((queued.run, reason)),
            None => {
                room.take(queued);
                admission.start.push(queued.run);
            }
        }
        turns.extend(turn(line, room));
    }
}

/// What `cancelOlder` and `reject` say about full groups.
fn settle_conflicts(waiting: &[QueuedRun], running: &[ActiveRun], admission: &mut Admission) {
    let mut groups = BTreeMap::<&str, (VecDeque<group::Member>, Vec<&QueuedRun>)>::new();
    for active in running {
        if let Some(group) = &active.group {
            groups.entry(group).or_default().0.push_back((active.run, active.cancelling));
        }
    }
    for queued in waiting {
        if let Some(concurrency) = &queued.concurrency {
            groups.entry(&concurrency.group).or_default().1.push(queued);
        }
    }
    let age: HashMap<_, _> = waiting.iter().enumerate().map(|(age, queued)| (queued.run, age)).collect();
    let mut cancel = Vec::new();
    for (members, waiting) in groups.into_values() {
        group::settle(members, waiting.into_iter(), &mut cancel, &mut admission.reject);
    }
    // In the order in which the runs came that make the others go.
    cancel.sort_by_key(|(newer, _)| age[newer]);
    admission.reject.sort_by_key(|run| age[run]);
    admission.cancel = cancel.into_iter().map(|(_, older)| older).collect();
}

/// Shares free slots between runs: one by one to the run that holds the fewest, the earlier one in the list among equals.
/// The list has what each run wants and what it holds; the answer what each gets, in the same order, without zeros.
pub fn grant(free: usize, wanting: &[(RunId, usize, usize)]) -> Vec<(RunId, usize)> {
    let mut given = vec![0; wanting.len()];
    let wants =
        |(at, (_, wanted, held)): (usize, &(RunId, usize, usize))| (*wanted > 0).then_some(Reverse((*held, at)));
    let mut turns = wanting.iter().enumerate().filter_map(wants).collect::<BinaryHeap<_>>();
    for _ in 0..free {
        let Some(Reverse((held, at))) = turns.pop() else { break };
        given[at] += 1;
        if given[at] < wanting[at].1 {
            turns.push(Reverse((held + 1, at)));
        }
    }
    wanting.iter().zip(given).filter(|(_, given)| *given > 0).map(|((run, _, _), given)| (*run, given)).collect()
}
