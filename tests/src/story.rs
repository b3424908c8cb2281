//! What a run tells, without what differs from run to run: the same on every executor.
#![expect(clippy::panic, reason = "a program that cannot be started ends the test that wants it")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A program that is nowhere.
const MISSING: &str = "no-such-program";

/// Pipelines whose stories are compared. `IMAGE` stands for the image of the steps.
pub const PIPELINES: &[&str] = &[
    "name: good\nstages: [{name: S, tasks: [{name: a, image: IMAGE, script: \"echo one; echo two >&2; echo K=v >> $WINDLASS_OUTPUT\", outputs: [K]}, \
     {name: b, image: IMAGE, env: {V: \"${a.K}\"}, script: \"echo $V\"}]}]\n",
    "name: bad\nstages: [{name: S, tasks: [{name: a, image: IMAGE, script: \"echo before; exit 3\"}, \
     {name: b, image: IMAGE, script: \"true\"}]}]\nfinally: [{name: f, image: IMAGE, script: \"echo $WINDLASS_STATUS\"}]\n",
    "name: again\nstages: [{name: S, tasks: [{name: a, image: IMAGE, retry: {attempts: 2, \"on\": [failure]}, \
     script: \"echo $TASK_ATTEMPT; test $TASK_ATTEMPT = 2\"}]}]\n",
    "name: missing\nstages: [{name: S, tasks: [{name: a, image: IMAGE, script: \"no-such-program\"}]}]\n",
];

/// The events without what differs from run to run; a log is told as one piece, however it came.
pub fn story(events: &[Value]) -> Vec<String> {
    let mut story = Vec::new();
    let mut said = String::new();
    for event in events {
        let kind = event["type"].as_str().unwrap_or_default();
        if kind == "log" {
            // Each shell complains in its own words, and only of containers something is told beside.
            let lines = event["text"].as_str().unwrap_or_default().split_inclusive('\n');
            for line in lines.filter(|line| !line.starts_with("[windlass] ")) {
                said += if line.contains(MISSING) { "the program is not found\n" } else { line };
            }
            continue;
        }
        if !said.is_empty() {
            story.push(format!("log {said:?}"));
            said.clear();
        }
        // Only one of them waits for containers.
        if kind == "taskWaiting" || kind == "taskRunning" {
            continue;
        }
        let field = |name: &str| event.get(name).map(Value::to_string).unwrap_or_default();
        let code = event["cause"]["code"].as_str().unwrap_or_default();
        story.push(format!(
            "{kind} {} {} {} {} {code}",
            field("task"),
            field("attempt"),
            field("state"),
            field("exitCode")
        ));
    }
    story
}

/// Runs the command line to its end.
///
/// # Panics
/// When it cannot be started, or tells nothing.
pub fn told(
    program: &str,
    executor: &str,
    document: &str,
    data_dir: &Path,
    environment: &[(&str, &str)],
) -> Vec<String> {
    let fail = |error: std::io::Error| panic!("{program}: {error}");
    std::fs::create_dir_all(data_dir).unwrap_or_else(fail);
    let file = data_dir.with_extension("yaml");
    std::fs::write(&file, document).unwrap_or_else(fail);
    let mut command = Command::new(program);
    command.arg("run").arg(&file).args(["--json", "--executor", executor, "--data-dir"]).arg(data_dir);
    command.envs(environment.iter().copied());
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let events: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(!events.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    story(&events)
}
