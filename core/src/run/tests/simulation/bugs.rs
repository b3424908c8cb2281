//! Deliberate bugs: histories that break a rule, each of which the oracle must find.

use super::oracle::{self, check};
use super::{History, simulate};
use crate::pipeline::{Plan, Section, TaskId, WorkspaceUse};
use crate::run::tests::driver::reused;
use crate::run::{AttemptState, Cause, RunEnd, RunEvent, TaskEnd};

/// A deliberate bug: changes a history, or says that this one does not offer the occasion.
type Bug = fn(&Plan, &mut History) -> Option<()>;

fn position(history: &History, wanted: impl Fn(&RunEvent) -> bool) -> Option<usize> {
    history.iter().position(|(_, event)| wanted(event))
}

const BUGS: &[(&str, Bug)] = &[
    ("a task never finishes", |_, history| {
        let at = position(history, |event| matches!(event, RunEvent::TaskFinished { .. }))?;
        history.remove(at);
        Some(())
    }),
    ("a task finishes twice", |_, history| {
        let at = position(history, |event| matches!(event, RunEvent::TaskFinished { .. }))?;
        history.insert(at + 1, history[at].clone());
        Some(())
    }),
    ("an attempt starts twice", |_, history| {
        let at = position(history, |event| matches!(event, RunEvent::AttemptStarted { .. }))?;
        history.insert(at + 1, history[at].clone());
        Some(())
    }),
    ("a task does not wait for what it needs", |_, history| {
        let late = |event: &RunEvent| matches!(event, RunEvent::AttemptStarted { attempt: 1, .. });
        let first = position(history, late)?;
        let over = first
            + position(&history[first..].to_vec(), |event| {
                matches!(event, RunEvent::TaskFinished { state: TaskEnd::Succeeded, .. })
            })?;
        let next = over
            + position(&history[over..].to_vec(), |event| {
                matches!(event, RunEvent::AttemptStarted { attempt: 1, .. })
            })?;
        let same_stage = |event: &RunEvent| matches!(event, RunEvent::FinallyStarted);
        let crossed = history[over..next].iter().any(|(_, event)| same_stage(event));
        crossed.then_some(())?;
        let event = history.remove(next);
        history.insert(first, event);
        Some(())
    }),
    ("an attempt starts after a cancel", |_, history| {
        let cancel = position(history, |event| matches!(event, RunEvent::CancelRequested { .. }))?;
        let finally = position(history, |event| matches!(event, RunEvent::FinallyStarted)).unwrap_or(usize::MAX);
        let start = position(history, |event| matches!(event, RunEvent::AttemptStarted { .. }))?;
        (start < cancel && cancel < finally).then_some(())?;
        let event = history.remove(start);
        history.insert(cancel, event);
        Some(())
    }),
    ("the run ends in another state", |_, history| {
        let at = position(history, |event| matches!(event, RunEvent::RunFinished { .. }))?;
        let RunEvent::RunFinished { state, .. } = &mut history[at].1 else { return None };
        *state = if *state == RunEnd::Succeeded { RunEnd::Failed } else { RunEnd::Succeeded };
        Some(())
    }),
    ("a timeout is overlooked", |_, history| {
        let at = position(
            history,
            |event| matches!(event, RunEvent::AttemptStopping { state: AttemptState::TimedOut, cause, .. } if cause.code == "timeout"),
        )?;
        for (now, _) in &mut history[at..] {
            now.elapsed = now.elapsed + std::time::Duration::from_millis(oracle::SLACK + 1);
        }
        Some(())
    }),
    ("something happens after the release", |_, history| {
        history.push((history.last()?.0, RunEvent::EngineRecovered));
        Some(())
    }),
    ("finally is left out", |_, history| {
        let at = position(history, |event| matches!(event, RunEvent::FinallyStarted))?;
        let cancel = |event: &RunEvent| matches!(event, RunEvent::CancelRequested { .. });
        (position(&history[at..].to_vec(), cancel).is_none()).then_some(())?;
        history.remove(at);
        Some(())
    }),
    ("a reused task starts", |_, history| {
        let (task, at) = reused_end(history, |_| true)?;
        history.insert(at, (history[at].0, RunEvent::TaskStarted { stage: None, task }));
        Some(())
    }),
    ("a reused task is done again", |_, history| {
        let (task, at) = reused_end(history, |_| true)?;
        let ready = position(history, |event| matches!(event, RunEvent::WorkspaceReady { .. }))?;
        let started = RunEvent::AttemptStarted { task, attempt: 1, generation: 1 };
        (ready < at).then(|| history.insert(at, (history[at].0, started)))
    }),
    ("a reused task ends in another way", |_, history| {
        let (_, at) = reused_end(history, |end| end == TaskEnd::Succeeded)?;
        let RunEvent::TaskFinished { exit_code, .. } = &mut history[at].1 else { return None };
        *exit_code = Some(7);
        Some(())
    }),
    ("a reused task has no end", |_, history| {
        let (_, at) = reused_end(history, |_| true)?;
        history.remove(at);
        Some(())
    }),
    ("a reused task is asked its condition again", |plan, history| {
        let (task, at) = reused_end(history, |_| true)?;
        let planned = plan.task(plan.index_of(task.as_str())?);
        planned.when.iter().find(|when| when.source() == "false")?;
        let RunEvent::TaskFinished { state, cause, .. } = &mut history[at].1 else { return None };
        (*state, *cause) = (TaskEnd::Skipped, Some(Cause::new("conditionFalse", "", "")));
        Some(())
    }),
    ("a reused task is over before its turn", |_, history| {
        let (_, at) = reused_end(history, |_| true)?;
        let started = position(history, |event| matches!(event, RunEvent::RunStarted))?;
        (history[at].0.elapsed > history[started].0.elapsed).then_some(())?;
        let (_, event) = history.remove(at);
        history.insert(started + 1, (history[started].0, event));
        Some(())
    }),
    ("a reused task lingers", |_, history| {
        let (_, at) = reused_end(history, |_| true)?;
        for (now, _) in &mut history[at..] {
            now.elapsed = now.elapsed + std::time::Duration::from_millis(oracle::SLACK + 1);
        }
        Some(())
    }),
    ("a task is taken over twice", |_, history| {
        let at = position(history, |event| matches!(event, RunEvent::TaskReused { .. }))?;
        history.insert(at + 1, history[at].clone());
        Some(())
    }),
    ("a task is taken over after the start", |_, history| {
        let at = position(history, |event| matches!(event, RunEvent::TaskReused { .. }))?;
        let started = position(history, |event| matches!(event, RunEvent::RunStarted))?;
        let event = history.remove(at);
        history.insert(started, event);
        Some(())
    }),
    ("a task of finally is taken over", |plan, history| {
        let task = plan.tasks.iter().find(|task| task.section == Section::Finally)?;
        history.insert(1, (history[0].0, reused(task.id.as_str(), TaskEnd::Succeeded)));
        Some(())
    }),
    ("the work of a reused task is not done again in a new workspace", |plan, history| {
        let planned = |task: &TaskId| plan.index_of(task.as_str()).map(|index| plan.task(index));
        let waits = |event: &RunEvent| matches!(event, RunEvent::TaskWaiting { reason, .. } if reason.code == "repeat");
        let origin = history.iter().find(|(_, event)| waits(event)).and_then(|(_, event)| event.task().cloned())?;
        let alone = history.iter().all(|(_, event)| !waits(event) || event.task() == Some(&origin));
        (alone && planned(&origin)?.definition.workspace == WorkspaceUse::Shared).then_some(())?;
        let (task, again) = history.iter().enumerate().find_map(|(at, (_, event))| match event {
            RunEvent::AttemptStarted { task, .. } if is_reused(history, task) => Some((task.clone(), at)),
            _ => None,
        })?;
        (!planned(&task)?.allow_failure()).then_some(())?;
        let goes_on = |event: &RunEvent| matches!(event, RunEvent::AttemptStarted { task, .. } if *task == origin);
        position(&history[again..].to_vec(), goes_on)?;
        let mut after = history.split_off(again);
        after.retain(|(_, event)| event.task() != Some(&task));
        history.extend(after);
        Some(())
    }),
];

