//! What runs that repeat another one copy of it, over the histories of whole runs.

use std::collections::{BTreeMap, BTreeSet};

use super::oracle::ancestors;
use super::{History, replay, seeds, simulate};
use crate::pipeline::{Action, Plan, Section, TaskId, WorkspaceUse};
use crate::run::rerun::{RerunRefusal, ReuseFrom, counts_on_workspace, keeps_workspace, reuse};
use crate::run::tests::driver::{at, fresh, queued_event};
use crate::run::{AttemptState, Reused, RunEnd, RunEvent, RunState, TaskEnd};

/// What a history tells of a task.
#[derive(Clone, Default)]
struct Told {
    end: Option<TaskEnd>,
    origin: Option<Reused>,
    /// The last attempt before the end was told, or a later one that succeeded: its number and its workspace.
    counts: Option<(u32, u32)>,
}

fn told(history: &History) -> BTreeMap<TaskId, Told> {
    let mut told = BTreeMap::<TaskId, Told>::new();
    let mut generations = BTreeMap::new();
    for (_, event) in history {
        match event {
            RunEvent::TaskReused { task, from, attempt, .. } => {
                told.entry(task.clone()).or_default().origin = Some(Reused { run: *from, attempt: *attempt });
            }
            RunEvent::AttemptStarted { task, attempt, generation } => {
                generations.insert((task.clone(), *attempt), *generation);
            }
            RunEvent::AttemptFinished { task, attempt, state, .. } => {
                let told = told.entry(task.clone()).or_default();
                if told.end.is_none() || *state == AttemptState::Succeeded {
                    told.counts = Some((*attempt, generations[&(task.clone(), *attempt)]));
                }
            }
            RunEvent::TaskFinished { task, state, .. } => told.entry(task.clone()).or_default().end = Some(*state),
            _ => {}
        }
    }
    told
}

fn ended_well(plan: &Plan, told: &BTreeMap<TaskId, Told>) -> BTreeSet<usize> {
    let well = |at: &usize| {
        let task = &plan.tasks[*at];
        let allowed = task.definition.allow_failure;
        task.section != Section::Finally
            && match told[&task.id].end {
                Some(TaskEnd::Succeeded) => true,
                Some(TaskEnd::Failed | TaskEnd::TimedOut | TaskEnd::Lost) => allowed,
                _ => false,
            }
    };
    (0..plan.tasks.len()).filter(well).collect()
}

fn places(plan: &Plan, events: &[RunEvent]) -> Vec<usize> {
    let reused = events.iter().filter(|event| matches!(event, RunEvent::TaskReused { .. }));
    reused.map(|event| plan.index_of(event.task().unwrap().as_str()).unwrap().get()).collect()
}

fn each(mut check: impl FnMut(u64, &Plan, &RunState, &BTreeMap<TaskId, Told>)) {
    for seed in seeds().filter(|seed| seed % 3 == 0 || seeds().count() == 1) {
        let (plan, history) = simulate(seed, seed % 2 == 0);
        check(seed, &plan, &replay(&plan, &history), &told(&history));
    }
}

#[test]
fn exactly_what_ended_well_is_copied_with_the_run_in_which_it_was_done() {
    let mut copies = 0;
    each(|seed, plan, state, told| {
        let events = match reuse(state, &ReuseFrom::Failed) {
            Ok(events) => events,
            Err(RerunRefusal::NothingFailed { .. }) => return assert_eq!(state.ended(), Some(RunEnd::Succeeded)),
            Err(RerunRefusal::NothingStarted { .. }) => {
                return assert!(ended_well(plan, told).is_empty(), "seed {seed}");
            }
            Err(refusal) => panic!("seed {seed}: {refusal}"),
        };
        assert_eq!(places(plan, &events), ended_well(plan, told).into_iter().collect::<Vec<_>>(), "seed {seed}");
        for event in &events {
            if let RunEvent::CommitFound { task, commit } = event {
                assert_eq!(state.found_commit(), Some((commit, task)), "seed {seed}");
                continue;
            }
            let RunEvent::TaskReused { task, from, attempt, state: end, .. } = event else { panic!("{event:?}") };
            let told = &told[task];
            let here = Reused { run: state.run(), attempt: told.counts.map_or(0, |(attempt, _)| attempt) };
            let expected = told.origin.filter(|_| told.counts.is_none()).unwrap_or(here);
            assert_eq!(
                (Some(*end), *from, *attempt),
                (told.end, expected.run, expected.attempt),
                "seed {seed}: {task}"
            );
        }
        copies += events.len();
    });
    assert!(copies > 0 || seeds().count() == 1, "nothing was ever copied");
}

