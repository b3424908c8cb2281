//! The approval: yes goes on, no fails, and both say who and why.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;

fn approval(answer: &str) -> (bool, String) {
    let data = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_approval"));
    let output = program.arg(data.path()).arg(answer).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

#[test]
fn yes_goes_on() {
    let (succeeded, text) = approval("yes");
    assert!(succeeded, "{text}");
    assert_eq!(text, "Ship shop:42? Yes.\nben: the numbers look good\ndeploying shop:42\nthe rollout has succeeded\n");
}

#[test]
fn no_fails_and_deploys_nothing() {
    let (succeeded, text) = approval("no");
    assert!(!succeeded, "{text}");
    assert!(text.contains("ben: not on a Friday"), "{text}");
    assert!(!text.contains("deploying"), "{text}");
    assert!(text.contains("the rollout has failed"), "{text}");
}
