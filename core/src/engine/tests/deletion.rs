//! Runs that go, with all that belongs to them.

use super::kit::{Kept, World, document, eventually, over_each_store, until_running};
use super::test_store::TestStore;
use crate::audit::Change;
use crate::engine::RunRequest;
use crate::engine::deletion::sweep_logs;
use crate::error::ErrorKind;
use crate::run::{Elapsed, RunId};
use crate::store::{Batch, KeptWorkspace};
use crate::testing::{Call, Script};

over_each_store!(
    a_deleted_run_leaves_nothing_behind,
    an_unfinished_run_is_not_deleted,
    a_kept_workspace_goes_with_its_run,
    logs_of_no_run_go_when_the_engine_opens,
);

fn talking(executor: crate::testing::ScriptedExecutor) -> crate::testing::ScriptedExecutor {
    executor.task("work", Script::succeeds().log("hello"))
}

async fn a_deleted_run_leaves_nothing_behind(kept: Kept) {
    let world = World::open(kept, talking).await;
    let run = world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
    let stays = world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
    run.wait().await.unwrap();
    stays.wait().await.unwrap();
    assert!(world.logs().join(run.id().to_string()).exists());
    run.delete("ana").await.unwrap();

    assert_eq!(world.numbers("web").await, [2]);
    assert!(!world.logs().join(run.id().to_string()).exists());
    for error in [
        world.engine.run(run.id()).await.unwrap_err(),
        world.engine.find("web#1").await.unwrap_err(),
        run.summary().await.unwrap_err(),
        run.events().await.unwrap_err(),
        run.delete("ana").await.unwrap_err(),
        run.cancel("ana", "").await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, "noSuchRun"), "{error}");
    }
    assert_eq!(stays.logs("work").await.unwrap(), "hello\n");
    let deleted = Change::RunDeleted { run: run.id(), pipeline: "web".to_owned(), number: 1, reason: String::new() };
    assert_eq!(world.changes().await.last().unwrap(), &("ana".to_owned(), deleted));
    assert_eq!(world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap().number(), 3);
    world.engine.close().await.unwrap();
}

async fn an_unfinished_run_is_not_deleted(kept: Kept) {
    let world = World::open(kept, |executor| executor.task("work", Script::hangs())).await;
    let run = world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
    let queued = run.delete("ana").await.unwrap_err();
    until_running(&world, &run).await;
    let running = run.delete("ana").await.unwrap_err();
    for error in [queued, running] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "runUnfinished"));
    }
    run.cancel("ana", "").await.unwrap();
    run.wait().await.unwrap();
    run.delete("ana").await.unwrap();
    assert!(world.numbers("web").await.is_empty());
    world.engine.close().await.unwrap();
}

fn releases(world: &World, of: RunId) -> usize {
    world.executor.calls().iter().filter(|call| matches!(call, Call::Release(run) if *run == of)).count()
}

async fn a_kept_workspace_goes_with_its_run(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    let run = world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
    let other = world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
    run.wait().await.unwrap();
    other.wait().await.unwrap();
    let keep = |run: RunId| {
        let until = Elapsed::from_millis(u64::MAX / 2);
        KeptWorkspace { run, executor: "scripted".to_owned(), generation: 1, until }
    };
    let store = world.store();
    let workspaces = vec![keep(run.id()), keep(other.id())];
    store.commit(Batch { keep: workspaces, ..Batch::default() }).await.unwrap();
    let before = releases(&world, run.id());
    run.delete("ana").await.unwrap();
    assert_eq!(store.kept().await.unwrap(), [keep(other.id())]);
    assert_eq!(releases(&world, run.id()), before + 1);

    // A workspace that another run took meanwhile is nobody's to free.
    store.commit(Batch { unkeep: vec![other.id()], ..Batch::default() }).await.unwrap();
    let before = releases(&world, other.id());
    other.delete("ana").await.unwrap();
    assert_eq!(releases(&world, other.id()), before);
    world.engine.close().await.unwrap();
}

/// Another run takes the workspace between the look at what is kept and the write.
#[tokio::test]
async fn a_workspace_that_is_taken_meanwhile_is_left_alone() {
    let store = TestStore::in_memory();
    let world = World::open(Kept::InMemory(store.clone()), |executor| executor).await;
    let run = world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
    run.wait().await.unwrap();
    let until = Elapsed::from_millis(u64::MAX / 2);
    let kept = KeptWorkspace { run: run.id(), executor: "scripted".to_owned(), generation: 1, until };
    world.store().commit(Batch { keep: vec![kept], ..Batch::default() }).await.unwrap();
    store.before_next_commit(Batch { unkeep: vec![run.id()], ..Batch::default() });
    let before = releases(&world, run.id());
    run.delete("ana").await.unwrap();
    assert_eq!(releases(&world, run.id()), before);
    assert!(world.numbers("web").await.is_empty());
    world.engine.close().await.unwrap();
}

/// A store that lost its runs is no reason to throw away their logs.
#[tokio::test]
async fn logs_of_many_unknown_runs_are_left_alone() {
    let world = World::open(Kept::InMemory(TestStore::in_memory()), talking).await;
    let orphan = |number: u32| world.logs().join(format!("0190a000-0000-7000-8000-{number:012}"));
    for number in 0..201 {
        std::fs::create_dir_all(orphan(number)).unwrap();
    }
    sweep_logs(&world.engine.handle.core).await.unwrap();
    assert!((0..201).all(|number| orphan(number).exists()));
    std::fs::remove_dir(orphan(200)).unwrap();
    sweep_logs(&world.engine.handle.core).await.unwrap();
    assert!(!(0..201).any(|number| orphan(number).exists()));
    world.engine.close().await.unwrap();
}

/// A crash between the store's deletion and the logs' leaves a folder that nobody knows.
async fn logs_of_no_run_go_when_the_engine_opens(kept: Kept) {
    let mut world = World::open(kept, talking).await;
    let run = world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
    run.wait().await.unwrap();
    let orphan = world.logs().join("0190a000-0000-7000-8000-000000000000");
    std::fs::create_dir_all(orphan.join("work")).unwrap();
    std::fs::write(orphan.join("work/0"), "left behind").unwrap();
    std::fs::create_dir_all(world.logs().join("something else")).unwrap();
    world.reopen(|builder| builder).await;
    eventually("the sweep", async || !orphan.exists()).await;
    assert!(world.logs().join("something else").exists());
    let run = world.engine.run(run.id()).await.unwrap();
    assert_eq!(run.logs("work").await.unwrap(), "hello\n");
    world.engine.close().await.unwrap();
}
