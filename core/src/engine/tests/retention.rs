//! Old runs go by themselves.

use std::sync::Arc;
use std::time::Duration;

use super::kit::{Kept, World, document, eventually, over_each_store, until_running};
use crate::audit::{Change, ENGINE};
use crate::engine::{EngineBuilder, Run, RunRequest};
use crate::run::retention::RetentionPolicy;
use crate::testing::{Script, ScriptedExecutor, VirtualClock};

over_each_store!(
    a_run_more_than_are_kept_goes_when_one_ends,
    runs_go_when_they_are_too_old,
    retention_is_applied_when_the_engine_opens,
    unfinished_runs_always_stay,
    nothing_goes_unless_it_is_set,
);

const HOUR: Duration = Duration::from_secs(3600);

fn keeping(runs: Option<usize>, age: Option<Duration>) -> impl FnOnce(EngineBuilder) -> EngineBuilder {
    move |builder| builder.retention(RetentionPolicy { runs_per_pipeline: runs, age })
}

async fn world(
    kept: Kept,
    clock: &VirtualClock,
    script: impl FnOnce(ScriptedExecutor) -> ScriptedExecutor,
    options: impl FnOnce(EngineBuilder) -> EngineBuilder,
) -> World {
    World::open_with(kept, Arc::new(clock.clone()), script, options).await
}

async fn ended(world: &World, pipeline: &str) -> Run {
    let run = world.engine.start(&document(pipeline, "x"), RunRequest::manual()).await.unwrap();
    run.wait().await.unwrap();
    run
}

async fn until_numbers(world: &World, pipeline: &str, numbers: &[u64]) {
    eventually(&format!("{pipeline} has the runs {numbers:?}"), async || world.numbers(pipeline).await == numbers)
        .await;
}

/// Why runs were deleted, with their numbers, by the engine itself.
async fn reasons(world: &World) -> Vec<(u64, String)> {
    let changes = world.changes().await.into_iter().filter(|(by, _)| by == ENGINE);
    changes
        .map(|(_, change)| match change {
            Change::RunDeleted { number, reason, .. } => (number, reason),
            other => panic!("{other:?}"),
        })
        .collect()
}

async fn a_run_more_than_are_kept_goes_when_one_ends(kept: Kept) {
    let clock = VirtualClock::new();
    let world =
        world(kept, &clock, |executor| executor.task("work", Script::succeeds().log("x")), keeping(Some(2), None))
            .await;
    ended(&world, "other").await;
    let first = ended(&world, "web").await;
    ended(&world, "web").await;
    until_numbers(&world, "web", &[2, 1]).await;
    ended(&world, "web").await;
    until_numbers(&world, "web", &[3, 2]).await;
    eventually("the log is gone", async || !world.logs().join(first.id().to_string()).exists()).await;
    assert_eq!(world.numbers("other").await, [1]);
    let [(1, reason)] = &reasons(&world).await[..] else { panic!("one run goes") };
    assert!(reason.contains("2 newer runs"), "{reason}");
    world.engine.close().await.unwrap();
}

async fn runs_go_when_they_are_too_old(kept: Kept) {
    let clock = VirtualClock::new();
    let world = world(kept, &clock, |executor| executor, keeping(None, Some(24 * HOUR))).await;
    ended(&world, "web").await;
    clock.until_sleepers(1).await;
    clock.advance(12 * HOUR).await;
    ended(&world, "web").await;
    assert_eq!(world.numbers("web").await, [2, 1]);
    // The date is nothing to go by.
    clock.set_wall("2036-01-01T00:00:00Z".parse().unwrap());
    assert!(world.engine.prune().await.unwrap().is_empty());
    // The engine looks every hour by itself.
    clock.advance(13 * HOUR).await;
    until_numbers(&world, "web", &[2]).await;
    let [(1, reason)] = &reasons(&world).await[..] else { panic!("one run goes") };
    assert!(reason.contains("1day"), "{reason}");
    world.engine.close().await.unwrap();
}

async fn retention_is_applied_when_the_engine_opens(kept: Kept) {
    let clock = VirtualClock::new();
    let mut world = world(kept, &clock, |executor| executor, |builder| builder).await;
    for _ in 0..5 {
        ended(&world, "web").await;
    }
    world.reopen(keeping(Some(2), None)).await;
    until_numbers(&world, "web", &[5, 4]).await;
    world.engine.close().await.unwrap();
}

async fn unfinished_runs_always_stay(kept: Kept) {
    let clock = VirtualClock::new();
    let hanging = |executor: ScriptedExecutor| executor.task("work", Script::hangs());
    let mut world = world(kept, &clock, hanging, |builder| builder).await;
    for _ in 0..3 {
        let run = world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
        until_running(&world, &run).await;
    }
    world.reopen(keeping(Some(0), Some(Duration::ZERO))).await;
    clock.advance(48 * HOUR).await;
    assert!(world.engine.prune().await.unwrap().is_empty());
    assert_eq!(world.numbers("web").await, [3, 2, 1]);
    let run = world.engine.find("web#2").await.unwrap();
    run.cancel("ana", "").await.unwrap();
    until_numbers(&world, "web", &[3, 1]).await;
    world.engine.close().await.unwrap();
}

async fn nothing_goes_unless_it_is_set(kept: Kept) {
    let clock = VirtualClock::new();
    let mut world = world(kept, &clock, |executor| executor, |builder| builder).await;
    ended(&world, "web").await;
    ended(&world, "web").await;
    clock.advance(1000 * HOUR).await;
    assert!(world.engine.prune().await.unwrap().is_empty());
    assert_eq!(world.numbers("web").await, [2, 1]);
    world.reopen(keeping(None, None)).await;
    assert!(world.engine.prune().await.unwrap().is_empty());
    world.reopen(keeping(None, Some(1100 * HOUR))).await;
    assert!(world.engine.prune().await.unwrap().is_empty());
    clock.advance(101 * HOUR).await;
    until_numbers(&world, "web", &[]).await;
    assert_eq!(reasons(&world).await.len(), 2);
    world.engine.close().await.unwrap();
}

/// The task that looks every hour ends with the engine, also when the engine is only dropped.
#[tokio::test]
async fn the_engine_stops_looking_when_it_is_dropped() {
    let clock = VirtualClock::new();
    let kept = Kept::InMemory(super::test_store::TestStore::in_memory());
    let world = world(kept, &clock, |executor| executor, keeping(Some(1), None)).await;
    clock.until_sleepers(1).await;
    drop(world);
    eventually("nobody sleeps", async || clock.sleepers() == 0).await;
}
