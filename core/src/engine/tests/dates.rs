//! The date of the machine is set forward and back while runs go on: lengths of time do not notice.

use std::time::Duration;

use super::kit::eventually;
use super::site::{HOUR, Site, started};
use crate::EventKind;
use crate::clock::Clock;
use crate::run::RunStatus;
use crate::testing::Script;

const MINUTE: Duration = Duration::from_secs(60);

/// Sets the date an hour forward, and lets some time pass; then the same with two hours back.
async fn while_dates_change(site: &Site, each: Duration) {
    for hours in [1, -2] {
        site.clock.until_sleepers(1).await;
        let date = site.clock.now().wall + jiff::SignedDuration::from_hours(hours);
        site.clock.set_wall(date);
        site.clock.advance(each).await;
    }
}

#[tokio::test]
async fn a_task_has_its_whole_timeout_and_no_more() {
    let site = Site::new(|executor| executor.task("t", Script::hangs()));
    let engine = site.open().await;
    let run = started(&engine, "name: p\nstages: [{name: S, tasks: [{name: t, timeout: 10m, script: x}]}]").await;
    eventually("a running step", async || !site.executor.running().is_empty()).await;
    let start = site.clock.now().elapsed;
    while_dates_change(&site, 4 * MINUTE).await;
    assert_eq!(run.summary().await.unwrap().status, RunStatus::Running, "eight of ten minutes are over");
    site.clock.until_sleepers(1).await;
    site.clock.advance(2 * MINUTE).await;
    let end = run.wait().await.unwrap();
    assert_eq!(end.status, RunStatus::Failed);
    assert_eq!(end.duration_ms, Some(10 * 60_000));
    assert_eq!(site.clock.now().elapsed, start + 10 * MINUTE);
}

#[tokio::test]
async fn the_pause_before_another_attempt_is_as_long_as_it_was_asked_for() {
    let site = Site::new(|executor| executor.attempts("t", [Script::fails(1), Script::succeeds()]));
    let engine = site.open().await;
    let document = "name: p\nstages: [{name: S, tasks: [{name: t, retry: {attempts: 2, backoff: 1h}, script: x}]}]";
    let run = started(&engine, document).await;
    // As long as the first attempt goes on, the run waits for its own timeout, which must not be taken for the pause.
    let mut events = run.events().await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap().kind, EventKind::AttemptFinished { .. }) {}
    while_dates_change(&site, HOUR / 4).await;
    assert_eq!(run.summary().await.unwrap().status, RunStatus::Running, "half of the pause is over");
    site.clock.until_sleepers(1).await;
    site.clock.advance(HOUR / 2).await;
    assert_eq!(run.wait().await.unwrap().status, RunStatus::Succeeded);
}
