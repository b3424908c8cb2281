//! Spans through the façade.

use std::time::Duration;

use super::recorder::Recorder;
use super::{ONE_TASK, World, hangs, start, until, until_running};
use crate::EventKind;
use crate::engine::tests::pipeline;
use crate::engine::{Engine, Rerun, RunRequest};
use crate::run::{RunEvent, Seq};
use crate::store::{Append, Batch, Stamped};
use crate::telemetry::{ATTEMPT_SPAN, RUN_SPAN, TASK_SPAN};
use crate::testing::Script;

#[tokio::test]
async fn attempts_are_in_their_task_and_tasks_in_their_run() {
    let (recorder, _guard) = Recorder::install();
    let world = World::new(|executor| {
        executor.attempts("unit", [Script::fails(1), Script::succeeds()]).task("lint", Script::fails(3))
    });
    let engine = world.open().await;
    let document = "
name: p
stages:
- {name: Test, tasks: [{name: unit, script: x, retry: {attempts: 2}}, {name: lint, script: x}]}
- {name: Deploy, tasks: [{name: ship, script: x}]}
";
    let run = start(&engine, document).await;
    run.wait().await.unwrap();
    let expected = "
RUN p: failure error.type=exitCode otel.status_code=ERROR
  unit: success
    attempt 1: failure error.type=exitCode otel.status_code=ERROR
    attempt 2: success
  lint: failure error.type=exitCode otel.status_code=ERROR
    attempt 1: failure error.type=exitCode otel.status_code=ERROR
  ship: skip
";
    assert_eq!(recorder.tree(&["error.type", "otel.status_code"]), expected.trim_start());
    let steps: Vec<_> = recorder.steps().into_iter().map(|(step, _)| step).collect();
    let expected = [
        "open RUN p",
        "open unit",
        "open attempt 1",
        "close attempt 1",
        "open attempt 2",
        "close attempt 2",
        "close unit",
        "open lint",
        "open attempt 1",
        "close attempt 1",
        "close lint",
        "open ship",
        "close ship",
        "close RUN p",
    ];
    assert_eq!(steps, expected);
}

