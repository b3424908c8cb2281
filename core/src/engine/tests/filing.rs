//! Caches, artifacts and reports, with real processes and a store on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pipeline;
use crate::blob::object_store::memory::InMemory;
use crate::blob::{ArchiveLimits, BlobSettings, BlobStore};
use crate::engine::{Engine, EngineBuilder, EventKind, Reader, Rerun, Run, RunRequest, RunSummary};
use crate::pipeline::CommitInfo;
use crate::run::{RunStatus, TaskStatus};

struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn builder(&self) -> EngineBuilder {
        Engine::builder().data_dir(self.folder.path().join("data"))
    }

    async fn open(&self) -> Engine {
        self.builder().open().await.unwrap()
    }

    fn blobs(&self) -> PathBuf {
        self.folder.path().join("data/blobs")
    }
}

pub(super) async fn run(engine: &Engine, document: &str, request: RunRequest) -> (Run, RunSummary) {
    let run = engine.start(&pipeline(document), request).await.unwrap();
    let summary = run.wait().await.unwrap();
    (run, summary)
}

pub(super) async fn log(run: &Run, task: &str) -> String {
    String::from_utf8(run.logs(task).await.unwrap().to_vec()).unwrap()
}

pub(super) fn on(branch: &str) -> RunRequest {
    RunRequest::triggered_by("push").commit(CommitInfo { branch: branch.to_owned(), ..CommitInfo::default() })
}

