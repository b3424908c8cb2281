//! Which finished runs go.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use crate::run::retention::{FinishedRun, RetentionPolicy, expired};
use crate::run::{Elapsed, RunId};

fn ended(number: u128, pipeline: &str, finished: u64) -> FinishedRun {
    let run = RunId::new(Uuid::from_u128(number));
    FinishedRun { run, pipeline: pipeline.to_owned(), finished: Elapsed::from_millis(finished) }
}

fn numbers(gone: Vec<RunId>) -> Vec<u128> {
    gone.into_iter().map(|run| run.get().as_u128()).collect()
}

#[test]
fn without_a_limit_everything_stays() {
    let runs = [ended(1, "a", 0), ended(2, "a", 1)];
    assert!(expired(&runs, &RetentionPolicy::default(), Elapsed::from_millis(u64::MAX)).is_empty());
}

#[test]
fn the_newest_of_each_pipeline_stay() {
    let runs = [ended(1, "a", 30), ended(2, "b", 5), ended(3, "a", 10), ended(4, "a", 20), ended(5, "b", 5)];
    let policy = RetentionPolicy { runs_per_pipeline: Some(1), age: None };
    assert_eq!(numbers(expired(&runs, &policy, Elapsed::from_millis(100))), [2, 3, 4], "oldest first");
}

#[test]
fn what_ended_longer_ago_goes() {
    let runs = [ended(1, "a", 0), ended(2, "a", 10), ended(3, "a", 11)];
    let policy = RetentionPolicy { runs_per_pipeline: None, age: Some(Duration::from_millis(90)) };
    assert_eq!(numbers(expired(&runs, &policy, Elapsed::from_millis(100))), [1], "exactly as old as allowed stays");
}

proptest! {
    #[test]
    fn what_stays_keeps_to_the_policy_and_what_goes_had_to(
        runs in proptest::collection::vec((0..4u8, 0..50u64), 0..60),
        most in proptest::option::of(0..10usize),
        age in proptest::option::of(0..60u64),
    ) {
        let runs: Vec<_> = (0..).zip(&runs).map(|(number, (pipeline, at))| ended(number, &format!("p{pipeline}"), *at)).collect();
        let policy = RetentionPolicy { runs_per_pipeline: most, age: age.map(Duration::from_millis) };
        let gone = expired(&runs, &policy, Elapsed::from_millis(60));
        let of: BTreeMap<_, _> = runs.iter().map(|run| (run.run, run)).collect();
        prop_assert!(gone.is_sorted_by_key(|run| (of[run].finished, *run)));
        for run in &runs {
            let newer = runs.iter().filter(|other| {
                other.pipeline == run.pipeline && (other.finished, other.run) > (run.finished, run.run)
            });
            let too_many = most.is_some_and(|most| newer.count() >= most);
            let too_old = age.is_some_and(|age| 60 - run.finished.as_millis() > age);
            prop_assert_eq!(gone.contains(&run.run), too_many || too_old, "{:?}", run);
        }
    }
}