#[tokio::test]
async fn spans_carry_the_attributes_of_the_conventions() {
    let (recorder, _guard) = Recorder::install();
    let world = World::new(|executor| executor.task("t", Script::fails(3)));
    let engine = world.open().await;
    let run = engine.start(&pipeline(ONE_TASK), RunRequest::triggered_by("push")).await.unwrap();
    run.wait().await.unwrap();
    let id = run.id();
    let of = |name: &str| {
        let span = recorder.span(name);
        (span.name, span.fields.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>())
    };
    let (name, fields) = of("RUN p");
    assert_eq!(name, RUN_SPAN);
    let message = &recorder.span("attempt 1").fields["otel.status_description"];
    assert!(message.contains("exit code 3"), "{message}");
    let expected = [
        "cicd.pipeline.action.name=RUN".to_owned(),
        "cicd.pipeline.name=p".to_owned(),
        "cicd.pipeline.result=failure".to_owned(),
        format!("cicd.pipeline.run.id={id}"),
        format!("cicd.pipeline.run.url.full=https://portal.example/ci/runs/{id}"),
        "error.type=exitCode".to_owned(),
        "otel.kind=server".to_owned(),
        "otel.name=RUN p".to_owned(),
        "otel.status_code=ERROR".to_owned(),
        format!("otel.status_description={}", recorder.span("RUN p").fields["otel.status_description"]),
        "windlass.executor=scripted".to_owned(),
        "windlass.run.number=1".to_owned(),
        "windlass.run.queued=0.0".to_owned(),
        "windlass.run.trigger=push".to_owned(),
    ];
    assert_eq!(fields, expected);
    let (name, fields) = of("t");
    assert_eq!(name, TASK_SPAN);
    let expected = [
        "cicd.pipeline.task.name=t".to_owned(),
        format!("cicd.pipeline.task.run.id={id}/t"),
        "cicd.pipeline.task.run.result=failure".to_owned(),
        "error.type=exitCode".to_owned(),
        "otel.name=t".to_owned(),
        "otel.status_code=ERROR".to_owned(),
        format!("otel.status_description={message}"),
        "windlass.task.action=script".to_owned(),
        "windlass.task.state=failed".to_owned(),
    ];
    assert_eq!(fields, expected);
    let (name, fields) = of("attempt 1");
    assert_eq!(name, ATTEMPT_SPAN);
    let expected = [
        "cicd.pipeline.task.name=t".to_owned(),
        format!("cicd.pipeline.task.run.id={id}/t#1"),
        "cicd.pipeline.task.run.result=failure".to_owned(),
        "error.type=exitCode".to_owned(),
        "otel.name=attempt 1".to_owned(),
        "otel.status_code=ERROR".to_owned(),
        format!("otel.status_description={message}"),
        "windlass.attempt=1".to_owned(),
        "windlass.exit_code=3".to_owned(),
    ];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn results_tell_what_failed_from_who_failed() {
    let cases = [
        (Script::fails(1), "failure", "failure"),
        (Script::infrastructure("the node is gone"), "error", "error"),
        (Script::lost(), "error", "error"),
        (Script::hangs(), "timeout", "failure"),
    ];
    for (script, task, run) in cases {
        let (recorder, _guard) = Recorder::install();
        let world = World::new(|executor| executor.task("t", script));
        let engine = world.open().await;
        let document = "name: p\nstages: [{name: S, tasks: [{name: t, timeout: 1h, script: x}]}]";
        start(&engine, document).await.wait().await.unwrap();
        let result = |name| recorder.span(name).fields.remove("cicd.pipeline.task.run.result").unwrap();
        assert_eq!(result("attempt 1"), task);
        assert_eq!(result("t"), task);
        assert_eq!(recorder.span("RUN p").field("cicd.pipeline.result"), Some(run), "after {task}");
    }
}

#[tokio::test]
async fn nothing_is_told_before_it_is_committed() {
    let (recorder, _guard) = Recorder::install();
    let world = World::new(|executor| executor.task("t", Script::succeeds()));
    let engine = world.open().await;
    recorder.look_up(engine.handle.core.archive.store.clone());
    start(&engine, ONE_TASK).await.wait().await.unwrap();
    for (step, committed) in recorder.steps() {
        let event = match step.as_str() {
            "open RUN p" => "runStarted",
            "open t" => "taskStarted",
            "open attempt 1" => "attemptStarted",
            "close attempt 1" => "attemptFinished",
            "close t" => "taskFinished",
            "close RUN p" => "runFinished",
            other => panic!("{other}"),
        };
        assert!(committed.contains(&event), "{step} with only {committed:?}");
    }
    assert_eq!(recorder.steps().len(), 6);
}

#[tokio::test]
async fn the_span_of_an_approval_lasts_from_the_question_to_the_answer() {
    let (recorder, _guard) = Recorder::install();
    let world = World::still(|executor| executor);
    let engine = world.open().await;
    let run = start(&engine, "name: p\nstages: [{name: S, tasks: [{name: ok, approve: {message: 'Ship?'}}]}]").await;
    let mut events = run.events().await.unwrap();
    until(&mut events, |kind| matches!(kind, EventKind::ApprovalRequested { .. })).await;
    assert_eq!(recorder.tree(&[]), "RUN p: -\n  ok: -\n");
    run.reject("ok", "ana", "not today").await.unwrap();
    run.wait().await.unwrap();
    let expected = "RUN p: failure error.type=rejected\n  ok: failure error.type=rejected\n";
    assert_eq!(recorder.tree(&["error.type"]), expected);
}

#[tokio::test]
async fn a_run_that_is_cancelled_in_the_queue_has_a_span_as_well() {
    let (recorder, _guard) = Recorder::install();
    let world = hangs();
    let engine = world.open().await;
    let first = start(&engine, ONE_TASK).await;
    let second = start(&engine, &ONE_TASK.replace("name: p", "name: q")).await;
    second.cancel("ana", "").await.unwrap();
    second.wait().await.unwrap();
    assert_eq!(recorder.span("RUN q").field("cicd.pipeline.result"), Some("cancellation"));
    assert_eq!(recorder.span("RUN q").field("otel.status_code"), None);
    first.cancel("ana", "").await.unwrap();
    first.wait().await.unwrap();
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_run_that_is_taken_up_again_has_a_new_span_with_what_goes_on() {
    let (recorder, _guard) = Recorder::install();
    let script = Script::succeeds().log("on its way").after(Duration::from_secs(3600));
    let mut world = World::still(|executor| executor.task("t", script));
    let engine = world.builder().open().await.unwrap();
    let run = start(&engine, ONE_TASK).await;
    until_running(&run, "t").await;
    engine.close().await.unwrap();
    let engine = world.builder().open().await.unwrap();
    drop(world.still.take());
    let again = engine.run(run.id()).await.unwrap();
    assert!(again.wait().await.unwrap().succeeded());
    let expected = "
RUN p: - windlass.interrupted=closed
  t: - windlass.interrupted=closed
    attempt 1: - windlass.interrupted=closed
RUN p: success windlass.resumed=true
  t: success windlass.resumed=true
    attempt 1: success windlass.resumed=true
";
    assert_eq!(recorder.tree(&["windlass.interrupted", "windlass.resumed"]), expected.trim_start());
}

#[tokio::test]
async fn a_repeated_run_tells_only_what_it_does_itself() {
    let (recorder, _guard) = Recorder::install();
    let world = World::new(|executor| executor.task("test", Script::fails(1)));
    let engine = world.open().await;
    let document = "name: p\nstages: [{name: S, tasks: [{name: build, script: x}, {name: test, script: x}]}]";
    let request = RunRequest::manual().traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let old = engine.start(&pipeline(document), request).await.unwrap();
    old.wait().await.unwrap();
    drop(world.executor.clone().task("test", Script::succeeds()));
    let new = old.retry(Rerun::FromFailed, "ana").await.unwrap();
    assert!(new.wait().await.unwrap().succeeded());
    let expected = "
RUN p: failure traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
  build: success
    attempt 1: success
  test: failure
    attempt 1: failure
RUN p: success
  test: success
    attempt 1: success
";
    assert_eq!(recorder.tree(&["traceparent"]), expected.trim_start());
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn what_is_done_again_in_a_new_workspace_has_another_span() {
    let world =
        World::still(|executor| executor.attempts("test", [Script::hangs().log("on its way"), Script::succeeds()]));
    let engine = world.builder().open().await.unwrap();
    let document = "
name: p
stages:
- {name: S, tasks: [{name: build, script: x}, {name: test, script: x, retry: {attempts: 2, on: [lost], from: build}}]}
";
    let run = start(&engine, document).await;
    until_running(&run, "test").await;
    engine.close().await.unwrap();
    world.executor.lose_workspace(run.id());
    let (recorder, _guard) = Recorder::install();
    let engine = world.builder().open().await.unwrap();
    let outcome = engine.run(run.id()).await.unwrap().wait().await.unwrap();
    assert!(outcome.succeeded(), "{outcome:#?}");
    let expected = "
RUN p: success windlass.resumed=true
  test: success windlass.resumed=true
    attempt 1: error windlass.resumed=true
  build: success windlass.repeated=true
    attempt 2: success
    attempt 2: success
";
    assert_eq!(recorder.tree(&["windlass.resumed", "windlass.repeated"]), expected.trim_start());
}

/// Writes an event behind the back of the run's driver, so that the next one of the driver is refused.
pub(super) async fn break_driver(engine: &Engine, run: &crate::Run) {
    let core = &engine.handle.core;
    let events = core.archive.store.read(run.id(), Seq::ZERO, 1000).await.unwrap();
    let (expected, at) = events.last().map(|fact| (fact.seq, fact.at)).unwrap();
    let stray = Stamped { at, event: RunEvent::EngineRecovered };
    let append = Append { run: run.id(), expected, events: vec![stray], digest: None };
    core.commit(Batch { appends: vec![append], ..Batch::default() }).await.unwrap();
    // The driver hears of it when it writes down this wish, and so nobody answers.
    run.cancel("ana", "").await.unwrap_err();
}

#[tokio::test]
async fn a_run_that_its_engine_gives_up_says_so() {
    let (recorder, _guard) = Recorder::install();
    let world = hangs();
    let engine = world.open().await;
    let run = start(&engine, ONE_TASK).await;
    until_running(&run, "t").await;
    break_driver(&engine, &run).await;
    let expected = "RUN p: - windlass.interrupted=broken\n  t: - windlass.interrupted=broken\n    attempt 1: - windlass.interrupted=broken\n";
    assert_eq!(recorder.tree(&["windlass.interrupted"]), expected);
}

#[tokio::test]
async fn the_trace_context_of_the_portal_stands_on_the_span() {
    let (recorder, _guard) = Recorder::install();
    let world = World::new(|executor| executor);
    let engine = world.open().await;
    let context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for text in [context, "nonsense"] {
        let request = RunRequest::manual().traceparent(text);
        engine.start(&pipeline(ONE_TASK), request).await.unwrap().wait().await.unwrap();
    }
    let contexts: Vec<_> = recorder
        .spans()
        .into_iter()
        .filter(|span| span.name == RUN_SPAN)
        .map(|span| span.field("traceparent").map(str::to_owned))
        .collect();
    assert_eq!(contexts, [Some(context.to_owned()), None]);
}