/// All files below a folder.
pub(super) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// The second task takes its time unless the cache is there.
const CACHED: &str = r#"
name: cached
parameters: [{name: LOCK, dynamic: true, default: one}]
stages:
  - name: S
    tasks:
      - {name: source, script: 'echo "$LOCK" > lock; mkdir -p other; echo x > other/file'}
      - name: build
        script: |
          if [ -e deps/lib ]; then echo "had $(cat deps/lib)"; else echo "made it"; mkdir -p deps; ln -s lib deps/link; fi
          cat lock > deps/lib
        caches: [{key: "deps-${hash:lock}", paths: [deps], fallbackKeys: [deps-]}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_finds_what_the_first_one_kept() {
    let site = Site::new();
    let engine = site.open().await;
    let (first, summary) = run(&engine, CACHED, on("main")).await;
    assert!(summary.succeeded());
    let said = log(&first, "build").await;
    assert!(said.contains(": there is none yet\nmade it\n[windlass] cache \"deps-"), "{said}");
    assert!(said.contains(": saved, 2 files, "), "{said}");

    let (second, summary) = run(&engine, CACHED, on("fix")).await;
    assert!(summary.succeeded());
    let said = log(&second, "build").await;
    assert!(said.contains(": restored, 2 files, "), "{said}");
    assert!(said.contains("\nhad one\n") && !said.contains("saved"), "{said}");
    let mut events = second.events().await.unwrap();
    let mut restored = None;
    while let Some(event) = events.next().await.unwrap() {
        if let EventKind::CachesRestored { caches, .. } = event.kind {
            restored = Some(caches);
        }
    }
    let restored = restored.unwrap();
    assert_eq!(restored[0].from.as_ref(), Some(&restored[0].key));

    let (third, _) = run(&engine, CACHED, on("main").parameter("LOCK", "two")).await;
    let said = log(&third, "build").await;
    assert!(said.contains(": restored from \"deps-") && said.contains("\nhad one\n"), "{said}");
    assert!(said.contains(": saved, "), "another key is another cache: {said}");
    let (fourth, _) = run(&engine, CACHED, on("main").parameter("LOCK", "two")).await;
    assert!(log(&fourth, "build").await.contains("had two"));
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_from_a_fork_reads_caches_and_leaves_none() {
    let site = Site::new();
    let engine = site.open().await;
    let (fork, _) = run(&engine, CACHED, on("main").from_fork()).await;
    let said = log(&fork, "build").await;
    assert!(said.contains("not saved: what comes from a fork leaves no caches for others"), "{said}");
    assert_eq!(files_below(&site.blobs()), Vec::<PathBuf>::new());
    run(&engine, CACHED, on("main")).await;
    let (fork, _) = run(&engine, CACHED, on("main").from_fork()).await;
    assert!(log(&fork, "build").await.contains("had one"));
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_does_not_see_what_another_one_kept() {
    let site = Site::new();
    let engine = site.open().await;
    run(&engine, CACHED, on("one")).await;
    let (other, _) = run(&engine, CACHED, on("two")).await;
    assert!(log(&other, "build").await.contains("made it"));
    let (same, _) = run(&engine, CACHED, on("one")).await;
    assert!(log(&same, "build").await.contains("had one"));
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_damaged_or_gone_fails_nothing_and_is_made_again() {
    let site = Site::new();
    let engine = site.open().await;
    let archives = || files_below(&site.blobs()).into_iter().filter(|path| path.to_string_lossy().ends_with(".tar.gz"));
    let damages: [fn(&Path); 3] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, b"noise").unwrap(),
        |path| fs::write(path, &fs::read(path).unwrap()[..100]).unwrap(),
    ];
    for damage in damages {
        run(&engine, CACHED, on("main")).await;
        archives().for_each(|path| damage(&path));
        let (damaged, summary) = run(&engine, CACHED, on("main")).await;
        assert!(summary.succeeded());
        let said = log(&damaged, "build").await;
        assert!(said.contains("not restored: ") && said.contains("made it") && said.contains(": saved, "), "{said}");
        let (whole, _) = run(&engine, CACHED, on("main")).await;
        assert!(log(&whole, "build").await.contains("had one"));
        assert_eq!(archives().count(), 1);
    }
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_too_big_fails_nothing() {
    let site = Site::new();
    let cache = ArchiveLimits { entries: 1, ..ArchiveLimits::default() };
    let engine = site.builder().blob_settings(BlobSettings { cache, ..BlobSettings::default() }).open().await.unwrap();
    let (run, summary) = run(&engine, CACHED, on("main")).await;
    assert!(summary.succeeded());
    let said = log(&run, "build").await;
    assert!(
        said.contains("not saved: the cache \"deps-") && said.contains("is too big: there are more than 1 files"),
        "{said}"
    );
    assert_eq!(files_below(&site.blobs()), Vec::<PathBuf>::new(), "nothing is left of it");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_files_are_missing_is_said_and_fails_nothing() {
    let site = Site::new();
    let engine = site.open().await;
    let document = r#"
name: keyless
stages: [{name: S, tasks: [{name: work, script: 'true', caches: [{key: "k-${hash:nowhere/*.lock}", paths: [deps]}]}]}]
"#;
    let (run, summary) = run(&engine, document, RunRequest::manual()).await;
    assert!(summary.succeeded());
    assert!(log(&run, "work").await.contains("no file is there for ${hash:nowhere/*.lock}"));
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_that_save_one_key_at_once_leave_one_cache() {
    let site = Site::new();
    let engine = site.open().await;
    let runs = futures::future::join_all((0..4).map(|_| run(&engine, CACHED, on("main")))).await;
    assert!(runs.iter().all(|(_, summary)| summary.succeeded()));
    assert_eq!(files_below(&site.blobs()).len(), 2, "an archive and its entry");
    let (after, _) = run(&engine, CACHED, on("main")).await;
    assert!(log(&after, "build").await.contains("had one"));
    engine.close().await.unwrap();
}

const BUILT: &str = r#"
name: built
parameters: [{name: CODE, dynamic: true, default: "0"}]
stages:
  - name: S
    tasks:
      - name: build
        script: mkdir -p dist/sub; echo app > dist/app; echo lib > dist/sub/lib; echo map > dist/app.map
        artifacts: [{paths: ["dist/**", "!**/*.map"]}]
      - name: test
        script: echo why > trace.txt; exit $CODE
        artifacts:
          - {name: traces, paths: [trace.txt], when: onFailure}
          - {name: good, paths: [trace.txt]}
          - {name: both, paths: ["*.txt"], when: always, keep: 1h}
          - {name: nothing, paths: [nowhere], when: always}
"#;

async fn names(run: &Run) -> Vec<String> {
    let artifacts = run.artifacts().await.unwrap();
    artifacts.iter().map(|artifact| format!("{}/{}", artifact.task, artifact.name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_kept_listed_and_unpacked() {
    let site = Site::new();
    let engine = site.open().await;
    let (good, _) = run(&engine, BUILT, RunRequest::manual()).await;
    assert_eq!(names(&good).await, ["build/build", "test/good", "test/both"]);
    let said = log(&good, "test").await;
    assert!(said.contains("artifact \"nothing\": nothing is stored: no file matches nowhere"), "{said}");
    let artifacts = good.artifacts().await.unwrap();
    let to = site.folder.path().join("out");
    artifacts[0].unpack(&to).await.unwrap();
    assert_eq!(fs::read_to_string(to.join("dist/sub/lib")).unwrap(), "lib\n");
    assert!(!to.join("dist/app.map").exists());
    assert_eq!((artifacts[0].files, artifacts[0].bytes, artifacts[0].until), (2, 8, None));
    assert!(artifacts[2].until.is_some());

    let (bad, summary) = run(&engine, BUILT, RunRequest::manual().parameter("CODE", "3")).await;
    assert_eq!(summary.status, RunStatus::Failed);
    assert_eq!(names(&bad).await, ["build/build", "test/traces", "test/both"]);
    // Beside the engine, as the command line does.
    let reader = Reader::open(site.folder.path().join("data")).unwrap();
    assert_eq!(reader.artifacts(bad.id()).await.unwrap().len(), 3);

    for file in files_below(&site.blobs().join("runs")) {
        fs::write(file, b"something else").unwrap();
    }
    let error = artifacts[0].unpack(&to).await.unwrap_err();
    assert_eq!(error.code(), "objectDamaged", "{error}");
    good.delete("ana").await.unwrap();
    bad.delete("ana").await.unwrap();
    assert_eq!(files_below(&site.blobs().join("runs")), Vec::<PathBuf>::new());
    let error = artifacts[0].unpack(&to).await.unwrap_err();
    assert_eq!(error.code(), "artifactGone", "{error}");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_artifact_cannot_be_kept_did_not_succeed() {
    let site = Site::new();
    let artifact = ArchiveLimits { bytes: 5, ..ArchiveLimits::default() };
    let engine =
        site.builder().blob_settings(BlobSettings { artifact, ..BlobSettings::default() }).open().await.unwrap();
    let (_, summary) = run(&engine, BUILT, RunRequest::manual()).await;
    let task = summary.task("build").unwrap();
    assert_eq!(task.status, TaskStatus::Failed);
    let cause = task.cause.as_ref().unwrap();
    assert_eq!(cause.code, "tooBig", "{cause:?}");
    assert!(cause.message.contains("the artifact \"build\" is too big"), "{cause:?}");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_run_again_from_its_failure_still_has_what_was_left_before() {
    let site = Site::new();
    let engine = site.open().await;
    let (bad, _) = run(&engine, BUILT, RunRequest::manual().parameter("CODE", "3")).await;
    let again = bad.retry(Rerun::FromFailed, "ana").await.unwrap();
    again.wait().await.unwrap();
    let artifacts = again.artifacts().await.unwrap();
    assert_eq!(artifacts[0].run, bad.id());
    assert_eq!(names(&again).await, ["build/build", "test/traces", "test/both"]);
    artifacts[0].unpack(site.folder.path().join("out")).await.unwrap();
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_kept_in_a_store_of_the_embedder() {
    let site = Site::new();
    let memory = Arc::new(InMemory::new());
    let engine = site.builder().blobs(BlobStore::below(memory, "ci/windlass")).open().await.unwrap();
    let (run, _) = run(&engine, BUILT, RunRequest::manual()).await;
    let to = site.folder.path().join("out");
    run.artifacts().await.unwrap()[0].unpack(&to).await.unwrap();
    assert_eq!(fs::read_to_string(to.join("dist/app")).unwrap(), "app\n");
    assert!(!site.blobs().exists());
    engine.close().await.unwrap();
}

/// Two reports, of which one cannot be read, and one of many that failed.
const TESTED: &str = r#"
name: tested
stages:
  - name: S
    tasks:
      - name: unit
        script: |
          mkdir -p reports
          cat > reports/a.xml <<'X'
          <testsuites tests="99"><testsuite name="web">
            <testcase classname="Cart" name="adds"/>
            <testcase classname="Cart" name="removes"><failure message="expected 1, got 2">at cart.js:7</failure></testcase>
          </testsuite></testsuites>
          X
          echo '<testsuite><testcase name="z"' > reports/broken.xml
          echo 'src/cart.js:7:3: error: not a number' > lint.txt
          echo 'this is no remark' >> lint.txt
          exit 1
        reports: {junit: ["reports/*.xml"], annotations: [lint.txt]}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_test_is_named_in_the_outcome() {
    let site = Site::new();
    let engine = site.open().await;
    let (run, summary) = run(&engine, TESTED, RunRequest::manual()).await;
    let task = summary.task("unit").unwrap();
    let cause = task.cause.as_ref().unwrap();
    assert_eq!((cause.code.as_str(), cause.message.as_str()), ("testsFailed", "1 of 2 tests failed: Cart.removes"));
    assert_eq!(task.exit_code, Some(1));
    let failed: Vec<_> = summary.failed_tests().map(|(task, test)| (task.as_str(), test.title())).collect();
    assert_eq!(failed, [("unit", "Cart.removes".to_owned())]);
    let tests = task.tests.as_ref().unwrap();
    assert_eq!((tests.tests, tests.passed, tests.failed, tests.files, tests.unreadable), (2, 1, 1, 1, 1));
    assert_eq!(task.annotations.len(), 1);
    assert_eq!((task.annotations[0].file.as_str(), task.annotations[0].line), ("src/cart.js", 7));
    let said = log(&run, "unit").await;
    assert!(said.contains("[windlass] report not read: reports/broken.xml, line "), "{said}");
    assert!(said.contains("[windlass] test reports: 1 of 2 tests failed: Cart.removes"), "{said}");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_failed_tests_do_not_blow_up_the_events() {
    let site = Site::new();
    let engine = site.open().await;
    let document = r#"
name: many
stages:
  - name: S
    tasks:
      - name: unit
        script: |
          { echo '<testsuite name="s">'
            i=0; while [ $i -lt 2000 ]; do
              echo "<testcase name=\"test number $i\"><failure>$(printf '%02000d' $i)</failure></testcase>"; i=$((i+1))
            done; echo '</testsuite>'; } > report.xml
          exit 1
        reports: {junit: [report.xml]}
"#;
    let (run, summary) = run(&engine, document, RunRequest::manual()).await;
    let tests = summary.task("unit").unwrap().tests.as_ref().unwrap();
    assert_eq!((tests.failed, tests.failures.len()), (2000, 20));
    let size = serde_json::to_string(tests).unwrap().len();
    assert!(size < 40_000, "{size} bytes in an event");
    let whole = run.test_report("unit").await.unwrap().unwrap();
    assert_eq!((whole.failed, whole.failures.len()), (2000, 500));
    assert_eq!(whole.failures[499].details.len(), 2000);
    let cause = summary.task("unit").unwrap().cause.clone().unwrap();
    let named = "2000 of 2000 tests failed: test number 0, test number 1, test number 2 and 1997 more";
    assert_eq!(cause.message, named);
    engine.close().await.unwrap();
}
