//! Looking back at a run.

use std::sync::Arc;
use std::time::Duration;

use super::pipeline;
use crate::engine::archive::plan_of;
use crate::engine::{Engine, Run, RunRequest, RunSummary};
use crate::run::{RunState, RunStatus, Seq, TaskStatus};
use crate::store::MemoryStore;
use crate::testing::{Script, ScriptedExecutor, VirtualClock};

/// A run that has ended: `build` takes a minute, `test` fails once and then succeeds, `ship` fails.
async fn ended() -> (tempfile::TempDir, Engine, Run) {
    let folder = tempfile::tempdir().unwrap();
    let clock = VirtualClock::auto_after(Duration::from_millis(20));
    let executor = ScriptedExecutor::new(Arc::new(clock.clone()))
        .task("build", Script::succeeds().after(Duration::from_secs(60)).log("built"))
        .attempts("test", [Script::fails(1), Script::succeeds()])
        .task("ship", Script::fails(3));
    let builder = Engine::builder().data_dir(folder.path().join("data")).executor("scripted", executor);
    let engine = builder.store(MemoryStore::new()).clock(Arc::new(clock)).open().await.unwrap();
    let document = "name: p\nstages: [{name: S, tasks: [{name: build, script: x}, \
                    {name: test, script: x, retry: {attempts: 2, backoff: 10s}}, {name: ship, script: x}]}]";
    let run = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    assert_eq!(run.wait().await.unwrap().status, RunStatus::Failed);
    (folder, engine, run)
}

#[tokio::test]
async fn a_run_can_be_seen_as_it_was_at_each_event() {
    let (_folder, _engine, run) = ended().await;
    let store = &run.core.archive.store;
    let record = store.run(run.id()).await.unwrap().unwrap();
    let (request, plan) = plan_of(&record).unwrap();
    let mut state = RunState::new(run.id(), Arc::new(plan));
    assert_eq!(run.at(Seq::ZERO).await.unwrap(), RunSummary::of(&record, &request, &state));
    let facts = store.read(run.id(), Seq::ZERO, 1000).await.unwrap();
    for fact in &facts {
        state.apply(fact.at, &fact.event).unwrap();
        assert_eq!(run.at(fact.seq).await.unwrap(), RunSummary::of(&record, &request, &state), "{}", fact.seq);
    }
    assert_eq!(run.at(Seq(facts.len() as u64)).await.unwrap(), run.summary().await.unwrap());
    let error = run.at(Seq(facts.len() as u64 + 1)).await.unwrap_err();
    assert_eq!(error.code(), "noSuchEvent");
    assert!(error.to_string().contains(&format!("its newest one is {}", facts.len())), "{error}");
}

#[tokio::test]
async fn a_timeline_says_where_the_time_went() {
    let (_folder, _engine, run) = ended().await;
    let timeline = run.timeline().await.unwrap();
    assert_eq!((timeline.run, timeline.pipeline.as_str(), timeline.number), (Some(run.id()), "p", 1));
    assert_eq!(timeline.duration_ms, run.summary().await.unwrap().duration_ms);
    let [build, test, ship] = &timeline.tasks[..] else { panic!("{timeline:?}") };
    assert_eq!(build.attempts[0].span.duration_ms, Some(60_000));
    assert_eq!(test.attempts.len(), 2);
    let backoff = test.waits.iter().find(|wait| wait.reason.code == "backoff").unwrap();
    assert_eq!(backoff.span.duration_ms, Some(10_000));
    assert_eq!(ship.state.map(TaskStatus::from), Some(TaskStatus::Failed));
    let trace = timeline.to_chrome_trace();
    assert!(trace["traceEvents"].as_array().unwrap().iter().any(|event| event["name"] == "build"));
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_reader_looks_back_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let executor = ScriptedExecutor::new(Arc::new(VirtualClock::new()));
    let engine = Engine::builder().data_dir(folder.path()).executor("scripted", executor).open().await.unwrap();
    let document = "name: p\nstages: [{name: S, tasks: [{name: t, script: x}]}]";
    let run = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    let outcome = run.wait().await.unwrap();
    let reader = crate::Reader::open(folder.path()).unwrap();
    assert_eq!(reader.at(run.id(), Seq(1)).await.unwrap().status, RunStatus::Queued);
    assert_eq!(reader.at(run.id(), Seq(1000)).await.unwrap_err().code(), "noSuchEvent");
    assert_eq!(reader.timeline(run.id()).await.unwrap().duration_ms, outcome.duration_ms);
}
