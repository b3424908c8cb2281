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

/// A clone of the repository in which this is, with as little as a machine that runs checks gets: the newest commit, and no branch.
fn clone(folder: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let clone = folder.join("clone");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIT_")) {
            command.env_remove(name);
        }
        // It may belong to another user than the one that tests.
        let trusted = ["-c", "safe.directory=*"];
        let output = command.args(trusted).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let (url, path) = (format!("file://{}", root.display()), clone.display().to_string());
    git(&["clone", "-q", "--depth", "1", &url, &path]);
    git(&["-C", &path, "checkout", "-q", "--detach"]);
    clone
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
    let document = example("windlass.yaml");
    let repository = format!("REPOSITORY={}", clone(data.path()).display());
    // As in README, without the tests of Windlass, which are being run. And the toolchain's place, which is not below the home
    // folder on every machine that tests.
    let given = ["--param", &repository, "--param", "OWN_TESTS="];
    let toolchain = ["--pass-env", "CARGO_HOME", "--pass-env", "RUSTUP_HOME"];
    let arguments = ["run", document.to_str().unwrap(), "--json"].into_iter().chain(given).chain(toolchain);
    let output = windlass(&arguments.collect::<Vec<_>>(), &data.path().join("data"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    let events = events_of(&output);
    assert_eq!(output.status.code(), Some(0), "{complaints}\n{}", String::from_utf8_lossy(&output.stdout));
    for task in ["checkout", "build", "lint", "test[PROFILE=dev]", "test[PROFILE=release]", "package", "report"] {
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
    let mut program = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    let output = program.arg(data.path().join("data")).arg(clone(data.path())).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let report = text.lines().find(|line| line.starts_with("build 1 of quickstart at "));
    assert!(report.is_some_and(|line| line.ends_with(" has succeeded")), "{text}");
}
