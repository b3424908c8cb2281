//! How long artifacts and caches stay: until their time is over, until their run goes, until others need the room.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::filing::{files_below, log, on, run};
use super::kit::eventually;
use crate::blob::BlobSettings;
use crate::clock::{Clock, SharedClock};
use crate::engine::{Engine, EngineBuilder, RunRequest};
use crate::run::retention::RetentionPolicy;
use crate::testing::{Script, ScriptedExecutor, VirtualClock};

const HOUR: Duration = Duration::from_secs(3600);

/// What attempts leave that are not really started: a file each.
const LEAVES: &str = r#"
name: leaves
stages:
  - name: S
    tasks:
      - {name: short, script: x, artifacts: [{name: short, paths: [file], keep: 1h}]}
      - {name: long, script: x, artifacts: [{name: long, paths: [file], keep: 30d}]}
      - {name: plain, script: x, artifacts: [{name: plain, paths: [file]}]}
"#;

struct Site {
    folder: tempfile::TempDir,
    clock: VirtualClock,
}

impl Site {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: VirtualClock::new() }
    }

    fn builder(&self) -> EngineBuilder {
        let clock: SharedClock = Arc::new(self.clock.clone());
        let script = || Script::succeeds().file("file", "content");
        let executor = ["short", "long", "plain"]
            .iter()
            .fold(ScriptedExecutor::new(clock.clone()), |executor, task| executor.task(task, script()));
        Engine::builder().data_dir(self.folder.path().join("data")).executor("scripted", executor).clock(clock)
    }

    fn archives(&self) -> usize {
        archives(&self.folder.path().join("data/blobs/runs"))
    }
}

