//! A disk without room: what was acknowledged stays, what is refused says so, and everything goes on when there is room.

use super::kit::{Kept, World, document, eventually, until_running};
use super::test_store::TestStore;
use crate::engine::{PipelineDeletion, RunRequest};
use crate::error::{Error, ErrorKind};
use crate::run::RunStatus;
use crate::testing::Script;

fn is_no_space(error: &Error) -> bool {
    (error.kind(), error.code(), error.is_retryable()) == (ErrorKind::Unavailable, "noSpace", true)
}

#[tokio::test]
async fn without_room_nothing_is_written_and_with_room_everything_works_again() {
    let store = TestStore::in_memory();
    let world = World::open(Kept::InMemory(store.clone()), |executor| executor).await;
    let pipelines = world.pipelines();
    pipelines.create(&document("web", "one"), "ana").await.unwrap();
    let old = pipelines.run("web", RunRequest::manual()).await.unwrap();
    old.wait().await.unwrap();
    let before = world.changes().await;

    store.set_full(true);
    let request = RunRequest::manual;
    let errors = [
        pipelines.create_new("api", "ana").await.unwrap_err(),
        pipelines.update(&document("web", "two"), 1, "ana").await.unwrap_err(),
        pipelines.deactivate("web", "ana").await.unwrap_err(),
        pipelines.run("web", request()).await.unwrap_err(),
        pipelines.save_and_run(&document("web", "two"), Some(1), request()).await.unwrap_err(),
        world.engine.start(&document("web", "one"), request()).await.unwrap_err(),
        old.delete("ana").await.unwrap_err(),
        pipelines.delete("web", PipelineDeletion::default(), "ana").await.unwrap_err(),
    ];
    for error in &errors {
        assert!(is_no_space(error), "{error:?}");
    }
    assert_eq!(world.changes().await, before);
    assert_eq!(world.numbers("web").await, [1]);
    assert!(old.summary().await.unwrap().succeeded());

    store.set_full(false);
    assert_eq!(pipelines.create_new("api", "ana").await.unwrap().version, 1);
    assert_eq!(pipelines.update(&document("web", "two"), 1, "ana").await.unwrap().version, 2);
    let run = pipelines.run("web", request()).await.unwrap();
    assert_eq!((run.number(), run.wait().await.unwrap().status), (2, RunStatus::Succeeded));
    old.delete("ana").await.unwrap();
    world.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_run_goes_on_when_there_is_room_again() {
    let store = TestStore::in_memory();
    let script = |executor: crate::testing::ScriptedExecutor| executor.task("work", Script::hangs());
    let world = World::open(Kept::InMemory(store.clone()), script).await;
    let run = world.engine.start(&document("web", "one"), RunRequest::manual()).await.unwrap();
    until_running(&world, &run).await;
    store.set_full(true);
    let cancelling = tokio::spawn({
        let run = run.clone();
        async move { run.cancel("ana", "").await }
    });
    // The wish is not acknowledged before it is safe.
    eventually("a refused write", async || store.refused() > 0).await;
    assert!(!cancelling.is_finished());
    assert!(!run.status().await.unwrap().is_final());
    store.set_full(false);
    cancelling.await.unwrap().unwrap();
    assert_eq!(run.wait().await.unwrap().status, RunStatus::Cancelled);
    world.engine.close().await.unwrap();
}
