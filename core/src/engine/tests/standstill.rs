//! The process stands still, and steps end meanwhile.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use uuid::Uuid;

use super::pipeline;
use crate::clock::Clock;
use crate::engine::{Engine, Run, RunRequest};
use crate::run::{Elapsed, Now, RunStatus, TaskStatus};
use crate::testing::{Script, ScriptedExecutor, VirtualClock};

/// A clock that leaps: who sleeps on the way wakes at the end, all at once, as after a process stood still.
#[derive(Clone, Debug, Default)]
struct LeapingClock {
    ids: VirtualClock,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    elapsed: Elapsed,
    sleepers: Vec<Elapsed>,
}

impl LeapingClock {
    fn leap_to(&self, millis: u64) {
        self.state.lock().unwrap().elapsed = Elapsed::from_millis(millis);
        self.changed.notify_waiters();
    }

    /// Returns when somebody sleeps until this moment.
    async fn until_somebody_sleeps_until(&self, millis: u64) {
        self.until(|state| state.sleepers.contains(&Elapsed::from_millis(millis))).await;
    }

    async fn until(&self, fulfilled: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if fulfilled(&self.state.lock().unwrap()) {
                return;
            }
            changed.await;
        }
    }
}

struct Sleeper<'a>(&'a LeapingClock, Elapsed);

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let sleepers = &mut self.0.state.lock().unwrap().sleepers;
        let at = sleepers.iter().position(|deadline| *deadline == self.1).unwrap();
        sleepers.remove(at);
    }
}

#[async_trait]
impl Clock for LeapingClock {
    fn now(&self) -> Now {
        Now { wall: self.ids.now().wall, elapsed: self.state.lock().unwrap().elapsed }
    }

    async fn sleep_until(&self, deadline: Elapsed) {
        self.state.lock().unwrap().sleepers.push(deadline);
        let _sleeper = Sleeper(self, deadline);
        self.changed.notify_waiters();
        self.until(|state| state.elapsed >= deadline).await;
    }

    fn new_id(&self) -> Uuid {
        self.ids.new_id()
    }
}

struct World {
    folder: tempfile::TempDir,
    clock: LeapingClock,
    executor: ScriptedExecutor,
}

impl World {
    fn new(script: Script) -> Self {
        let clock = LeapingClock::default();
        let executor = ScriptedExecutor::new(Arc::new(clock.clone())).task("t", script);
        Self { folder: tempfile::tempdir().unwrap(), clock, executor }
    }

    async fn open(&self) -> Engine {
        let builder = Engine::builder().data_dir(self.folder.path().join("data"));
        builder.executor("scripted", self.executor.clone()).clock(Arc::new(self.clock.clone())).open().await.unwrap()
    }

    /// A run of one task with a timeout of ten seconds, which has begun.
    async fn start(&self, engine: &Engine) -> Run {
        let document = "name: p\nstages: [{name: S, tasks: [{name: t, timeout: 10s, script: x}]}]";
        let run = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
        self.clock.until_somebody_sleeps_until(10_000).await;
        run
    }
}

/// What a step does that ends well in time, and says a lot.
fn in_time() -> Script {
    (0..600).fold(Script::succeeds().after(Duration::from_secs(5)), |script, line| script.log(format!("line {line}")))
}

#[tokio::test]
async fn a_step_that_ended_in_time_is_no_timeout_because_its_end_is_heard_of_late() {
    let world = World::new(in_time());
    let engine = world.open().await;
    let run = world.start(&engine).await;
    world.clock.until_somebody_sleeps_until(5_000).await;
    world.clock.leap_to(60_000);
    assert_eq!(run.wait().await.unwrap().status, RunStatus::Succeeded);
    assert!(run.logs("t").await.unwrap().ends_with(b"line 599\n"));
}

#[tokio::test]
async fn a_step_that_ended_while_no_engine_was_there_is_no_timeout() {
    let world = World::new(in_time());
    let engine = world.open().await;
    let run = world.start(&engine).await.id();
    engine.close().await.unwrap();
    world.clock.leap_to(60_000);
    let engine = world.open().await;
    assert_eq!(engine.run(run).await.unwrap().wait().await.unwrap().status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_step_that_still_runs_has_its_timeout_after_a_moment() {
    let world = World::new(Script::hangs());
    let engine = world.open().await;
    let run = world.start(&engine).await;
    world.clock.leap_to(60_000);
    world.clock.until_somebody_sleeps_until(60_250).await;
    world.clock.leap_to(60_250);
    let outcome = run.wait().await.unwrap();
    assert_eq!(outcome.task("t").unwrap().status, TaskStatus::TimedOut);
}

#[tokio::test]
async fn a_timeout_that_is_noticed_in_time_waits_for_nobody() {
    let world = World::new(Script::hangs());
    let engine = world.open().await;
    let run = world.start(&engine).await;
    world.clock.leap_to(10_499);
    assert_eq!(run.wait().await.unwrap().task("t").unwrap().status, TaskStatus::TimedOut);
}
