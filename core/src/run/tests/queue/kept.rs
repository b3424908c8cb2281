//! The queue that is kept decides what the rule over all runs decides, and looks at few runs for it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{active, grouped, id, queued, runs};
use crate::pipeline::{OnConflict, PlannedConcurrency};
use crate::run::RunId;
use crate::run::queue::{ActiveRun, Admitted, QueueReason, QueuedRun, RunLimits, RunQueue, admit};

/// A queue that looks at everything each time.
struct Plain {
    limits: RunLimits,
    waiting: BTreeMap<RunId, QueuedRun>,
    active: BTreeMap<RunId, ActiveRun>,
}

impl Plain {
    fn new(limits: RunLimits) -> Self {
        Self { limits, waiting: BTreeMap::new(), active: BTreeMap::new() }
    }

    fn finished(&mut self, run: RunId) {
        self.waiting.remove(&run);
        self.active.remove(&run);
    }

    fn admit(&mut self) -> Admitted {
        let waiting: Vec<_> = self.waiting.values().cloned().collect();
        let running: Vec<_> = self.active.values().cloned().collect();
        let admission = admit(&waiting, &running, &self.limits);
        for run in &admission.start {
            let entry = self.waiting.remove(run).unwrap();
            self.active.insert(*run, active(&entry));
        }
        for run in admission.cancel.iter().chain(&admission.reject) {
            self.waiting.remove(run);
            self.active.entry(*run).and_modify(|active| active.cancelling = true);
        }
        Admitted { start: admission.start, cancel: admission.cancel, reject: admission.reject }
    }
}

/// Something that happens to a queue. Numbers choose among what is there.
#[derive(Clone, Debug)]
enum Change {
    Enter(QueuedRun),
    Resume(QueuedRun),
    Finished(usize),
    Admit,
}

fn any_run() -> impl Strategy<Value = QueuedRun> {
    let conflict =
        prop_oneof![3 => Just(OnConflict::Queue), 1 => Just(OnConflict::CancelOlder), 1 => Just(OnConflict::Reject)];
    let group = (0..4u8, 0..4u32, conflict).prop_map(|(group, limit, on_conflict)| PlannedConcurrency {
        group: format!("g{group}"),
        limit,
        on_conflict,
    });
    (0..200u128, 0..5u8, 0..3i32, proptest::option::of(group)).prop_map(|(number, pipeline, priority, concurrency)| {
        QueuedRun { priority, concurrency, ..queued(number, &format!("p{pipeline}")) }
    })
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => any_run().prop_map(Change::Enter),
        1 => any_run().prop_map(Change::Resume),
        3 => (0..1000usize).prop_map(Change::Finished),
        3 => Just(Change::Admit),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn it_decides_as_the_rule_over_all_runs(
        changes in proptest::collection::vec(any_change(), 1..120),
        total in 0..8usize,
        per_pipeline in proptest::option::of(0..4usize),
    ) {
        let limits = RunLimits { runs: total, per_pipeline };
        let (mut plain, mut kept) = (Plain::new(limits), RunQueue::new(limits));
        for change in changes {
            match change {
                Change::Enter(run) => {
                    plain.finished(run.run);
                    plain.waiting.insert(run.run, run.clone());
                    kept.enter(run);
                }
                Change::Resume(run) => {
                    plain.finished(run.run);
                    plain.active.insert(run.run, active(&run));
                    kept.resume(active(&run));
                }
                Change::Finished(choice) => {
                    let known: Vec<_> = plain.active.keys().chain(plain.waiting.keys()).copied().collect();
                    if let Some(run) = known.get(choice % known.len().max(1)) {
                        plain.finished(*run);
                        kept.finished(*run);
                    }
                }
                Change::Admit => prop_assert_eq!(kept.admit(), plain.admit()),
            }
            prop_assert_eq!((kept.waiting(), kept.active()), (plain.waiting.len(), plain.active.len()));
        }
    }
}

/// `each` runs of each of so many pipelines, entered pipeline by pipeline.
fn filled(limits: RunLimits, pipelines: u128, each: u128, change: impl Fn(u128, QueuedRun) -> QueuedRun) -> RunQueue {
    let mut queue = RunQueue::new(limits);
    for number in 0..pipelines * each {
        queue.enter(change(number, queued(number, &format!("p{}", number / each))));
    }
    queue
}

