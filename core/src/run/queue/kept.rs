//! A queue that is kept from one decision to the next. It decides what [`admit`](super::admit) decides over all runs, and
//! touches only what a change concerns: the pipeline of the run, its group, and those who can start now.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::group::{Group, Member, settle};
use super::line::{Line, Place};
use super::{ActiveRun, QueueReason, QueuedRun, RunLimits};
use crate::pipeline::{PipelineName, PlannedConcurrency};
use crate::run::RunId;

/// What becomes of waiting runs, as far as something does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// These start now, in this order.
    pub start: Vec<RunId>,
    /// These make room for newer ones of their group (`cancelOlder`): waiting or going on. Each is told once.
    pub cancel: Vec<RunId>,
    /// These are refused, since their group is full (`reject`).
    pub reject: Vec<RunId>,
}

/// Who waits and who goes on. Older runs have smaller ids.
#[derive(Clone, Debug)]
pub struct RunQueue {
    limits: RunLimits,
    waiting: BTreeMap<RunId, QueuedRun>,
    active: BTreeMap<RunId, ActiveRun>,
    pipelines: HashMap<PipelineName, Pipeline>,
    groups: HashMap<String, Group>,
    /// For each priority the next run of each pipeline that could start if only the limit of all runs let it: by how many
    /// runs its pipeline has, then by age.
    next: BTreeMap<Reverse<i32>, BTreeSet<(usize, RunId)>>,
    /// Groups that changed since their conflicts were settled.
    changed: BTreeSet<String>,
    #[cfg(test)]
    pub(in crate::run) looks: u64,
}

/// The runs of a pipeline.
#[derive(Clone, Debug, Default)]
struct Pipeline {
    active: usize,
    /// Those that wait, by priority.
    lines: BTreeMap<i32, Line>,
}

impl RunQueue {
    /// An empty queue.
    pub fn new(limits: RunLimits) -> Self {
        Self {
            limits,
            waiting: BTreeMap::new(),
            active: BTreeMap::new(),
            pipelines: HashMap::new(),
            groups: HashMap::new(),
            next: BTreeMap::new(),
            changed: BTreeSet::new(),
            #[cfg(test)]
            looks: 0,
        }
    }

    /// Puts a run at its place among those that wait.
    pub fn enter(&mut self, queued: QueuedRun) {
        self.finished(queued.run);
        let run = queued.run;
        let place = Place::of(&queued);
        if let Some(concurrency) = &queued.concurrency {
            let group = self.groups.entry(concurrency.group.clone()).or_default();
            group.enter(run, concurrency, (&queued.pipeline, queued.priority));
            self.changed.insert(concurrency.group.clone());
        }
        let has_room = self.group_has_room(&place);
        let pipeline = self.pipelines.entry(queued.pipeline.clone()).or_default();
        pipeline.lines.entry(queued.priority).or_default().enter(run, place, has_room);
        self.show(&queued.pipeline, queued.priority);
        self.waiting.insert(run, queued);
    }

    /// Counts a run that goes on already, as after a crash.
    pub fn resume(&mut self, active: ActiveRun) {
        self.finished(active.run);
        self.pipelines.entry(active.pipeline.clone()).or_default().active += 1;
        self.show_all(&active.pipeline);
        if let Some(name) = &active.group {
            let group = self.groups.entry(name.clone()).or_default();
            group.active.insert(active.run);
            let closed = group.lines_with_limit(group.active.len());
            self.turn(name, &closed, false);
        }
        self.active.insert(active.run, active);
    }

    /// Takes out a run that is over, wherever it is.
    pub fn finished(&mut self, run: RunId) {
        self.leave(run);
        let Some(active) = self.active.remove(&run) else { return };
        if let Some(pipeline) = self.pipelines.get_mut(&active.pipeline) {
            pipeline.active -= 1;
        }
        self.show_all(&active.pipeline);
        if let Some(name) = &active.group
            && let Some(group) = self.groups.get_mut(name)
        {
            let opened = group.lines_with_limit(group.active.len());
            group.active.remove(&run);
            self.turn(name, &opened, true);
        }
        self.tidy(&active.pipeline, active.group.as_deref());
    }

    /// Who may go now, and who must go. They count as running, and as gone, from here on.
    pub fn admit(&mut self) -> Admitted {
        let mut admitted = Admitted::default();
        self.settle_conflicts(&mut admitted);
        while self.active.len() < self.limits.runs {
            let Some(run) = self.next.values().find_map(|level| level.first()).map(|(_, run)| *run) else { break };
            let Some(queued) = self.leave(run) else { break };
            let group = queued.concurrency.map(|concurrency| concurrency.group);
            self.resume(ActiveRun { run, pipeline: queued.pipeline, group, cancelling: false });
            admitted.start.push(run);
        }
        admitted
    }

    /// Why a run waits. `None` when it does not wait, and when it will start as soon as somebody asks.
    pub fn reason(&self, run: RunId) -> Option<QueueReason> {
        let queued = self.waiting.get(&run)?;
        if self.active.len() >= self.limits.runs {
            return Some(QueueReason::Runs);
        }
        if !self.pipeline_has_room(&queued.pipeline) {
            return Some(QueueReason::Pipeline);
        }
        (!self.group_has_room(&Place::of(queued))).then_some(QueueReason::Group)
    }

    /// Whether a new run of this group would find no room, now.
    pub fn is_full(&self, concurrency: &PlannedConcurrency) -> bool {
        let members = self.groups.get(&concurrency.group).map_or(0, Group::members);
        members >= concurrency.limit as usize
    }

