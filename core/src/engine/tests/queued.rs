//! Many runs that wait for their turn.

use std::sync::Arc;

use super::kit::{Kept, World, document, until_running};
use super::test_store::TestStore;
use crate::clock::SystemClock;
use crate::engine::{EngineBuilder, RunRequest};
use crate::run::queue::RunLimits;
use crate::testing::Script;

#[tokio::test]
async fn queued_runs_are_read_many_at_once_when_the_engine_opens() {
    const RUNS: usize = 1200;
    let store = TestStore::in_memory();
    let one = |builder: EngineBuilder| builder.run_limits(RunLimits { runs: 1, per_pipeline: None });
    let clock = Arc::new(SystemClock::resume(None));
    let hanging = |executor: crate::testing::ScriptedExecutor| executor.task("work", Script::hangs());
    let mut world = World::open_with(Kept::InMemory(store.clone()), clock, hanging, one).await;
    let mut ids = Vec::new();
    for _ in 0..RUNS {
        ids.push(world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap().id());
    }
    let first = world.engine.run(ids[0]).await.unwrap();
    until_running(&world, &first).await;

    let before = store.single_records();
    world.reopen(one).await;
    assert_eq!(world.engine.recovered(), ids);
    // The one that was going on is replayed.
    assert_eq!(store.single_records() - before, 1);
    let first = world.engine.run(ids[0]).await.unwrap();
    first.cancel("ana", "").await.unwrap();
    let second = world.engine.run(ids[1]).await.unwrap();
    until_running(&world, &second).await;
    world.engine.close().await.unwrap();
}

/// A figure, by hand: `cargo test --release -p windlass --lib -- --ignored ten_thousand --nocapture`.
#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a while; prints a figure"]
#[expect(clippy::disallowed_methods, reason = "it is the machine that is measured")]
async fn ten_thousand_queued_runs_are_reopened() {
    const RUNS: usize = 10_000;
    let one = |builder: EngineBuilder| builder.run_limits(RunLimits { runs: 1, per_pipeline: None });
    let clock = Arc::new(SystemClock::resume(None));
    let hanging = |executor: crate::testing::ScriptedExecutor| executor.task("work", Script::hangs());
    let mut world = World::open_with(Kept::OnDisk, clock, hanging, one).await;
    let from = std::time::Instant::now();
    for _ in 0..RUNS {
        world.engine.start(&document("web", "x"), RunRequest::manual()).await.unwrap();
    }
    println!("{RUNS} runs queued in {:?}", from.elapsed());
    let from = std::time::Instant::now();
    world.reopen(one).await;
    println!("{RUNS} queued runs reopened in {:?}", from.elapsed());
    assert_eq!(world.engine.recovered().len(), RUNS);
    world.engine.close().await.unwrap();
}
