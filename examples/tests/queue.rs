//! The queue: each kind of group does what it says.

use std::process::Command;

#[test]
fn groups_wait_replace_and_refuse() {
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_queue")).arg(data.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "deploy #1 on prod: running",
        "deploy #2 on prod: queued",
        "deploy #3 on staging: running",
        "preview #1: cancelled: ",
        "migrate: concurrencyLimit: ",
        "all others: succeeded",
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line:?} is not in\n{text}");
    }
}
