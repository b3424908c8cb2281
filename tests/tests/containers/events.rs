//! The same pipelines over local processes and in containers tell the same story.

use std::process::Command;

use serde_json::Value;
use windlass_tests::docker::Site;

const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass-under-test");

const PIPELINES: &[&str] = &[
    "name: good\nstages: [{name: S, tasks: [{name: a, image: IMAGE, script: \"echo one; echo two >&2; echo K=v >> $WINDLASS_OUTPUT\", outputs: [K]}, \
     {name: b, image: IMAGE, env: {V: \"${a.K}\"}, script: \"echo $V\"}]}]\n",
    "name: bad\nstages: [{name: S, tasks: [{name: a, image: IMAGE, script: \"echo before; exit 3\"}, \
     {name: b, image: IMAGE, script: \"true\"}]}]\nfinally: [{name: f, image: IMAGE, script: \"echo $WINDLASS_STATUS\"}]\n",
    "name: again\nstages: [{name: S, tasks: [{name: a, image: IMAGE, retry: {attempts: 2, \"on\": [failure]}, \
     script: \"echo $TASK_ATTEMPT; test $TASK_ATTEMPT = 2\"}]}]\n",
    "name: missing\nstages: [{name: S, tasks: [{name: a, image: IMAGE, script: \"no-such-program\"}]}]\n",
];

/// The events without what differs from run to run; a log is told as one piece, however it came.
fn story(events: &[Value]) -> Vec<String> {
    let mut story = Vec::new();
    let mut said = String::new();
    for event in events {
        let kind = event["type"].as_str().unwrap();
        if kind == "log" {
            // Shells begin their complaints with the path of the script, which is another one in a container.
            for line in event["text"].as_str().unwrap().split_inclusive('\n') {
                said += line.split_once(": line ").map_or(line, |(_, complaint)| complaint);
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

fn run(site: &Site, executor: &str, document: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.yaml");
    std::fs::write(&file, document.replace("IMAGE", &site.images.debian)).unwrap();
    let mut command = Command::new(PROGRAM);
    command
        .arg("run")
        .arg(&file)
        .args(["--json", "--executor", executor, "--data-dir"])
        .arg(folder.path().join("data"));
    command.env("DOCKER_HOST", &site.engine).env("WINDLASS_HELPER", "/usr/bin/busybox");
    let output = command.output().unwrap();
    let events = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!events.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    story(&events)
}

#[test]
fn local_and_docker_tell_the_same_story() {
    let site = Site::find();
    for document in PIPELINES {
        assert_eq!(run(&site, "docker", document), run(&site, "local", document), "{document}");
    }
}
