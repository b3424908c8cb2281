//! Credentials: kept sealed, given to steps and actions, and shown by nothing.

mod actions;
mod fuzzing;
mod keys;
mod runs;
mod shared;
mod steps;

use std::path::{Path, PathBuf};

use super::pipeline;
use crate::engine::{Engine, EngineBuilder, Event, Run, RunRequest, RunSummary};
use crate::secret::{Credential, SecretText};
use crate::store::{AuditFilter, CredentialRecord};
use crate::testing::{exposed_in, exposures};

/// The value that must show up nowhere. It has what escapes differ about.
pub(super) const TOKEN: &str = "tok'en/\"7f3a$é b+c";

/// A data directory with engines one after another.
pub(super) struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(super) async fn open(&self) -> Engine {
        self.open_with(|builder| builder).await
    }

    pub(super) async fn open_with(&self, more: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Engine {
        more(Engine::builder().data_dir(self.data())).open().await.unwrap()
    }

    /// An engine that keeps the token as `hook`.
    pub(super) async fn with_token(&self) -> Engine {
        let engine = self.open().await;
        engine.credentials().set("hook", &token(TOKEN), "ana").await.unwrap();
        engine
    }

    /// Nothing below the folder shows the value: not the store, its log, a backup, the logs, the folders of steps.
    pub(super) async fn shows_no(&self, engine: &Engine, secret: &str) {
        let backup = self.path(&format!("backup-{}", engine.audit(&AuditFilter::default()).await.unwrap().len()));
        engine.backup(&backup, "ana").await.unwrap();
        assert_eq!(exposures(self.folder.path(), secret).unwrap(), []);
        assert!(!backup.join("master.key").exists(), "a backup has no key");
        let mut events = engine.events(crate::engine::EventFilter::default()).await.unwrap();
        let newest = engine.handle.core.archive.store.newest().await.unwrap();
        while let Some(event) = events.next().await.unwrap() {
            let line = serde_json::to_string(&event).unwrap();
            assert!(!exposed_in(&line, secret), "{line}");
            if event.position >= newest {
                break;
            }
        }
    }
}

/// Whatever a test did: at its end no file shows the value, however it was left.
impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(exposures(self.folder.path(), TOKEN).unwrap(), [], "at the end of the test");
        }
    }
}

pub(super) fn token(value: &str) -> Credential {
    Credential::Token { token: SecretText::new(value) }
}

pub(super) fn login() -> Credential {
    Credential::UserPassword { user: "ana-of-the-team".to_owned(), password: SecretText::new("correct horse") }
}

/// One task with this script and these keys.
pub(super) fn task(script: &str, more: &str) -> crate::Pipeline {
    let script = serde_json::to_string(script).unwrap();
    pipeline(&format!("name: p\nstages: [{{name: S, tasks: [{{name: t, script: {script}, {more}}}]}}]"))
}

pub(super) async fn outcome(engine: &Engine, definition: &crate::Pipeline) -> (Run, RunSummary) {
    let run = engine.start(definition, RunRequest::manual()).await.unwrap();
    let summary = run.wait().await.unwrap();
    (run, summary)
}

/// What the task said, once it is over.
pub(super) async fn log(run: &Run) -> String {
    String::from_utf8(run.logs("t").await.unwrap().to_vec()).unwrap()
}

pub(super) async fn until_logged(run: &Run, text: &str) {
    let mut stream = run.follow_log("t", 1, 0).await.unwrap();
    let mut logged = String::new();
    while !logged.contains(text) {
        let piece = stream.next().await.unwrap().expect("the log ends before");
        logged += &String::from_utf8_lossy(&piece);
    }
}

pub(super) async fn events(run: &Run) -> Vec<Event> {
    let mut stream = run.events().await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await.unwrap() {
        events.push(event);
    }
    events
}

/// Everything that is sealed, of the installation and of runs.
pub(super) async fn sealed(engine: &Engine) -> Vec<CredentialRecord> {
    engine.handle.core.archive.store.credentials(None).await.unwrap()
}

pub(super) fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o600
}