    /// Whether the run waits.
    pub fn is_waiting(&self, run: RunId) -> bool {
        self.waiting.contains_key(&run)
    }

    /// The runs that go on, oldest first.
    pub fn going(&self) -> impl Iterator<Item = RunId> {
        self.active.keys().copied()
    }

    /// How many runs wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many runs go on.
    pub fn active(&self) -> usize {
        self.active.len()
    }

    /// Takes out a run that waits.
    fn leave(&mut self, run: RunId) -> Option<QueuedRun> {
        let queued = self.waiting.remove(&run)?;
        let place = Place::of(&queued);
        let has_room = self.group_has_room(&place);
        let mut last_of_its_place = false;
        if let Some(line) = self.pipelines.get_mut(&queued.pipeline).and_then(|p| p.lines.get_mut(&queued.priority)) {
            last_of_its_place = line.leave(run, &place, has_room);
        }
        self.show(&queued.pipeline, queued.priority);
        if let Some(concurrency) = &queued.concurrency
            && let Some(group) = self.groups.get_mut(&concurrency.group)
        {
            group.leave(run, last_of_its_place.then_some((concurrency.limit, &queued.pipeline, queued.priority)));
            self.changed.insert(concurrency.group.clone());
        }
        self.tidy(&queued.pipeline, queued.concurrency.as_ref().map(|concurrency| concurrency.group.as_str()));
        Some(queued)
    }

    /// What `cancelOlder` and `reject` say about groups that changed.
    fn settle_conflicts(&mut self, admitted: &mut Admitted) {
        let (mut cancel, mut reject) = (Vec::new(), Vec::new());
        for name in std::mem::take(&mut self.changed) {
            let Some(group) = self.groups.get(&name) else { continue };
            let Some(last) = group.strict.last() else { continue };
            let is_cancelling = |run: &RunId| self.active.get(run).is_some_and(|active| active.cancelling);
            let active: VecDeque<Member> = group.active.iter().map(|run| (*run, is_cancelling(run))).collect();
            let contenders = group.waiting.range(..=last).filter_map(|run| self.waiting.get(run));
            #[cfg(test)]
            (self.looks += (active.len() + contenders.clone().count()) as u64);
            settle(active, contenders, &mut cancel, &mut reject);
        }
        // In the order in which the runs came that make the others go.
        cancel.sort_by_key(|(newer, _)| *newer);
        reject.sort();
        admitted.cancel = cancel.into_iter().map(|(_, older)| older).collect();
        admitted.reject = reject;
        for run in admitted.cancel.iter().chain(&admitted.reject) {
            self.leave(*run);
            if let Some(active) = self.active.get_mut(run) {
                active.cancelling = true;
            }
        }
    }

    /// A group has become full, or is no longer full, for these lines of it.
    fn turn(&mut self, group: &str, lines: &[(PipelineName, i32, u32)], has_room: bool) {
        for (pipeline, priority, limit) in lines {
            if let Some(line) = self.pipelines.get_mut(pipeline).and_then(|p| p.lines.get_mut(priority)) {
                line.turn(&Place::in_group(group, *limit), has_room);
            }
            self.show(pipeline, *priority);
        }
        self.changed.insert(group.to_owned());
    }

    fn show_all(&mut self, pipeline: &PipelineName) {
        let priorities: Vec<_> =
            self.pipelines.get(pipeline).into_iter().flat_map(|p| p.lines.keys().copied()).collect();
        for priority in priorities {
            self.show(pipeline, priority);
        }
    }

    /// Brings the entry of a line in `next` up to date.
    fn show(&mut self, pipeline: &PipelineName, priority: i32) {
        #[cfg(test)]
        (self.looks += 1);
        let has_room = self.pipeline_has_room(pipeline);
        let Some(known) = self.pipelines.get_mut(pipeline) else { return };
        let active = known.active;
        let Some(line) = known.lines.get_mut(&priority) else { return };
        let entry = line.first().filter(|_| has_room).map(|run| (active, run));
        let before = std::mem::replace(&mut line.shown, entry);
        if before == entry {
            return;
        }
        let level = self.next.entry(Reverse(priority)).or_default();
        before.map(|before| level.remove(&before));
        entry.map(|entry| level.insert(entry));
        if level.is_empty() {
            self.next.remove(&Reverse(priority));
        }
    }

    /// Forgets what is empty, so that a long life leaves nothing behind.
    fn tidy(&mut self, name: &PipelineName, group: Option<&str>) {
        if let Some(pipeline) = self.pipelines.get_mut(name) {
            pipeline.lines.retain(|_, line| !line.is_empty());
            if pipeline.active == 0 && pipeline.lines.is_empty() {
                self.pipelines.remove(name);
            }
        }
        if let Some(name) = group
            && self.groups.get(name).is_some_and(|group| group.members() == 0)
        {
            self.groups.remove(name);
        }
    }

    fn pipeline_has_room(&self, pipeline: &PipelineName) -> bool {
        let active = self.pipelines.get(pipeline).map_or(0, |pipeline| pipeline.active);
        self.limits.per_pipeline.is_none_or(|limit| active < limit)
    }

    fn group_has_room(&self, place: &Place) -> bool {
        let Some((group, limit)) = place.group() else { return true };
        self.groups.get(group).map_or(0, |group| group.active.len()) < limit as usize
    }
}
