//! Running again, with real processes and a store on disk: the files are those that the failed run left, also after a crash.

use std::path::PathBuf;

use super::pipeline;
use crate::engine::{Engine, EventKind, Rerun, Run, RunRequest};
use crate::run::RunStatus;

/// Fails in its last task as long as there is no file `go`.
const CHAIN: &str = r#"
name: chain
parameters: [{name: HERE, dynamic: true}]
stages:
  - name: Source
    tasks:
      - {name: checkout, script: 'echo checkout >> "$HERE/did"; echo source > source; chmod 640 source; ln -s source link; echo got it'}
  - name: Build
    tasks:
      - {name: build, script: 'echo build >> "$HERE/did"; cat link > built; echo "VERSION=7" >> "$WINDLASS_OUTPUT"', outputs: [VERSION]}
  - name: Test
    tasks:
      - name: test
        env: {GOT: "${build.VERSION}"}
        script: |
          echo test >> "$HERE/did"
          echo "got $GOT: $(cat built) $(stat -c %a source) $(readlink link) $(cat half 2> /dev/null)"
          echo half > half
          test -e "$HERE/go"
"#;

struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    async fn open(&self) -> Engine {
        Engine::builder().data_dir(self.folder.path().join("data")).open().await.unwrap()
    }

    async fn failed(&self, engine: &Engine, document: &str) -> Run {
        let request = RunRequest::manual().parameter("HERE", self.folder.path().to_str().unwrap());
        let run = engine.start(&pipeline(document), request).await.unwrap();
        assert_eq!(run.wait().await.unwrap().status, RunStatus::Failed);
        run
    }

    fn go(&self) {
        std::fs::write(self.folder.path().join("go"), "").unwrap();
    }

    fn did(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("did")).unwrap().replace('\n', " ")
    }

    /// The folders of runs that the executor has.
    fn folders(&self) -> Vec<PathBuf> {
        let root = self.folder.path().join("data/executors/local");
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_those_that_the_failed_run_left() {
    let site = Site::new();
    let engine = site.open().await;
    let old = site.failed(&engine, CHAIN).await;
    assert_eq!(site.folders().len(), 1, "only the kept workspace is there");
    site.go();
    let new = old.retry(Rerun::FromFailed, "ana").await.unwrap();
    assert!(new.wait().await.unwrap().succeeded());
    assert_eq!(new.logs("test").await.unwrap(), "got 7: source 640 source half\n");
    assert_eq!(site.did(), "checkout build test test ");
    assert_eq!(site.folders(), Vec::<PathBuf>::new(), "nothing is left of both");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_reused_task_is_that_of_the_run_that_did_it() {
    let site = Site::new();
    let engine = site.open().await;
    let first = site.failed(&engine, CHAIN).await;
    let second = first.retry(Rerun::FromFailed, "ana").await.unwrap();
    assert_eq!(second.wait().await.unwrap().status, RunStatus::Failed);
    site.go();
    let third = second.retry(Rerun::FromFailed, "ana").await.unwrap();
    assert!(third.wait().await.unwrap().succeeded());
    for run in [&first, &second, &third] {
        assert_eq!(run.logs("checkout").await.unwrap(), "got it\n");
        assert_eq!(run.log("checkout", 1, 4, 2).await.unwrap(), "it");
        let mut followed = run.follow_log("checkout", 0, 0).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = followed.next().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        assert_eq!(bytes, b"got it\n");
    }
    assert_eq!(third.logs("test").await.unwrap(), "got 7: source 640 source half\n");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_workspace_is_taken_over_changes_nothing() {
    let site = Site::new();
    let engine = site.open().await;
    // Only one run of the group goes at once, so that the repetition waits until the engine is gone.
    let group = "concurrency: {group: g, limit: 1, onConflict: queue}\nstages:";
    let old = site.failed(&engine, &CHAIN.replace("stages:", group)).await;
    let blocker = "name: other\nconcurrency: {group: g, limit: 1, onConflict: queue}\nparameters: [{name: HERE, dynamic: true}]\n\
                   stages: [{name: S, tasks: [{name: t, script: 'until [ -e \"$HERE/go\" ]; do sleep 0.02; done'}]}]";
    let request = RunRequest::manual().parameter("HERE", site.folder.path().to_str().unwrap());
    engine.start(&pipeline(blocker), request).await.unwrap();
    let new = old.retry(Rerun::FromFailed, "ana").await.unwrap().id();
    engine.close().await.unwrap();

    let engine = site.open().await;
    assert!(engine.recovered().contains(&new));
    site.go();
    let new = engine.run(new).await.unwrap();
    assert!(new.wait().await.unwrap().succeeded());
    assert_eq!(new.logs("test").await.unwrap(), "got 7: source 640 source half\n");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_workspace_is_taken_over_changes_nothing() {
    let site = Site::new();
    let engine = site.open().await;
    let waits = CHAIN.replace("test -e \"$HERE/go\"", "test -e \"$HERE/once\" || { touch \"$HERE/once\"; exit 1; }\n          until [ -e \"$HERE/go\" ]; do sleep 0.02; done");
    let old = site.failed(&engine, &waits).await;
    let new = old.retry(Rerun::FromFailed, "ana").await.unwrap();
    let mut events = new.events().await.unwrap();
    while let Some(event) = events.next().await.unwrap() {
        if matches!(event.kind, EventKind::Log { .. }) {
            break;
        }
    }
    engine.close().await.unwrap();

    let engine = site.open().await;
    site.go();
    let new = engine.run(new.id()).await.unwrap();
    assert!(new.wait().await.unwrap().succeeded());
    assert_eq!(new.logs("test").await.unwrap(), "got 7: source 640 source half\n");
    assert_eq!(site.did(), "checkout build test test ");
    assert_eq!(site.folders(), Vec::<PathBuf>::new());
    engine.close().await.unwrap();
}
