//! Backups beside a working engine, and data directories made from them; with real processes, SQLite and logs on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::pipeline;
use crate::engine::{BackupReport, Engine, EventFilter, EventKind, Reader, RestoreReport, Run, RunRequest, restore};
use crate::error::ErrorKind;
use crate::pipeline::Pipeline;
use crate::run::{RunId, RunStatus, Seq, TaskStatus};
use crate::store::{DataDir, MemoryStore, RunFilter};

const FINISHED: &str = r#"
name: finished
stages: [{name: S, tasks: [{name: a, script: 'echo one'}, {name: b, script: 'echo two; exit 3'}]}]
finally: [{name: tidy, script: 'echo three'}]
"#;

/// Prints a line, waits for a file, and prints another one.
const GOES_ON: &str = r#"
name: long
parameters: [{name: GO, dynamic: true}]
stages: [{name: S, tasks: [{name: first, script: 'echo before'}, {name: t, script: 'echo one; while [ ! -e "$GO" ]; do sleep 0.02; done; echo two', env: {GO: "$GO"}}]}]
finally: [{name: tidy, script: 'echo "$WINDLASS_STATUS"'}]
"#;

struct World {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder.path().join("data")).await;
        Self { folder, engine }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn backup(&self) -> BackupReport {
        self.engine.backup(self.path("backup"), "ana").await.unwrap()
    }

    /// A run that has printed its first line and goes on until `go` is there.
    async fn going_on(&self) -> Run {
        let go = self.path("go").to_str().unwrap().to_owned();
        let run = self.engine.start(&pipeline(GOES_ON), RunRequest::manual().parameter("GO", go)).await.unwrap();
        let mut events = run.events().await.unwrap();
        loop {
            if let EventKind::Log { task, .. } = events.next().await.unwrap().unwrap().kind
                && task.as_str() == "t"
            {
                return run;
            }
        }
    }
}

async fn open(path: &Path) -> Engine {
    Engine::builder().data_dir(path).open().await.unwrap()
}

async fn finished(engine: &Engine) -> RunId {
    let run = engine.start(&pipeline(FINISHED), RunRequest::manual()).await.unwrap();
    run.wait().await.unwrap();
    run.id()
}

fn one_task() -> Pipeline {
    pipeline("name: p\nstages: [{name: S, tasks: [{name: t, script: 'true'}]}]")
}

/// Everything that a reader can see of a run: its events, with the bytes of its logs.
async fn all_of(reader: &Reader, run: RunId) -> Vec<String> {
    let mut events = reader.run_events_after(run, Seq::ZERO);
    let mut lines = vec![format!("{:?}", reader.listing(run).await.unwrap())];
    while let Some(event) = events.next().await.unwrap() {
        lines.push(serde_json::to_string(&event).unwrap());
    }
    lines
}