fn archives(below: &Path) -> usize {
    files_below(below).iter().filter(|path| path.to_string_lossy().ends_with(".tar.gz")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_goes_when_its_time_is_over() {
    let site = Site::new();
    let engine = site.builder().open().await.unwrap();
    let (left, summary) = run(&engine, LEAVES, RunRequest::manual()).await;
    assert!(summary.succeeded(), "{summary:?}");
    let artifacts = left.artifacts().await.unwrap();
    assert_eq!((artifacts.len(), site.archives()), (3, 3));
    site.clock.advance(HOUR - Duration::from_secs(1)).await;
    artifacts[0].unpack(site.folder.path().join("out")).await.unwrap();
    site.clock.advance(Duration::from_secs(2)).await;
    eventually("the first one is gone", async || site.archives() == 2).await;
    let gone = artifacts[0].unpack(site.folder.path().join("out")).await.unwrap_err();
    assert_eq!(gone.code(), "artifactGone");
    assert!(gone.to_string().contains("it was to be kept until 20"), "{gone}");
    // It is still told of, and when it went.
    let listed = left.artifacts().await.unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed[0].until.unwrap() < site.clock.now().wall);
    engine.close().await.unwrap();

    // While no engine is there time goes on.
    site.clock.advance(31 * 24 * HOUR).await;
    let engine = site.builder().open().await.unwrap();
    eventually("the second one is gone", async || site.archives() == 1).await;
    let left = engine.run(left.id()).await.unwrap();
    left.artifacts().await.unwrap()[2].unpack(site.folder.path().join("out")).await.unwrap();
    assert_eq!(files_below(&site.folder.path().join("data/blobs/expiring")), Vec::<PathBuf>::new());
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_that_do_not_say_it_are_kept_as_long_as_the_embedder_says() {
    let site = Site::new();
    let settings = BlobSettings { keep_artifacts: Some(2 * HOUR), ..BlobSettings::default() };
    let engine = site.builder().blob_settings(settings).open().await.unwrap();
    let (left, _) = run(&engine, LEAVES, RunRequest::manual()).await;
    let until = |at: usize| {
        let left = left.clone();
        async move { left.artifacts().await.unwrap()[at].until.unwrap() }
    };
    assert!(until(0).await < until(2).await && until(2).await < until(1).await);
    site.clock.advance(3 * HOUR).await;
    eventually("only the long one is left", async || site.archives() == 1).await;
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_go_with_their_run() {
    let site = Site::new();
    let retention = RetentionPolicy { runs_per_pipeline: Some(2), ..RetentionPolicy::default() };
    let engine = site.builder().retention(retention).open().await.unwrap();
    for _ in 0..4 {
        run(&engine, LEAVES, RunRequest::manual()).await;
        site.clock.advance(HOUR / 4).await;
    }
    eventually("two runs are left", async || engine.runs(&Default::default()).await.unwrap().len() == 2).await;
    eventually("so are their artifacts", async || site.archives() == 6).await;
    engine.close().await.unwrap();
}

/// Each run saves a cache of about 100 KB that cannot be packed.
const SAVES: &str = r#"
name: saves
parameters: [{name: KEY, dynamic: true}]
stages:
  - name: S
    tasks:
      - name: t
        script: if [ -e deps/lib ]; then echo had it; fi; mkdir -p deps; head -c 100000 /dev/urandom > deps/lib
        caches: [{key: "$KEY", paths: [deps]}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn caches_that_were_used_longest_ago_make_room_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let settings = BlobSettings { caches: 250_000, ..BlobSettings::default() };
    let builder = Engine::builder().data_dir(folder.path().join("data"));
    let engine = builder.blob_settings(settings).open().await.unwrap();
    let said = async |key: &str| {
        let (run, summary) = run(&engine, SAVES, on("main").parameter("KEY", key)).await;
        assert!(summary.succeeded());
        log(&run, "t").await
    };
    for key in ["one", "two"] {
        assert!(said(key).await.contains(": saved, "));
    }
    // Used again, so that the other one is the older one.
    assert!(said("one").await.contains("had it"));
    assert!(said("three").await.contains(": saved, "));
    assert_eq!(archives(&folder.path().join("data/blobs/caches")), 2);
    assert!(said("one").await.contains("had it"));
    assert!(said("three").await.contains("had it"));
    assert!(said("two").await.contains(": there is none yet"));
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_for_which_there_is_no_room_at_all_is_said_to_be_too_big_and_fails_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = BlobSettings { caches: 50_000, ..BlobSettings::default() };
    let builder = Engine::builder().data_dir(folder.path().join("data"));
    let engine = builder.blob_settings(settings).open().await.unwrap();
    let (run, summary) = run(&engine, SAVES, on("main").parameter("KEY", "one")).await;
    assert!(summary.succeeded());
    let said = log(&run, "t").await;
    assert!(said.contains("not saved: the cache \"one\" is too big: it takes 97."), "{said}");
    assert!(said.contains(" KiB, and all caches together may take 48.8 KiB. Keep less: "), "with advice: {said}");
    assert_eq!(files_below(&folder.path().join("data/blobs")), Vec::<PathBuf>::new());
    engine.close().await.unwrap();
}

/// A disk of the store's own, full: an artifact that does not fit is a named failure, and leaves no half of it.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_for_an_artifact_is_named_and_left_clean() {
    let Some(disk) = super::real_full_disk::SmallDisk::mount(1024) else { return };
    let folder = tempfile::tempdir().unwrap();
    let blobs = disk.path().join("blobs");
    let builder = Engine::builder().data_dir(folder.path().join("data"));
    let engine = builder.blobs(crate::blob::BlobStore::folder(&blobs)).open().await.unwrap();
    let document = r#"
name: full
stages:
  - name: S
    tasks:
      - {name: cached, script: 'mkdir -p deps; head -c 3000000 /dev/urandom > deps/lib', caches: [{key: k, paths: [deps]}]}
      - {name: build, script: 'head -c 3000000 /dev/urandom > app', artifacts: [{paths: [app]}]}
"#;
    let (full, summary) = run(&engine, document, on("main")).await;
    let said = log(&full, "cached").await;
    assert!(said.contains("cache \"k\": not saved: ") && said.contains("no space left"), "{said}");
    let cause = summary.task("build").unwrap().cause.clone().unwrap();
    assert_eq!(cause.code, "noSpace", "{cause:?}");
    assert!(cause.message.contains("there is no space left") && cause.advice.contains("df -h"), "{cause:?}");
    eventually("nothing is left of it", async || files_below(&blobs).is_empty()).await;

    // When there is less to keep, there is room for it.
    let (small, summary) = run(&engine, &document.replace("3000000", "1000"), on("main")).await;
    assert!(summary.succeeded(), "{summary:?}");
    let artifacts = small.artifacts().await.unwrap();
    artifacts[0].unpack(folder.path().join("out")).await.unwrap();
    assert_eq!(fs::metadata(folder.path().join("out/app")).unwrap().len(), 1000);

    // A folder without room for what is fetched.
    let (_, summary) = run(&engine, document, on("main")).await;
    assert!(!summary.succeeded());
    let other = Engine::builder().data_dir(folder.path().join("other")).open().await.unwrap();
    let (big, summary) = run(&other, &document.replace("/dev/urandom", "/dev/zero"), on("main")).await;
    assert!(summary.succeeded(), "{summary:?}");
    let refused = big.artifacts().await.unwrap()[0].unpack(disk.path().join("out")).await.unwrap_err();
    assert_eq!(refused.code(), "noSpace", "{refused}");
    other.close().await.unwrap();
    engine.close().await.unwrap();
}