#[test]
fn ten_thousand_runs_of_a_hundred_pipelines_take_turns() {
    const EACH: u128 = 100;
    let mut queue = filled(runs(150), 100, EACH, |_, run| run);
    let pipeline = |run: RunId| run.get().as_u128() / EACH;
    let mut running = BTreeSet::new();
    let mut started = BTreeMap::<u128, Vec<RunId>>::new();
    let mut order = Vec::new();
    while queue.waiting() + queue.active() > 0 {
        let admitted = queue.admit();
        for run in &admitted.start {
            running.insert(*run);
            order.push(pipeline(*run));
            started.entry(pipeline(*run)).or_default().push(*run);
        }
        let mut held = BTreeMap::<u128, usize>::new();
        running.iter().for_each(|run| *held.entry(pipeline(*run)).or_default() += 1);
        let waits = |other: &u128| (started.get(other).map_or(0, Vec::len) as u128) < EACH;
        let fewest = (0..100).filter(waits).map(|other| held.get(&other).copied().unwrap_or_default()).min();
        let last = admitted.start.last().map(|run| held[&pipeline(*run)]);
        assert!(fewest.is_none() || last <= fewest.map(|fewest| fewest + 1), "{last:?} before one with {fewest:?}");
        // The one that ends moves through all of them, so that pipelines end their runs at different times.
        let at = order.len() * 7 % running.len();
        let ended = *running.iter().nth(at).unwrap();
        running.remove(&ended);
        queue.finished(ended);
    }
    assert_eq!(order.len(), 10_000);
    assert_eq!(order[..100].iter().collect::<BTreeSet<_>>().len(), 100, "one of each first");
    assert!(started.values().all(|runs| runs.is_sorted()), "oldest first in each pipeline");
}

#[test]
fn higher_priorities_leave_first() {
    let mut queue = filled(runs(1), 100, 100, |number, run| QueuedRun { priority: (number % 3) as i32, ..run });
    let mut priorities = Vec::new();
    while let Some(run) = queue.admit().start.first().copied() {
        priorities.push(run.get().as_u128() % 3);
        queue.finished(run);
    }
    assert_eq!(priorities.len(), 10_000);
    assert!(priorities.is_sorted_by(|before, after| before >= after));
}

/// Drains a queue, one end at a time, and returns how many looks each run took.
fn looks_per_run(mut queue: RunQueue, runs: u64) -> u64 {
    let mut running = std::collections::VecDeque::new();
    let mut ended = 0;
    loop {
        let admitted = queue.admit();
        assert!(admitted.cancel.is_empty() && admitted.reject.is_empty());
        running.extend(admitted.start);
        let Some(run) = running.pop_front() else { break };
        queue.finished(run);
        ended += 1;
    }
    assert_eq!((ended, queue.waiting()), (runs, 0));
    queue.looks / runs
}

#[test]
fn a_run_takes_a_few_looks_however_many_wait() {
    let limits = runs(64);
    let plain = |_: u128, run| run;
    let in_branches = |number: u128, run: QueuedRun| {
        let group = format!("{}-{}", run.pipeline, number % 50);
        let concurrency = PlannedConcurrency { group, limit: 1, on_conflict: OnConflict::Queue };
        QueuedRun { concurrency: Some(concurrency), ..run }
    };
    let in_one =
        |_: u128, run: QueuedRun| QueuedRun { concurrency: grouped(0, "a", 3, OnConflict::Queue).concurrency, ..run };
    assert!(looks_per_run(filled(limits, 100, 100, plain), 10_000) <= 10);
    assert!(looks_per_run(filled(limits, 1, 10_000, plain), 10_000) <= 10);
    assert!(looks_per_run(filled(limits, 10_000, 1, plain), 10_000) <= 10);
    assert!(looks_per_run(filled(limits, 100, 100, in_branches), 10_000) <= 20);
    assert!(looks_per_run(filled(limits, 1, 10_000, in_branches), 10_000) <= 20);
    assert!(looks_per_run(filled(limits, 1, 10_000, in_one), 10_000) <= 20);
}

#[test]
fn it_says_why_a_run_waits() {
    let mut queue = RunQueue::new(RunLimits { runs: 3, per_pipeline: Some(2) });
    for run in [grouped(1, "a", 1, OnConflict::Queue), grouped(2, "b", 1, OnConflict::Queue), queued(3, "a")] {
        queue.enter(run);
    }
    assert_eq!(queue.reason(id(1)), None, "it starts as soon as somebody asks");
    assert_eq!(queue.admit().start, [id(1), id(3)]);
    queue.enter(queued(4, "a"));
    assert_eq!((queue.reason(id(2)), queue.reason(id(4))), (Some(QueueReason::Group), Some(QueueReason::Pipeline)));
    queue.enter(queued(5, "c"));
    assert_eq!(queue.admit().start, [id(5)]);
    assert_eq!(queue.reason(id(2)), Some(QueueReason::Runs));
    assert_eq!(queue.reason(id(5)), None, "it does not wait");
}

#[test]
fn a_group_is_full_when_its_members_reach_the_limit() {
    let group = grouped(9, "a", 2, OnConflict::Reject).concurrency.unwrap();
    let mut queue = RunQueue::new(runs(1));
    assert!(!queue.is_full(&group));
    queue.enter(grouped(1, "a", 2, OnConflict::Queue));
    queue.enter(grouped(2, "b", 2, OnConflict::Queue));
    queue.admit();
    assert!(queue.is_full(&group), "one goes on and one waits");
    queue.finished(id(2));
    assert!(!queue.is_full(&group));
}
