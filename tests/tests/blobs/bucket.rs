//! An engine whose caches and artifacts are in a bucket, and pipelines that leave some.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use windlass::pipeline::CommitInfo;
use windlass::run::TaskStatus;
use windlass::wire::{self, EngineOptions};
use windlass::{Engine, EngineBuilder, EventKind, Run, RunRequest, RunSummary};

use crate::server::{KEY, SECRET, Server};

/// A folder for an engine, and one for a server.
pub(crate) struct Site {
    folder: tempfile::TempDir,
}

/// What is set in the settings of the bucket, beside what is right.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) key: Option<&'static str>,
    pub(crate) secret: Option<&'static str>,
    pub(crate) bucket: Option<&'static str>,
}

impl Site {
    /// With the bucket `ci-objects`.
    pub(crate) fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(this.root().join("ci-objects")).unwrap();
        this
    }

    /// Where the server has its buckets.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("buckets")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The objects in the bucket, by name.
    pub(crate) fn objects(&self) -> Vec<String> {
        let bucket = self.root().join("ci-objects");
        let (mut folders, mut found) = (vec![bucket.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path.strip_prefix(&bucket).unwrap().to_str().unwrap().to_owned()),
                }
            }
        }
        found.sort();
        found
    }

    /// As a portal sets it: by the document of an engine's options.
    pub(crate) fn builder(&self, server: &Server, settings: &Settings) -> EngineBuilder {
        let options = json!({
            "dataDir": self.path("data"),
            "blobs": {"s3": {
                "bucket": settings.bucket.unwrap_or("ci-objects"),
                "endpoint": format!("http://{}", server.address()),
                "accessKey": settings.key.unwrap_or(KEY),
                "secretKey": settings.secret.unwrap_or(SECRET),
                "prefix": "a/b",
                "patience": "1s",
            }},
        });
        wire::read::<EngineOptions>(&options.to_string(), "open").unwrap().builder().unwrap()
    }

    pub(crate) async fn open(&self, server: &Server) -> Engine {
        self.builder(server, &Settings::default()).open().await.unwrap()
    }
}

pub(crate) async fn started(engine: &Engine, document: &str) -> Run {
    let pipeline = windlass::pipeline::read(document.as_bytes(), "test.yaml").unwrap_or_else(|error| panic!("{error}"));
    let commit = CommitInfo { branch: "main".to_owned(), ..CommitInfo::default() };
    engine.start(&pipeline, RunRequest::triggered_by("push").commit(commit)).await.unwrap()
}

pub(crate) async fn ran(engine: &Engine, document: &str) -> (Run, RunSummary) {
    let run = started(engine, document).await;
    let summary = run.wait().await.unwrap();
    (run, summary)
}

pub(crate) async fn log(run: &Run, task: &str) -> String {
    String::from_utf8(run.logs(task).await.unwrap().to_vec()).unwrap()
}

/// Why a task failed: the code, what is said, and the advice.
pub(crate) fn cause(summary: &RunSummary, task: &str) -> (String, String, String) {
    let task = summary.task(task).unwrap();
    assert_eq!(task.status, TaskStatus::Failed, "{task:?}");
    let cause = task.cause.clone().unwrap();
    (cause.code, cause.message, cause.advice)
}

/// Everything that is kept of a run, as people and portals see it.
pub(crate) async fn everything(run: &Run) -> String {
    let mut told = String::new();
    let mut events = run.events().await.unwrap();
    while let Some(event) = events.next().await.unwrap() {
        told += &serde_json::to_string(&event).unwrap();
        if let EventKind::RunFinished { .. } = event.kind {
            break;
        }
    }
    told
}
