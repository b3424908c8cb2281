//! The command line is killed while steps run in pods: nothing may be lost, doubled or left behind.
//!
//! For long counts: `cargo run -p windlass-tests --bin windlass-kill -- --kubernetes --kills 100 --seed 7`.

use windlass_tests::kill::{Campaign, Ground};

const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass-under-test");

#[test]
fn random_kills_lose_double_and_leave_nothing_in_the_cluster() {
    let campaign =
        Campaign { program: PROGRAM.into(), kills: 15, seed: 1, jobs: 2, bug: None, ground: Ground::kubernetes() };
    let tally = campaign.run(|_| ()).unwrap_or_else(|error| panic!("{error}"));
    let failures: Vec<String> = tally.failures.iter().map(|(trial, what)| format!("trial {trial}: {what}")).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(tally.kills >= 15, "{} kills", tally.kills);
}
