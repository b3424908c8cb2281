//! The executor of one's own runs a pipeline, and keeps the host's environment out of it.

use std::process::Command;

#[test]
fn nothing_of_the_host_reaches_the_step() {
    let data = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_own_executor"));
    let output = program.arg(data.path().join("data")).env("TOKEN_OF_THE_HOST", "hush").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("TOKEN_OF_THE_HOST"), "{text}");
    assert!(text.contains("PIPELINE_NAME=clean\n"), "{text}");
    assert!(text.contains("made here\n"), "{text}");
    assert!(text.contains(" variables\n"), "{text}");
}
