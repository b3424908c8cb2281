//! Every benchmark still works, with tiny counts.

use std::process::Command;

#[test]
fn every_benchmark_has_its_rows() {
    let names = ["steps", "lines", "start", "planning", "replay", "events", "queued", "store", "log"];
    let output = Command::new(env!("CARGO_BIN_EXE_windlass-benches")).args(names).arg("--quick").output().unwrap();
    let (table, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{complaints}");
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
