//! The quickstart, by the command line and in Rust: it runs to success on any machine with a Rust toolchain.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("quickstart").join(path)
}

/// The command line is the library's `main` in a program of this package.
fn windlass(arguments: &[&str], data_dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass-cli"));
    command.args(arguments).arg("--data-dir").arg(data_dir);
    command.output().unwrap()
}

fn events_of(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn state_of<'a>(events: &'a [Value], task: &str) -> &'a str {
    let mut ends = events.iter().filter(|event| event["type"] == "taskFinished" && event["task"] == task);
    ends.next().and_then(|event| event["state"].as_str()).unwrap_or("never told")
}

#[test]
fn the_document_runs_to_success() {
    let data = tempfile::tempdir().unwrap();
    let (document, project) = (example("windlass.yaml"), example("project"));
    let (document, project) = (document.to_str().unwrap(), project.to_str().unwrap());
    // As in README, and the toolchain's place, which is not below the home folder on every machine that tests.
    let toolchain = ["--pass-env", "CARGO_HOME", "--pass-env", "RUSTUP_HOME"];
    let arguments = ["run", document, "--source", project, "--json"].into_iter().chain(toolchain).collect::<Vec<_>>();
    let output = windlass(&arguments, data.path());
    let complaints = String::from_utf8_lossy(&output.stderr);
    let events = events_of(&output);
    assert_eq!(output.status.code(), Some(0), "{complaints}\n{}", String::from_utf8_lossy(&output.stdout));
    for task in ["build", "lint", "test[PROFILE=dev]", "test[PROFILE=release]", "package", "report"] {
        assert_eq!(state_of(&events, task), "succeeded", "{task}");
    }
    assert_eq!(state_of(&events, "publish"), "skipped", "TARGET is dev unless it is given");
    let outputs = |task: &str| {
        let mut ends = events.iter().filter(|event| event["type"] == "attemptFinished" && event["task"] == task);
        ends.next().map(|event| event["outputs"].clone()).unwrap_or_default()
    };
    assert_eq!(outputs("package")["ARCHIVE"], "roman-1.2.0.tar.gz", "the version came from another task");
}

#[test]
fn the_program_runs_to_success() {
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart")).arg(data.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("build 1 of quickstart has succeeded"), "{text}");
}
