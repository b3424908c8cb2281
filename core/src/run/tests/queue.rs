//! The queue never passes a limit, forgets nobody and keeps the order.

mod kept;

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use uuid::Uuid;

use crate::pipeline::{OnConflict, PipelineName, PlannedConcurrency};
use crate::run::RunId;
use crate::run::queue::{ActiveRun, QueueReason, QueuedRun, RunLimits, admit, grant};

fn id(number: u128) -> RunId {
    RunId::new(Uuid::from_u128(number))
}

fn queued(number: u128, pipeline: &str) -> QueuedRun {
    QueuedRun { run: id(number), pipeline: PipelineName::new(pipeline).unwrap(), priority: 0, concurrency: None }
}

fn grouped(number: u128, pipeline: &str, limit: u32, on_conflict: OnConflict) -> QueuedRun {
    let concurrency = Some(PlannedConcurrency { group: "g".to_owned(), limit, on_conflict });
    QueuedRun { concurrency, ..queued(number, pipeline) }
}

fn active(queued: &QueuedRun) -> ActiveRun {
    let group = queued.concurrency.as_ref().map(|concurrency| concurrency.group.clone());
    ActiveRun { run: queued.run, pipeline: queued.pipeline.clone(), group, cancelling: false }
}

const fn runs(runs: usize) -> RunLimits {
    RunLimits { runs, per_pipeline: None }
}

#[test]
fn the_oldest_start_and_the_rest_waits_with_a_reason() {
    let waiting = [queued(1, "a"), queued(2, "a"), queued(3, "a")];
    let admission = admit(&waiting, &[], &runs(2));
    assert_eq!(admission.start, [id(1), id(2)]);
    assert_eq!(admission.waiting, [(id(3), QueueReason::Runs)]);
}

#[test]
fn a_higher_priority_goes_first() {
    let waiting = [queued(1, "a"), QueuedRun { priority: 5, ..queued(2, "a") }];
    assert_eq!(admit(&waiting, &[], &runs(1)).start, [id(2)]);
}

#[test]
fn pipelines_with_fewer_runs_go_first() {
    let waiting = [queued(1, "a"), queued(2, "a"), queued(3, "b"), queued(4, "c")];
    let admission = admit(&waiting, &[active(&queued(9, "a"))], &runs(4));
    assert_eq!(admission.start, [id(3), id(4), id(1)]);
}

#[test]
fn a_pipeline_has_its_own_limit() {
    let limits = RunLimits { runs: 10, per_pipeline: Some(1) };
    let admission = admit(&[queued(1, "a"), queued(2, "a"), queued(3, "b")], &[], &limits);
    assert_eq!(admission.start, [id(1), id(3)]);
    assert_eq!(admission.waiting, [(id(2), QueueReason::Pipeline)]);
}

#[test]
fn a_full_group_waits_and_holds_up_nobody_else() {
    let waiting = [grouped(1, "a", 1, OnConflict::Queue), grouped(2, "a", 1, OnConflict::Queue), queued(3, "a")];
    let admission = admit(&waiting, &[], &runs(10));
    assert_eq!(admission.start, [id(1), id(3)]);
    assert_eq!(admission.waiting, [(id(2), QueueReason::Group)]);
}

#[test]
fn a_full_group_refuses_where_it_says_so() {
    let waiting = [grouped(1, "a", 1, OnConflict::Reject), grouped(2, "b", 1, OnConflict::Reject)];
    let admission = admit(&waiting, &[], &runs(10));
    assert_eq!((admission.start, admission.reject), (vec![id(1)], vec![id(2)]));
}

#[test]
fn older_runs_make_room_where_the_newer_one_says_so() {
    let old = grouped(1, "a", 1, OnConflict::CancelOlder);
    let waiting = [grouped(2, "a", 1, OnConflict::CancelOlder), grouped(3, "a", 1, OnConflict::CancelOlder)];
    let admission = admit(&waiting, &[active(&old)], &runs(10));
    assert_eq!(admission.cancel, [id(1), id(2)]);
    assert_eq!(admission.waiting, [(id(3), QueueReason::Group)], "the old one takes up its place until it has ended");
    let cancelling = ActiveRun { cancelling: true, ..active(&old) };
    let admission = admit(&waiting[1..], &[cancelling], &runs(10));
    assert_eq!(admission.cancel, [], "it is told once");
    assert_eq!(admit(&waiting[1..], &[], &runs(10)).start, [id(3)]);
}

#[test]
fn ten_thousand_waiting_runs_are_one_look_each() {
    let conflicts = [OnConflict::Queue, OnConflict::CancelOlder, OnConflict::Reject];
    let waiting = (0..10_000u128)
        .map(|number| {
            let concurrency = PlannedConcurrency {
                group: format!("g{}", number % 50),
                limit: 2,
                on_conflict: conflicts[number as usize % 3],
            };
            let concurrency = (number % 2 == 0).then_some(concurrency);
            QueuedRun { concurrency, priority: (number % 7) as i32, ..queued(number, &format!("p{}", number % 300)) }
        })
        .collect::<Vec<_>>();
    let admission = admit(&waiting, &[], &runs(100));
    assert_eq!(admission.start.len(), 100);
    let all = admission.start.len() + admission.cancel.len() + admission.reject.len() + admission.waiting.len();
    assert_eq!(all, waiting.len());
}

#[test]
fn slots_go_to_the_run_that_holds_the_fewest() {
    assert_eq!(grant(3, &[(id(1), 9, 2), (id(2), 9, 0), (id(3), 0, 0)]), [(id(1), 1), (id(2), 2)]);
    assert_eq!(grant(100, &[(id(1), 2, 0), (id(2), 3, 7)]), [(id(1), 2), (id(2), 3)]);
    assert_eq!(grant(0, &[(id(1), 2, 0)]), []);
}

