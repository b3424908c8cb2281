//! Whole runs of random pipelines in a random world that crashes between any two events.
//!
//! `WINDLASS_SIMULATIONS=100000 cargo test -p windlass --lib simulation` runs more of them, `WINDLASS_SEED=N` only one.

mod bugs;
mod oracle;
mod plans;
mod reruns;
mod world;

use std::sync::Arc;

use self::oracle::check;
use self::world::World;
use super::driver::{brief, fresh};
use crate::pipeline::Plan;
use crate::run::{Now, RunEvent, RunState};

/// A small seeded generator (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub(in crate::run::tests) type History = Vec<(Now, RunEvent)>;

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match number("WINDLASS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("WINDLASS_SIMULATIONS").unwrap_or(1000),
    }
}

fn complain(seed: u64, history: &History, complaint: &str) -> ! {
    let lines = history.iter().map(|(at, event)| format!("{:>6} {}\n", at.elapsed.as_millis(), brief(event)));
    panic!(
        "{complaint}\n{}repeat it with WINDLASS_SEED={seed} cargo test -p windlass --lib simulation",
        lines.collect::<String>()
    );
}

fn simulate(seed: u64, crashes: bool) -> (Arc<Plan>, History) {
    let mut dice = Dice::new(seed);
    let plan = plans::generate(&mut dice);
    let reused = plans::taken_over(&plan, &mut dice);
    let mut world = World::new(Arc::clone(&plan), dice, crashes, reused);
    if let Err(complaint) = world.run().and_then(|()| check(&plan, &world.history)) {
        complain(seed, &world.history, &complaint);
    }
    (plan, world.history)
}

#[test]
fn whole_runs_keep_every_promise_and_survive_crashes() {
    for seed in seeds() {
        simulate(seed, seed % 4 != 0);
    }
}

#[test]
fn a_run_taken_up_at_any_event_reaches_an_allowed_end() {
    for seed in seeds().filter(|seed| seeds().nth(1).is_none() || seed % 20 == 0) {
        let (plan, history) = simulate(seed, false);
        let mut state = fresh(Arc::clone(&plan));
        for (known, (at, event)) in history.iter().enumerate() {
            state.apply(*at, event).unwrap();
            let mut world = World::resume(state.clone(), &history[..=known], Dice::new(seed ^ known as u64));
            if let Err(complaint) = world.run().and_then(|()| check(&plan, &world.history)) {
                complain(seed, &world.history, &format!("taken up after event {}: {complaint}", known + 1));
            }
        }
    }
}

#[test]
fn simulations_reach_every_kind_of_event_and_end() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..300 {
        for (_, event) in simulate(seed, true).1 {
            seen.insert(event.kind().to_owned());
            match event {
                RunEvent::RunFinished { state, .. } => seen.insert(format!("run {state:?}")),
                RunEvent::TaskFinished { state, .. } => seen.insert(format!("task {state:?}")),
                RunEvent::TaskWaiting { reason, .. } => seen.insert(format!("waits for {}", reason.code)),
                RunEvent::AttemptFinished { state, .. } => seen.insert(format!("attempt {state:?}")),
                _ => true,
            };
        }
    }
    // 24 kinds of events, 4 ends of runs, 6 of tasks, 5 of attempts, 5 reasons to wait.
    assert_eq!(seen.len(), 24 + 4 + 6 + 5 + 5, "{seen:?}");
}

/// The state rebuilt from a history.
pub(super) fn replay(plan: &Arc<Plan>, history: &History) -> RunState {
    let mut state = fresh(Arc::clone(plan));
    for (at, event) in history {
        state.apply(*at, event).unwrap();
    }
    state
}

/// Histories of whole runs, with their plans.
pub(super) fn histories(count: u64) -> impl Iterator<Item = (Arc<Plan>, History)> {
    (0..count).map(|seed| simulate(seed, seed % 2 == 0))
}
