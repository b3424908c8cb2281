//! The fixtures that Rust, Python and TypeScript share: what Rust says about them. See `tests/fixtures/README.md`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use windlass::executor::{Command, StepContainer, StepSecrets, StepService, StepSpec};
use windlass::pipeline::{self, CommitInfo, CredentialName, Isolation, Pipeline, TaskId, WorkspaceUse};
use windlass::report::{Annotation, TestSummary};
use windlass::run::{
    AttemptState, Cause, Decision, RestoredCache, RunEnd, RunId, RunStatus, Seq, StepKey, StoredArtifact, TaskEnd,
    TaskStatus, WaitReason,
};
use windlass::store::{MemoryStore, RunFilter};
use windlass::wire::{self, EngineOptions, RerunMode, SearchOptions, ShutdownOptions, StartOptions};
use windlass::{Engine, Error, ErrorKind, Event, EventFilter, EventKind, RunSummary, TaskSummary};

fn fixtures(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(below)
}

/// The names of the YAML files in a folder.
fn names(folder: &str) -> Vec<String> {
    let files = fs::read_dir(fixtures(folder)).unwrap().map(|entry| entry.unwrap().path());
    let yaml = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut names: Vec<String> = yaml.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert!(!names.is_empty(), "no fixtures in {folder}");
    names
}

/// Compares with what is kept, or keeps it.
fn agree(file: &str, found: &Value) {
    let path = fixtures(file);
    let text = serde_json::to_string_pretty(found).unwrap() + "\n";
    if std::env::var_os("WINDLASS_BLESS").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(text, kept, "{file} says something else; see tests/fixtures/README.md");
}

fn read_list(file: &str) -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(fixtures(file)).unwrap()).unwrap()
}

/// An entry with what was found in place of what was there.
fn with(entry: &Value, found: &[(&str, Value)]) -> Value {
    let mut entry = entry.as_object().unwrap().clone();
    for (key, value) in found {
        entry.insert((*key).to_owned(), value.clone());
    }
    Value::Object(entry)
}

#[test]
fn documents_are_the_json_beside_them() {
    for name in names("documents") {
        let pipeline = pipeline::read_file(fixtures(&format!("documents/{name}.yaml"))).unwrap();
        let value = serde_json::to_value(&pipeline).unwrap();
        agree(&format!("documents/{name}.json"), &value);
        // Reading it again gives the same, in every form.
        assert_eq!(wire::definition(&value.to_string()).unwrap(), pipeline, "{name}");
        let yaml = pipeline::to_yaml(&pipeline);
        assert_eq!(pipeline::read(yaml.as_bytes(), "again.yaml").unwrap(), pipeline, "{name}");
        assert_eq!(serde_json::from_value::<Pipeline>(value).unwrap(), pipeline, "{name}");
    }
}

#[test]
fn mistakes_are_told_as_beside_them() {
    for name in names("mistakes") {
        let file = format!("{name}.yaml");
        let text = fs::read(fixtures(&format!("mistakes/{file}"))).unwrap();
        let problems = pipeline::read(&text, &file).unwrap_err();
        agree(&format!("mistakes/{name}.json"), &serde_json::to_value(problems).unwrap());
    }
}

fn refused(operation: &str, options: &str) -> Error {
    match operation {
        "open" => wire::read::<EngineOptions>(options, "open").map(drop),
        "start" => wire::read::<StartOptions>(options, "start").and_then(StartOptions::request).map(drop),
        "runs" => wire::read::<RunFilter>(options, "runs").map(drop),
        "events" => wire::read::<EventFilter>(options, "events").map(drop),
        "search" => wire::read::<SearchOptions>(options, "search").and_then(SearchOptions::query).map(drop),
        "retry" => wire::read::<RerunMode>(options, "retry").map(drop),
        "shutdown" => wire::read::<ShutdownOptions>(options, "shutdown").map(drop),
        other => panic!("no operation {other:?}"),
    }
    .unwrap_err()
}

#[test]
fn wrong_options_are_refused_with_their_place() {
    let all = read_list("options.json").into_iter().map(|entry| {
        let error = refused(entry["operation"].as_str().unwrap(), &entry["options"].to_string());
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "badOption"), "{error}");
        let path = error.problems().unwrap().iter().next().unwrap().path.clone();
        with(&entry, &[("path", json!(path)), ("message", json!(error.to_string()))])
    });
    agree("options.json", &all.collect());
}