fn any_run(number: u128) -> impl Strategy<Value = QueuedRun> {
    let group = (0..4u8, 1..3u32).prop_map(|(group, limit)| PlannedConcurrency {
        group: format!("g{group}"),
        limit,
        on_conflict: OnConflict::Queue,
    });
    (0..5u8, 0..3i32, proptest::option::of(group)).prop_map(move |(pipeline, priority, concurrency)| QueuedRun {
        priority,
        concurrency,
        ..queued(number, &format!("p{pipeline}"))
    })
}

fn any_queue() -> impl Strategy<Value = Vec<QueuedRun>> {
    (0..60u128).prop_flat_map(|size| (0..size).map(any_run).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn no_limit_is_passed_nobody_is_forgotten_and_order_is_kept(
        queue in any_queue(),
        total in 1..8usize,
        per_pipeline in proptest::option::of(1..4usize),
        ends in proptest::collection::vec(0..8usize, 300),
    ) {
        let limits = RunLimits { runs: total, per_pipeline };
        let (mut waiting, mut running, mut rounds) = (queue.clone(), Vec::<ActiveRun>::new(), 0);
        while !waiting.is_empty() {
            let admission = admit(&waiting, &running, &limits);
            prop_assert!(!admission.start.is_empty() || !running.is_empty(), "somebody must be able to go on");
            prop_assert_eq!(admission.start.len() + admission.waiting.len(), waiting.len());
            check_order(&waiting, &admission.start)?;
            for started in &admission.start {
                let at = waiting.iter().position(|queued| queued.run == *started).unwrap();
                running.push(active(&waiting.remove(at)));
            }
            check_limits(&running, &queue, &limits)?;
            rounds += 1;
            prop_assert!(rounds <= queue.len() + 1, "each round starts or ends somebody");
            if !running.is_empty() {
                running.remove(ends[rounds % ends.len()] % running.len());
            }
        }
    }

    #[test]
    fn a_waiting_run_gets_its_turn_though_others_keep_coming(pipelines in 2..6usize, total in 1..4usize) {
        let patient = queued(0, "patient");
        let mut waiting = (1..20).map(|number| queued(number, "p0")).collect::<Vec<_>>();
        waiting.push(patient.clone());
        let (mut running, mut rounds) = (Vec::<ActiveRun>::new(), 0);
        loop {
            let admission = admit(&waiting, &running, &runs(total));
            for started in &admission.start {
                let at = waiting.iter().position(|queued| queued.run == *started).unwrap();
                running.push(active(&waiting.remove(at)));
            }
            if admission.start.contains(&patient.run) {
                break;
            }
            rounds += 1;
            prop_assert!(rounds <= 19, "only the 19 older ones may go before it");
            running.remove(0);
            waiting.push(queued(1000 + rounds, &format!("p{}", rounds as usize % pipelines)));
        }
    }

    #[test]
    fn slots_are_shared_fairly(free in 0..50usize, wants in proptest::collection::vec((0..10usize, 0..10usize), 0..12)) {
        let wanting = wants.iter().enumerate().map(|(at, (want, held))| (id(at as u128), *want, *held)).collect::<Vec<_>>();
        let given = grant(free, &wanting).into_iter().collect::<BTreeMap<_, _>>();
        let total: usize = wants.iter().map(|(want, _)| want).sum();
        prop_assert_eq!(given.values().sum::<usize>(), free.min(total));
        for (run, want, held) in &wanting {
            let got = given.get(run).copied().unwrap_or_default();
            prop_assert!(got <= *want);
            for (other, _, other_held) in &wanting {
                let other_got = given.get(other).copied().unwrap_or_default();
                let envies = got < *want && other_got > 0 && other_held + other_got > held + got + 1;
                prop_assert!(!envies, "{run} has less than {other}, which was given one");
            }
        }
    }
}

/// Of two runs of one pipeline with the same priority and group, the older one starts first.
fn check_order(waiting: &[QueuedRun], start: &[RunId]) -> Result<(), TestCaseError> {
    let turn = start.iter().enumerate().map(|(turn, run)| (*run, turn)).collect::<HashMap<_, _>>();
    for (at, older) in waiting.iter().enumerate() {
        for newer in &waiting[at + 1..] {
            let group =
                |queued: &QueuedRun| queued.concurrency.as_ref().map(|group| (group.group.clone(), group.limit));
            if (&older.pipeline, older.priority, group(older)) != (&newer.pipeline, newer.priority, group(newer)) {
                continue;
            }
            if let Some(turn_of_newer) = turn.get(&newer.run) {
                prop_assert!(turn.get(&older.run).is_some_and(|turn| turn < turn_of_newer), "{newer:?} overtook");
            }
        }
    }
    Ok(())
}

fn check_limits(running: &[ActiveRun], all: &[QueuedRun], limits: &RunLimits) -> Result<(), TestCaseError> {
    prop_assert!(running.len() <= limits.runs);
    let (mut pipelines, mut groups) = (HashMap::<_, usize>::new(), HashMap::<_, usize>::new());
    for active in running {
        *pipelines.entry(active.pipeline.clone()).or_default() += 1;
        if let Some(group) = &active.group {
            *groups.entry(group.clone()).or_default() += 1;
        }
    }
    if let Some(limit) = limits.per_pipeline {
        prop_assert!(pipelines.values().all(|count| *count <= limit));
    }
    for (group, count) in groups {
        let limit = all.iter().filter_map(|run| run.concurrency.as_ref()).filter(|c| c.group == group).map(|c| c.limit);
        prop_assert!(count <= limit.max().unwrap_or(0) as usize);
    }
    Ok(())
}
