//! The command line is killed with SIGKILL while a run goes on: nothing may be lost, doubled or left behind.
//!
//! `WINDLASS_KILLS` sets how many random kills there are, `WINDLASS_KILL_SEED` their seed. For long counts:
//! `cargo run -p windlass-tests --bin windlass-kill -- --kills 1000 --seed 7`.
#![cfg(target_os = "linux")]
#![expect(clippy::panic, reason = "a test that cannot go on fails")]

use std::path::Path;

use windlass::failpoint;
use windlass_tests::kill::campaign::{report, try_in_fresh_folder};
use windlass_tests::kill::{Campaign, Ground, Invariant, Plan, ScenarioName, Wound};

const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass-under-test");

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn at(point: &str, visit: u32) -> Wound {
    Wound::At { point: point.to_owned(), visit }
}

#[test]
fn random_kills_lose_double_and_leave_nothing() {
    let seed = setting("WINDLASS_KILL_SEED", 1);
    let kills = setting("WINDLASS_KILLS", 50) as usize;
    let campaign = Campaign { program: PROGRAM.into(), kills, seed, jobs: 4, bug: None, ground: Ground::Local };
    let tally = campaign.run(|_| ()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let failures: Vec<String> = tally.failures.iter().map(|(trial, what)| format!("trial {trial}: {what}")).collect();
    assert!(failures.is_empty(), "WINDLASS_KILL_SEED={seed} finds this again:\n{}", failures.join("\n"));
    assert!(tally.kills >= kills, "{} of {kills} kills", tally.kills);
    println!("seed {seed}: {} kills in {} runs", tally.kills, tally.trials);
}

#[test]
fn a_crash_at_every_named_point_loses_doubles_and_leaves_nothing() {
    let mut wrong = Vec::new();
    let points: Vec<_> = failpoint::CRASH_POINTS.iter().chain(failpoint::FILING_CRASH_POINTS).collect();
    for some in points.chunks(4) {
        std::thread::scope(|scope| {
            let trials: Vec<_> = some.iter().map(|point| scope.spawn(|| crash_at(point))).collect();
            wrong.extend(trials.into_iter().filter_map(|trial| trial.join().unwrap().err()));
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Crashes at the first visit, and again at the second one if recovery comes there.
fn crash_at(point: &str) -> Result<(), String> {
    let wounds = vec![at(point, 1), at(point, 1)];
    let scenario = match point {
        // Only of failed runs something is kept.
        "workspace.kept" => ScenarioName::Failing,
        _ if point.starts_with("action.") => ScenarioName::Acting,
        _ if failpoint::FILING_CRASH_POINTS.contains(&point) => ScenarioName::Filing,
        _ => ScenarioName::Steady,
    };
    let plan = Plan { scenario, wounds, absences: Vec::new() };
    let trial = try_in_fresh_folder(Path::new(PROGRAM), None, &plan).map_err(|error| format!("{point}: {error}"))?;
    if trial.kills == 0 {
        return Err(format!("{point}: the run never came there, so that nothing was tried"));
    }
    if trial.violations.is_empty() { Ok(()) } else { Err(format!("{point}: {}", report(&trial))) }
}

/// Carries out plans under a deliberate bug until the checks complain; they must, and about the right invariant.
#[track_caller]
fn assert_caught(bug: &str, invariant: Invariant, plans: impl IntoIterator<Item = Plan>) {
    assert!(failpoint::BUGS.iter().any(|(known, _)| *known == bug), "there is no bug named {bug}");
    let mut reports = Vec::new();
    for plan in plans {
        let trial = try_in_fresh_folder(Path::new(PROGRAM), Some(bug), &plan).unwrap_or_else(|error| panic!("{error}"));
        if trial.violations.iter().any(|violation| violation.invariant == invariant) {
            return;
        }
        reports.push(report(&trial));
    }
    panic!("nobody noticed the bug {bug}, which breaks {invariant:?}:\n{}", reports.join("\n"));
}

/// Crashes at the first visits of a point, one plan each.
fn crashes(point: &'static str, visits: u32) -> impl Iterator<Item = Plan> {
    (1..=visits).map(move |visit| Plan::single(ScenarioName::Steady, at(point, visit)))
}

fn unhurt() -> Plan {
    Plan::single(ScenarioName::Steady, Wound::None)
}

#[test]
fn uncommitted_log_bytes_that_recovery_keeps_are_noticed() {
    assert_caught("log.skip-truncate", Invariant::EveryLineOnce, crashes("log.synced", 4));
}

#[test]
fn an_action_that_must_not_be_repeated_and_is_is_noticed() {
    let plans = (2..=6).map(|visit| Plan::single(ScenarioName::Acting, at("log.committed", visit)));
    assert_caught("action.repeat", Invariant::EveryStepOnce, plans);
}

#[test]
fn a_raw_log_that_recovery_reads_from_its_start_is_noticed() {
    assert_caught("log.forget-source", Invariant::EveryLineOnce, crashes("log.committed", 4));
}

#[test]
fn a_tail_of_the_log_that_is_not_waited_for_is_noticed() {
    assert_caught("log.lose-tail", Invariant::EveryLineOnce, [unhurt()]);
}

#[test]
fn a_second_start_of_a_step_is_noticed() {
    assert_caught("step.ignore-token", Invariant::EveryStepOnce, crashes("step.spawned", 4));
}

#[test]
fn a_process_that_outlives_the_run_is_noticed() {
    assert_caught("step.leave-descendants", Invariant::NoProcessLeft, [unhurt()]);
}

#[test]
fn a_workspace_that_outlives_the_run_is_noticed() {
    assert_caught("run.keep-folder", Invariant::NoFileLeft, [unhurt()]);
}

#[test]
fn a_kept_workspace_that_the_next_engine_sweeps_away_is_noticed() {
    let killed = Plan::single(ScenarioName::Failing, at("run.released", 1));
    assert_caught("sweep.forget-kept", Invariant::WorkspaceKept, [killed]);
}

#[test]
fn half_an_artifact_that_a_crash_leaves_is_noticed() {
    assert_caught("blobs.keep-unfinished", Invariant::FiledWhole, [filing_crash("object.part")]);
}

#[test]
fn an_artifact_that_is_told_before_it_is_stored_is_noticed() {
    assert_caught("artifact.tell-early", Invariant::FiledWhole, [filing_crash("artifact.committed")]);
}

fn filing_crash(point: &str) -> Plan {
    Plan::single(ScenarioName::Filing, at(point, 1))
}

#[test]
fn every_deliberate_bug_has_its_test() {
    let text = include_str!("kill.rs");
    for (bug, _) in failpoint::BUGS {
        assert!(text.contains(&format!("assert_caught(\"{bug}\"")), "{bug} has no test");
    }
}