#[tokio::test]
async fn an_engine_refuses_with_these_words() {
    let folder = tempfile::tempdir().unwrap();
    let options: EngineOptions =
        wire::read(&json!({"dataDir": folder.path().join("data")}).to_string(), "open").unwrap();
    let engine: Engine = options.builder().unwrap().store(MemoryStore::new()).open().await.unwrap();
    let mut all = Vec::new();
    for entry in read_list("refusals.json") {
        let text = entry["document"].as_str().unwrap();
        let pipeline = pipeline::read(text.as_bytes(), "pipeline.yaml").unwrap();
        let request = wire::read::<StartOptions>(&entry["start"].to_string(), "start").unwrap().request().unwrap();
        let error = engine.start(&pipeline, request).await.unwrap_err();
        all.push(with(&entry, &[("error", serde_json::to_value(error).unwrap())]));
    }
    agree("refusals.json", &Value::Array(all));
    engine.close().await.unwrap();
}

#[test]
fn every_kind_of_error_has_a_class() {
    let listed: Vec<String> =
        read_list("errors.json").iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect();
    let kinds: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(listed, kinds);
}

/// One event of each type, with everything that it can have.
fn every_event() -> Vec<EventKind> {
    let task = || TaskId::new("unit[PY=3.12]");
    let cause = || Cause::new("exitCode", "the script ended with exit code 2", "look at its log");
    let commit = || CommitInfo {
        sha: "a".repeat(40),
        branch: "main".to_owned(),
        tag: "v1".to_owned(),
        message: "Mend it".to_owned(),
        author: "Ana <ana@example.com>".to_owned(),
        repository: "https://example.com/team/web.git".to_owned(),
    };
    let attempt = 2;
    vec![
        EventKind::RunQueued { pipeline: "web".to_owned(), number: 7 },
        EventKind::TaskReused { task: task(), from: run(), state: TaskEnd::Succeeded },
        EventKind::CommitFound { task: task(), commit: commit() },
        EventKind::RunStarted,
        EventKind::WorkspaceLost { cause: cause() },
        EventKind::TaskWaiting { task: task(), reason: WaitReason::new("slot", "all slots are taken") },
        EventKind::TaskRunning { task: task(), attempt },
        EventKind::TaskStarted { stage: Some("Test".to_owned()), task: task() },
        EventKind::AttemptStarted { task: task(), attempt },
        EventKind::Log { task: task(), attempt, offset: 12, bytes: "3 passed\n".into() },
        EventKind::LogTruncated { task: task(), attempt, limit: 1 << 30 },
        EventKind::CachesRestored { task: task(), attempt, caches: vec![cache()] },
        EventKind::TestsReported { task: task(), attempt, tests: tests() },
        EventKind::AnnotationsReported { task: task(), attempt, annotations: vec![annotation()], more: 3 },
        EventKind::ArtifactStored { task: task(), attempt, artifact: artifact() },
        EventKind::AttemptStopping { task: task(), attempt, cause: cause() },
        EventKind::AttemptFinished {
            task: task(),
            attempt,
            state: AttemptState::Failed,
            exit_code: Some(2),
            cause: Some(cause()),
            outputs: BTreeMap::from([("VERSION".to_owned(), "1".to_owned())]),
        },
        EventKind::ApprovalRequested { task: task(), message: "Ship?".to_owned(), approvers: vec!["ana".to_owned()] },
        EventKind::ApprovalDecided {
            task: task(),
            decision: Decision::Approved,
            by: "ana".to_owned(),
            reason: "looks good".to_owned(),
        },
        EventKind::CancelRequested { by: "ana".to_owned(), reason: "not today".to_owned() },
        EventKind::RunTimedOut,
        EventKind::FinallyStarted,
        EventKind::FinallyTimedOut,
        EventKind::EngineRecovered,
        EventKind::TaskFinished {
            task: task(),
            state: TaskEnd::Failed,
            exit_code: Some(2),
            cause: Some(cause()),
            duration_ms: 1500,
        },
        EventKind::RunFinished { state: RunEnd::Failed, duration_ms: 2000, cause: Some(cause()) },
    ]
}

fn run() -> RunId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}

fn cache() -> RestoredCache {
    serde_json::from_value(json!({"key": "pip-1", "from": "pip-0"})).unwrap()
}

fn annotation() -> Annotation {
    let text = "src/main.rs:7:3: error: mismatched types";
    windlass::report::annotations(text, 1).remove(0)
}

