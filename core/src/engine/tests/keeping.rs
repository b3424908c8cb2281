//! Workspaces of failed runs: kept, found again by the next engine, and freed in their time.

use super::site::{HOUR, Site, ended};
use crate::clock::Clock;
use crate::testing::{Call, Script};

fn site() -> Site {
    Site::new(|executor| executor.task("bad", Script::fails(1)))
}

const FAILS: &str = "name: p\nstages: [{name: S, tasks: [{name: bad, script: x}]}]";
const FAILS_SOON_FREED: &str = "name: p\nkeepWorkspace: 1h\nstages: [{name: S, tasks: [{name: bad, script: x}]}]";
const FAILS_UNKEPT: &str = "name: p\nkeepWorkspace: 0s\nstages: [{name: S, tasks: [{name: bad, script: x}]}]";
const SUCCEEDS: &str = "name: p\nstages: [{name: S, tasks: [{name: good, script: x}]}]";

#[tokio::test]
async fn a_failed_run_keeps_its_workspace_and_a_good_one_or_one_that_is_told_not_to_does_not() {
    let site = site();
    let engine = site.open().await;
    let before = site.clock.now().elapsed;
    let (bad, good) = (ended(&engine, FAILS).await, ended(&engine, SUCCEEDS).await);
    let unkept = ended(&engine, FAILS_UNKEPT).await;
    assert_eq!(site.clock.now().elapsed, before, "waiting for the end does not wait for the workspace");
    assert!(site.kept(bad.id()) && !site.released(bad.id()));
    assert!(site.released(good.id()) && !site.kept(good.id()));
    assert!(site.released(unkept.id()) && !site.kept(unkept.id()));
    let kept = engine.handle.core.archive.store.kept().await.unwrap();
    assert_eq!(kept.iter().map(|kept| (kept.run, kept.generation)).collect::<Vec<_>>(), [(bad.id(), 1)]);
    assert_eq!(kept[0].until, before + 24 * HOUR);
}

#[tokio::test]
async fn each_is_freed_when_its_time_is_up_whatever_the_date_says() {
    let site = site();
    let engine = site.open().await;
    let (long, short) = (ended(&engine, FAILS).await, ended(&engine, FAILS_SOON_FREED).await);
    site.clock.until_sleepers(1).await;
    site.clock.set_wall("2030-01-01T00:00:00Z".parse().unwrap());
    site.clock.advance(HOUR / 2).await;
    assert!(!site.released(short.id()), "another date is not the passing of time");
    site.clock.advance(HOUR / 2).await;
    site.until_released(short.id()).await;
    assert!(!site.released(long.id()));
    site.clock.until_sleepers(1).await;
    site.clock.advance(23 * HOUR).await;
    site.until_released(long.id()).await;
    assert!(engine.handle.core.archive.store.kept().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_next_engine_leaves_it_in_peace_and_goes_on_watching_the_time() {
    let site = site();
    let engine = site.open().await;
    let run = ended(&engine, FAILS).await;
    engine.close().await.unwrap();
    site.clock.advance(23 * HOUR).await;

    let engine = site.open().await;
    assert!(site.executor.calls().contains(&Call::Sweep { keep: vec![run.id()] }));
    assert!(!site.released(run.id()));
    site.clock.until_sleepers(1).await;
    site.clock.advance(HOUR).await;
    site.until_released(run.id()).await;
    engine.close().await.unwrap();
}

#[tokio::test]
async fn an_engine_that_is_dropped_while_it_watches_lets_go_at_once() {
    let site = site();
    let engine = site.open().await;
    drop(ended(&engine, FAILS).await);
    drop(engine);
    let engine = site.open().await;
    engine.close().await.unwrap();
}

#[tokio::test]
async fn what_became_due_while_no_engine_was_there_is_freed_at_the_opening() {
    let site = site();
    let engine = site.open().await;
    let run = ended(&engine, FAILS).await;
    engine.close().await.unwrap();
    site.clock.advance(25 * HOUR).await;
    let engine = site.open().await;
    site.until_released(run.id()).await;
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_workspace_on_an_executor_that_is_not_there_stays_until_it_is() {
    let site = site();
    let engine = site.open().await;
    let run = ended(&engine, FAILS).await;
    engine.close().await.unwrap();
    site.clock.advance(25 * HOUR).await;

    let other = site.open_with("other").await;
    let probe = ended(&other, SUCCEEDS).await;
    site.until_released(probe.id()).await;
    assert!(!site.released(run.id()));
    assert_eq!(other.handle.core.archive.store.kept().await.unwrap().len(), 1);
    other.close().await.unwrap();

    let engine = site.open().await;
    site.until_released(run.id()).await;
    engine.close().await.unwrap();
}
