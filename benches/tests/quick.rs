//! Every benchmark still works, with tiny counts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;

/// The table of some benchmarks.
fn table(names: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_windlass-benches")).args(names).arg("--quick").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_benchmark_has_its_rows() {
    let table = table(&["steps", "lines", "start", "planning", "replay", "events", "queued", "store", "log"]);
    let works = [
        "sequential",
        "parallel",
        "1000 lines",
        "first log line",
        "planning 10 tasks",
        "replaying",
        "events streamed, Rust",
        "queued runs",
        "by trigger",
        "from a cursor",
        "deleting a run",
        "opening the store",
    ];
    for work in works {
        assert!(table.contains(work), "{work} is missing:\n{table}");
    }
}

/// Over the Docker engine that `tests/docker/up` has set up.
#[test]
fn steps_in_containers_have_their_rows_beside_their_floors_and_aims() {
    let table = table(&["docker"]);
    let rows = [
        ("3 sequential no-op steps in a warm container, each", "one exec through the API", "5.00 "),
        ("3 parallel no-op steps in a warm container, each", "one exec through the API", "5.00 "),
        ("first log line of a cold run", "raw create and start", "the aim is 1.2 times the floor"),
        ("1000 lines from a warm container", "one exec through the API", "600 "),
    ];
    for (work, floor, aim) in rows {
        let row = table.lines().find(|line| line.contains(work));
        assert!(row.is_some_and(|row| row.contains(floor) && row.contains(aim)), "{work}:\n{table}");
    }
}
