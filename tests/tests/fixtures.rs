//! The fixtures that Rust, Python and TypeScript share: what Rust says about them. See `tests/fixtures/README.md`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use windlass::pipeline::{self, Pipeline};
use windlass::store::{MemoryStore, RunFilter};
use windlass::wire::{self, EngineOptions, RerunMode, SearchOptions, ShutdownOptions, StartOptions};
use windlass::{Engine, Error, ErrorKind, EventFilter};

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
    let engine: Engine = options.builder().store(MemoryStore::new()).open().await.unwrap();
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