#[test]
fn from_a_task_on_nothing_is_copied_that_comes_after_it() {
    each(|seed, plan, state, told| {
        let waits_for = ancestors(plan);
        for name in plan.tasks.iter().map(|task| &task.name) {
            let again = |at: usize| {
                let is = |other: usize| plan.tasks[other].name == *name;
                is(at) || (0..plan.tasks.len()).any(|other| is(other) && waits_for[at][other])
            };
            let expected: Vec<_> = ended_well(plan, told).into_iter().filter(|at| !again(*at)).collect();
            let events = reuse(state, &ReuseFrom::Task(name.clone())).unwrap();
            assert_eq!(places(plan, &events), expected, "seed {seed}: from {name}");
        }
    });
}

#[test]
fn a_queued_run_of_the_plan_takes_all_of_it() {
    each(|seed, plan, state, _| {
        let from = plan.tasks.first().map_or(ReuseFrom::Failed, |task| ReuseFrom::Task(task.name.clone()));
        for mode in [ReuseFrom::Failed, ReuseFrom::Workspace, from] {
            let Ok(events) = reuse(state, &mode) else { continue };
            let mut again = fresh(state.plan().clone());
            for event in std::iter::once(queued_event()).chain(events) {
                again.apply(at(0), &event).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            }
        }
    });
}

/// The workspace in which each copied task left its work.
fn work(plan: &Plan, events: &[RunEvent], told: &BTreeMap<TaskId, Told>) -> Vec<u32> {
    let shared = |at: &usize| {
        let task = &plan.tasks[*at];
        task.definition.workspace == WorkspaceUse::Shared && !matches!(task.action(), Action::Approve(_))
    };
    let left = |at: usize| {
        let told = &told[&plan.tasks[at].id];
        let here = told.counts.map(|(_, generation)| generation);
        here.or(told.origin.filter(|origin| origin.attempt > 0).map(|_| 1))
    };
    places(plan, events).into_iter().filter(shared).filter_map(left).collect()
}

#[test]
fn a_workspace_is_kept_only_with_all_the_work_that_a_new_run_counts_on() {
    let (mut kept, mut refused) = (0, 0);
    each(|seed, plan, state, told| {
        let Ok(events) = reuse(state, &ReuseFrom::Failed) else { return };
        let work = work(plan, &events, told);
        assert_eq!(counts_on_workspace(state, &events).is_some(), !work.is_empty(), "seed {seed}");
        match keeps_workspace(state) {
            Some((generation, _)) => {
                kept += 1;
                assert!(work.iter().all(|done_in| *done_in == generation), "seed {seed}: {work:?} in {generation}");
                assert!(matches!(state.ended(), Some(RunEnd::Failed | RunEnd::TimedOut)), "seed {seed}");
            }
            None => refused += usize::from(work.windows(2).any(|pair| pair[0] != pair[1])),
        }
    });
    assert!((kept > 0 && refused > 0) || seeds().count() == 1, "{kept} kept, {refused} with work that is gone");
}

#[test]
fn with_an_empty_workspace_nothing_is_counted_on_that_was_in_it() {
    each(|seed, plan, state, told| {
        let Ok(events) = reuse(state, &ReuseFrom::Workspace) else { return };
        assert_eq!(counts_on_workspace(state, &events), None, "seed {seed}");
        assert!(work(plan, &events, told).is_empty(), "seed {seed}");
    });
}