fn failed_test() -> Value {
    json!({
        "suite": ["tests"], "class": "test_web", "name": "test_home", "outcome": "failed", "message": "404",
        "details": "assert 404 == 200", "file": "tests/test_web.py", "line": 12
    })
}

fn tests() -> TestSummary {
    let all = json!({
        "tests": 3, "passed": 1, "failed": 1, "errors": 0, "skipped": 1, "durationMs": 20, "files": 1, "unreadable": 1,
        "failures": [failed_test()], "object": "reports/1"
    });
    serde_json::from_value(all).unwrap()
}

fn artifact() -> StoredArtifact {
    let all = json!({
        "name": "dist", "object": "runs/1/dist", "files": 2, "bytes": 300, "size": 120, "sha256": "ab".repeat(32),
        "until": "2026-12-01T00:00:00Z"
    });
    serde_json::from_value(all).unwrap()
}

#[test]
fn events_are_written_as_beside_them() {
    let time = "2026-11-29T02:00:00.5Z".parse().unwrap();
    let events = every_event().into_iter().enumerate().map(|(at, kind)| {
        let event = Event { run: run(), seq: Seq(at as u64 + 1), time, kind };
        serde_json::to_value(event).unwrap()
    });
    let events: Vec<Value> = events.collect();
    let words: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(words, Event::TYPES, "every type of event has its place in events.json");
    agree("events.json", &Value::Array(events));
}

/// A run and a task with everything that they can have.
#[test]
fn summaries_are_written_as_beside_them() {
    let time = || "2026-11-29T02:00:00Z".parse().unwrap();
    let cause = || Some(Cause::new("exitCode", "the script ended with exit code 2", "look at its log"));
    let task = TaskSummary {
        task: TaskId::new("unit"),
        stage: Some("Test".to_owned()),
        status: TaskStatus::Waiting,
        allow_failure: true,
        attempts: 1,
        exit_code: Some(2),
        cause: cause(),
        waiting: Some(WaitReason::new("backoff", "the next attempt starts soon")),
        outputs: BTreeMap::from([("VERSION".to_owned(), "1".to_owned())]),
        reused: serde_json::from_value(json!({"run": run(), "attempt": 1})).unwrap(),
        tests: Some(tests()),
        annotations: vec![annotation()],
        artifacts: vec![artifact()],
        started: Some(time()),
        duration_ms: Some(3),
    };
    let summary = RunSummary {
        id: run(),
        pipeline: "web".to_owned(),
        number: 7,
        pipeline_version: Some(2),
        status: RunStatus::Running,
        trigger: "push".to_owned(),
        actor: "ana".to_owned(),
        commit: CommitInfo { sha: "a".repeat(40), ..CommitInfo::default() },
        executor: "local".to_owned(),
        created: time(),
        started: Some(time()),
        finished: Some(time()),
        duration_ms: Some(4),
        cause: cause(),
        tasks: vec![task],
    };
    agree("summary.json", &serde_json::to_value(summary).unwrap());
}

/// A step with everything that it can have, as executors in other languages get it.
#[test]
fn steps_are_written_as_beside_them() {
    let step = StepSpec {
        key: StepKey { run: run(), task: TaskId::new("unit"), attempt: 2 },
        generation: 1,
        resumed: true,
        command: Command::Script { text: "make test".to_owned(), shell: Some("bash -e".to_owned()) },
        env: BTreeMap::from([("CI".to_owned(), "true".to_owned())]),
        secrets: StepSecrets::default(),
        image: Some("python:3.12".to_owned()),
        container: StepContainer {
            options: serde_json::from_value(json!({"user": "1000"})).unwrap(),
            services: vec![StepService {
                name: "db".to_owned(),
                image: "postgres:17".to_owned(),
                credential: Some(CredentialName::new("base-registry").unwrap()),
                command: vec!["postgres".to_owned()],
                env: BTreeMap::from([("POSTGRES_PASSWORD".to_owned(), "secret".to_owned())]),
                health: serde_json::from_value(json!({"command": "pg_isready"})).unwrap(),
                privileged: false,
            }],
        },
        resources: serde_json::from_value(json!({"limits": {"memory": "1Gi"}})).unwrap(),
        isolation: Isolation::Task,
        workspace: WorkspaceUse::Shared,
    };
    agree("step.json", &serde_json::to_value(step).unwrap());
}
