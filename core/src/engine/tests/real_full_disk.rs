//! A real disk without room.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::kit::{document, eventually};
use crate::clock::SystemClock;
use crate::engine::{Engine, Event, EventKind, Run, RunRequest};
use crate::error::ErrorKind;
use crate::testing::{Script, ScriptedExecutor};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_runs_go_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(4096) else { return };
    let clock = Arc::new(SystemClock::resume(None));
    let script = Script::succeeds().log("one").after(Duration::from_millis(300)).log("two");
    let executor = ScriptedExecutor::new(clock.clone()).task("work", script);
    let builder = Engine::builder().data_dir(disk.path().join("data")).executor("scripted", executor.clone());
    let engine = builder.clock(clock).open().await.unwrap();
    let first = engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
    let acknowledged = until_log(&first).await;

    disk.fill();
    // Pages that the files have already may take a few more.
    let mut runs = vec![first];
    let refused = loop {
        match engine.start(&document("web", "x"), RunRequest::manual()).await {
            Ok(run) => runs.push(run),
            Err(error) => break error,
        }
    };
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unavailable, "noSpace"), "{refused}");
    assert!(refused.is_retryable());
    // The step does not notice; its run waits.
    eventually("the end of the step", async || executor.running().is_empty()).await;
    assert!(!runs[0].status().await.unwrap().is_final());

    disk.make_room();
    for run in &runs {
        assert!(run.wait().await.unwrap().succeeded());
        assert_eq!(run.logs("work").await.unwrap(), "one\ntwo\n");
    }
    let events = all(&runs[0]).await;
    assert_eq!(events[..acknowledged.len()], acknowledged);
    let next = engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
    assert_eq!(next.number(), runs.len() as u64 + 1);
    assert!(next.wait().await.unwrap().succeeded());
    engine.close().await.unwrap();
}

/// The events up to the first piece of log.
async fn until_log(run: &Run) -> Vec<Event> {
    let mut stream = run.events().await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await.unwrap() {
        let is_log = matches!(event.kind, EventKind::Log { .. });
        events.push(event);
        if is_log {
            break;
        }
    }
    events
}

async fn all(run: &Run) -> Vec<Event> {
    let mut stream = run.events().await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await.unwrap() {
        events.push(event);
    }
    events
}

/// A small file system of its own, gone with the value.
pub(super) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where mounting is not allowed.
    pub(super) fn mount(kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "windlass-test"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                eprintln!("SKIPPED, no small disk: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                eprintln!("SKIPPED, no small disk: mount: {error}");
                None
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        for size in [64 * 1024, 512, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}