/// The first reused task that was over in its turn, and where that is told.
fn reused_end(history: &History, wanted: impl Fn(TaskEnd) -> bool) -> Option<(TaskId, usize)> {
    history.iter().enumerate().find_map(|(at, (_, event))| match event {
        RunEvent::TaskFinished { task, state, .. }
            if *state != TaskEnd::Skipped && wanted(*state) && is_reused(history, task) =>
        {
            Some((task.clone(), at))
        }
        _ => None,
    })
}

fn is_reused(history: &History, wanted: &TaskId) -> bool {
    history.iter().any(|(_, event)| matches!(event, RunEvent::TaskReused { task, .. } if task == wanted))
}

#[test]
fn the_oracle_finds_every_deliberate_bug() {
    let mut occasions = vec![0; BUGS.len()];
    for seed in 0..1500 {
        let (plan, history) = simulate(seed, false);
        for ((name, bug), occasions) in BUGS.iter().zip(&mut occasions) {
            let mut history = history.clone();
            if bug(&plan, &mut history).is_some() {
                *occasions += 1;
                assert!(check(&plan, &history).is_err(), "the oracle overlooks in seed {seed}: {name}");
            }
        }
    }
    for ((name, _), occasions) in BUGS.iter().zip(occasions) {
        assert!(occasions > 3, "only {occasions} occasions for: {name}");
    }
}