/// Every file below a folder with its content, by its path in it. Sockets have none.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                files.insert(path.strip_prefix(folder).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_beside_a_run_and_restored_elsewhere() {
    let world = World::new().await;
    let done = finished(&world.engine).await;
    let going = world.going_on().await;
    let backup = world.backup().await;
    assert_eq!((backup.path.as_path(), backup.runs), (world.path("backup").canonicalize().unwrap().as_path(), 2));
    assert!(backup.position <= world.engine.newest().await.unwrap());

    // The run knows nothing of it.
    fs::write(world.path("go"), "").unwrap();
    assert!(going.wait().await.unwrap().succeeded());
    assert_eq!(going.logs("t").await.unwrap(), "one\ntwo\n");

    let restored = restore(&backup.path, world.path("elsewhere")).await.unwrap();
    let path = world.path("elsewhere").canonicalize().unwrap();
    let expected =
        RestoreReport { path, runs: 2, unfinished: vec![going.id()], position: backup.position, bytes: restored.bytes };
    assert_eq!(restored, expected);

    // What had ended is the same in all three.
    let original = Reader::open(world.path("data")).unwrap();
    for copy in [&backup.path, &restored.path] {
        let copy = Reader::open(copy).unwrap();
        assert_eq!(all_of(&copy, done).await, all_of(&original, done).await);
        assert_eq!(copy.log(done, "b", 1, 0, 100).await.unwrap(), "two\n");
        assert_eq!(copy.log(going.id(), "t", 1, 0, 100).await.unwrap(), "one\n", "no more than was committed then");
    }

    // Of what was going on nobody knows what became of it.
    let engine = open(&restored.path).await;
    assert_eq!(engine.recovered(), [going.id()]);
    let outcome = engine.run(going.id()).await.unwrap().wait().await.unwrap();
    assert_eq!(outcome.status, RunStatus::Failed);
    assert_eq!(outcome.task("first").unwrap().status, TaskStatus::Succeeded);
    let lost = outcome.task("t").unwrap();
    let cause = lost.cause.as_ref().unwrap();
    assert_eq!((lost.status, cause.code.as_str()), (TaskStatus::Lost, "restored"));
    assert!(cause.message.contains("restored from a backup") && !cause.advice.is_empty(), "{cause:?}");
    assert_eq!(engine.run(going.id()).await.unwrap().logs("tidy").await.unwrap(), "failed\n");
    // Numbers go on.
    let document = pipeline(FINISHED);
    assert_eq!(engine.start(&document, RunRequest::manual()).await.unwrap().number(), 2);
    engine.close().await.unwrap();
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_a_data_directory_with_nothing_in_it_that_belongs_to_a_process() {
    let world = World::new().await;
    finished(&world.engine).await;
    let run = world.going_on().await;
    let backup = world.backup().await;
    let mut files: Vec<_> = tree(&backup.path).into_keys().collect();
    files.retain(|file| !file.starts_with("logs"));
    assert_eq!(files, [".gitignore", "format", "windlass.db"].map(PathBuf::from));
    assert!(!world.path("backup.partial").exists());
    // Itself, and without a restore.
    let engine = open(&backup.path).await;
    assert_eq!(engine.recovered(), [run.id()]);
    assert_eq!(engine.run(run.id()).await.unwrap().wait().await.unwrap().status, RunStatus::Failed);
    engine.close().await.unwrap();
    fs::write(world.path("go"), "").unwrap();
    run.wait().await.unwrap();
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_runs_of_a_backup_start_where_it_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let limits = crate::run::queue::RunLimits { runs: 1, per_pipeline: None };
    let data = folder.path().join("data");
    let world = World { engine: Engine::builder().data_dir(data).run_limits(limits).open().await.unwrap(), folder };
    let going = world.going_on().await;
    let queued = world.engine.start(&one_task(), RunRequest::manual()).await.unwrap();
    let backup = world.backup().await;
    fs::write(world.path("go"), "").unwrap();
    going.wait().await.unwrap();
    world.engine.close().await.unwrap();

    let restored = restore(&backup.path, world.path("elsewhere")).await.unwrap();
    assert_eq!(restored.unfinished, [going.id(), queued.id()]);
    let engine = open(&restored.path).await;
    assert!(engine.run(queued.id()).await.unwrap().wait().await.unwrap().succeeded());
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_while_runs_start_and_end_can_all_be_restored() {
    let world = World::new().await;
    let document = pipeline(
        "name: p\nstages: [{name: S, order: parallel, tasks: [{name: t, matrix: {N: [a, b, c]}, script: 'for i in 1 2 3 4 5 6; do echo line $i of $N; sleep 0.01; done'}]}]",
    );
    let work = async {
        for _ in 0..12 {
            let run = world.engine.start(&document, RunRequest::manual()).await.unwrap();
            run.wait().await.unwrap();
        }
    };
    let mut backups = Vec::new();
    let back_up = async {
        for number in 0..6 {
            backups.push(world.engine.backup(world.path(&format!("backup-{number}")), "ana").await.unwrap());
        }
    };
    tokio::join!(work, back_up);
    assert!(backups.is_sorted_by_key(|backup| backup.position));
    for (number, backup) in backups.iter().enumerate() {
        let restored = restore(&backup.path, world.path(&format!("restored-{number}"))).await.unwrap();
        assert_eq!((restored.runs, restored.position), (backup.runs, backup.position));
        let engine = open(&restored.path).await;
        for run in engine.recovered() {
            engine.run(*run).await.unwrap().wait().await.unwrap();
        }
        engine.close().await.unwrap();
    }
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_made_a_backup_is_noted() {
    let world = World::new().await;
    let backup = world.backup().await;
    let reader = Reader::open(world.path("data")).unwrap();
    let mut events = reader.events_after(backup.position, EventFilter::default()).await.unwrap();
    let event = serde_json::to_value(events.next().await.unwrap().unwrap()).unwrap();
    assert_eq!((event["type"].as_str(), event["by"].as_str()), (Some("backupMade"), Some("ana")));
    assert_eq!(event["path"].as_str(), backup.path.to_str());
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_not_written_over_anything_or_into_the_data_directory() {
    let world = World::new().await;
    let refused = async |path: PathBuf, because: &str| {
        let error = world.engine.backup(&path, "ana").await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "noPlace"), "{error}");
        assert!(error.to_string().contains(because), "{error}");
    };
    fs::write(world.path("file"), "mine").unwrap();
    fs::create_dir(world.path("empty")).unwrap();
    fs::create_dir(world.path("begun.partial")).unwrap();
    std::os::unix::fs::symlink(world.path("data"), world.path("link")).unwrap();
    refused(world.path("file"), "something already").await;
    refused(world.path("empty"), "something already").await;
    refused(world.path("data/backup"), "inside").await;
    refused(world.path("link/backup"), "inside").await;
    refused(world.path("data"), "inside").await;
    refused(world.path("no/such/folder"), "make it first").await;
    refused(world.path("begun"), "unfinished one").await;
    assert_eq!(fs::read_to_string(world.path("file")).unwrap(), "mine");
    assert!(world.path("begun.partial").is_dir(), "it may be somebody's");
    world.engine.close().await.unwrap();
    let error = world.engine.backup(world.path("backup"), "ana").await.unwrap_err();
    assert_eq!(error.code(), "engineClosed");
}

#[tokio::test]
async fn what_is_only_in_memory_has_no_backup() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder().data_dir(folder.path().join("data")).store(MemoryStore::new()).open().await.unwrap();
    let error = engine.backup(folder.path().join("backup"), "ana").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unsupported, "notOnDisk"));
    assert!(!folder.path().join("backup").exists() && !folder.path().join("backup.partial").exists());
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_waits_for_deletions_and_deletions_for_it() {
    let world = World::new().await;
    let core = world.engine.handle.core.clone();
    let deleting = core.deleting.read().await;
    let backup = tokio::spawn({
        let (engine, path) = (world.engine.clone(), world.path("backup"));
        async move { engine.backup(path, "ana").await }
    });
    // It asks for the lock, so that nobody else gets it any more, and nothing is written.
    while core.deleting.try_read().is_ok() {
        crate::clock::pause(Duration::from_millis(1)).await;
    }
    assert!(!world.path("backup.partial").exists());
    drop(deleting);
    backup.await.unwrap().unwrap();
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_leaves_nothing_behind() {
    let world = World::new().await;
    let run = world.going_on().await;
    let segment = tree(&world.path("data"))
        .into_iter()
        .find(|(path, content)| path.starts_with(format!("logs/{}", run.id())) && content == b"one\n");
    fs::write(world.path("data").join(segment.unwrap().0), "").unwrap();
    let error = world.engine.backup(world.path("backup"), "ana").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Damaged, "logFailed"));
    assert!(!world.path("backup").exists() && !world.path("backup.partial").exists());
    run.cancel("ana", "").await.unwrap();
    run.wait().await.unwrap();
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_engine_stops_a_backup() {
    let world = World::new().await;
    finished(&world.engine).await;
    let core = world.engine.handle.core.clone();
    let deleting = core.deleting.read().await;
    let call = |engine: Engine, path| tokio::spawn(async move { engine.backup(path, "ana").await });
    let backup = call(world.engine.clone(), world.path("backup"));
    while core.deleting.try_read().is_ok() {
        crate::clock::pause(Duration::from_millis(1)).await;
    }
    let closed = tokio::spawn({
        let engine = world.engine.clone();
        async move { engine.close().await }
    });
    core.closing.subscribe().wait_for(|closing| *closing).await.unwrap();
    drop(deleting);
    assert_eq!(backup.await.unwrap().unwrap_err().code(), "engineClosed");
    closed.await.unwrap().unwrap();
    assert!(!world.path("backup").exists() && !world.path("backup.partial").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_with_content_is_not_restored_over() {
    let world = World::new().await;
    finished(&world.engine).await;
    let backup = world.backup().await.path;
    fs::create_dir(world.path("full")).unwrap();
    fs::write(world.path("full/file"), "mine").unwrap();
    // In use by this engine; somebody's; a file; in the backup.
    for path in ["data", "full", "full/file", "backup/data"] {
        let before = tree(&world.path("full"));
        let error = restore(&backup, world.path(path)).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "noPlace"), "{path}: {error}");
        assert_eq!(tree(&world.path("full")), before);
    }
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_folder_is_restored_into_where_it_is() {
    let world = World::new().await;
    let run = finished(&world.engine).await;
    let backup = world.backup().await.path;
    fs::create_dir(world.path("volume")).unwrap();
    use std::os::unix::fs::MetadataExt;
    let before = fs::metadata(world.path("volume")).unwrap().ino();
    restore(&backup, world.path("volume")).await.unwrap();
    assert_eq!(fs::metadata(world.path("volume")).unwrap().ino(), before, "a mounted volume cannot be replaced");
    let engine = open(&world.path("volume")).await;
    assert_eq!(engine.run(run).await.unwrap().logs("a").await.unwrap(), "one\n");
    engine.close().await.unwrap();
    world.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_found_before_anything_is_made() {
    let world = World::new().await;
    let run = finished(&world.engine).await;
    world.engine.backup(world.path("whole"), "ana").await.unwrap();
    world.engine.close().await.unwrap();
    let target = world.path("target");
    type Harm = fn(&Path, &Path);
    let harms: [(&str, &str, Harm); 5] = [
        ("a log is cut", "logFailed", |_, segment| fs::write(segment, "o").unwrap()),
        ("a log is gone", "logFailed", |_, segment| fs::remove_dir_all(segment.parent().unwrap()).unwrap()),
        ("the database is cut", "damaged", |backup, _| {
            let db = fs::OpenOptions::new().write(true).open(backup.join("windlass.db")).unwrap();
            db.set_len(db.metadata().unwrap().len() / 2).unwrap();
        }),
        ("the database is gone", "notADataDir", |backup, _| fs::remove_file(backup.join("windlass.db")).unwrap()),
        ("it is of a newer version", "newerFormat", |backup, _| {
            fs::write(backup.join("format"), "Windlass data directory, format 9999\n").unwrap();
        }),
    ];
    for (number, (what, code, harm)) in harms.into_iter().enumerate() {
        let copy = world.path(&format!("copy-{number}"));
        for (path, content) in tree(&world.path("whole")) {
            fs::create_dir_all(copy.join(&path).parent().unwrap()).unwrap();
            fs::write(copy.join(path), content).unwrap();
        }
        let logs = tree(&copy).into_keys().find(|path| {
            path.starts_with(format!("logs/{run}")) && path.extension().is_some_and(|ending| ending == "seg")
        });
        harm(&copy, &copy.join(logs.unwrap()));
        for made in [false, true] {
            if made {
                fs::create_dir(&target).unwrap();
            }
            let error = restore(&copy, &target).await.unwrap_err();
            assert_eq!(error.code(), code, "{what}: {error}");
            assert!(!world.path("target.partial").exists());
            if made {
                fs::remove_dir(&target).unwrap();
            }
            assert!(!target.exists());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_that_is_closed_is_as_good_as_a_backup_and_one_in_use_is_not() {
    let world = World::new().await;
    let run = finished(&world.engine).await;
    let error = restore(world.path("data"), world.path("moved")).await.unwrap_err();
    assert_eq!(error.code(), "locked", "{error}");
    world.engine.close().await.unwrap();
    restore(world.path("data"), world.path("moved")).await.unwrap();
    assert!(DataDir::open(world.path("data")).is_ok(), "it is free again");
    let engine = open(&world.path("moved")).await;
    let runs = engine.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [run]);
    assert_eq!(runs[0].digest.status, RunStatus::Failed);
    engine.close().await.unwrap();
}
