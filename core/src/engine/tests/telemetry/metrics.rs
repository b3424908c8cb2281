//! Figures through the façade.

use std::time::Duration;

use metrics_util::debugging::DebuggingRecorder;

use super::figures::Figures;
use super::spans::break_driver;
use super::{ONE_TASK, World, hangs, start, until_running};
use crate::testing::Script;

#[tokio::test]
async fn ends_are_counted_and_timed() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let mut figures = Figures::of(&recorder);
    let world = World::new(|executor| {
        executor
            .task("unit", Script::succeeds().after(Duration::from_secs(90)))
            .task("style", Script::fails(2))
            .task("lint", Script::fails(3))
    });
    let engine = world.open().await;
    let document = "
name: p
stages:
- {name: Test, tasks: [{name: unit, script: x}, {name: style, script: x, allowFailure: true}, {name: lint, script: x}]}
- {name: Deploy, tasks: [{name: ship, script: x}]}
";
    start(&engine, document).await.wait().await.unwrap();
    assert_eq!(
        figures.samples(""),
        [
            "cicd.pipeline.run.duration{cicd.pipeline.name=p,cicd.pipeline.run.state=executing,cicd.pipeline.result=failure,error.type=exitCode} [90.0]",
            "cicd.pipeline.run.duration{cicd.pipeline.name=p,cicd.pipeline.run.state=pending} [0.0]",
            "windlass.task.duration{cicd.pipeline.name=p,cicd.pipeline.task.run.result=failure} [0.0, 0.0]",
            "windlass.task.duration{cicd.pipeline.name=p,cicd.pipeline.task.run.result=success} [90.0]",
        ]
    );
    assert_eq!(
        figures.sums(""),
        [
            "cicd.pipeline.run.errors{cicd.pipeline.name=p,error.type=exitCode} 2",
            "windlass.task.results{cicd.pipeline.name=p,windlass.task.state=failed} 2",
            "windlass.task.results{cicd.pipeline.name=p,windlass.task.state=skipped} 1",
            "windlass.task.results{cicd.pipeline.name=p,windlass.task.state=succeeded} 1",
        ]
    );
}

#[tokio::test]
async fn a_run_that_fails_without_a_task_is_an_error_as_well() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let mut figures = Figures::of(&recorder);
    let world = World::new(|executor| executor);
    for _ in 0..100 {
        world.executor.fail_prepare("no room");
    }
    let engine = world.open().await;
    let outcome = start(&engine, ONE_TASK).await.wait().await.unwrap();
    let code = outcome.cause.unwrap().code;
    let expected = format!("cicd.pipeline.run.errors{{cicd.pipeline.name=p,error.type={code}}} 1");
    assert_eq!(figures.sums("cicd.pipeline.run.errors"), [expected]);
}

#[tokio::test]
async fn gauges_show_what_waits_and_what_goes_on() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let mut figures = Figures::of(&recorder);
    let world = hangs();
    let engine = world.open().await;
    let axis =
        "name: p\nstages: [{name: S, order: parallel, tasks: [{name: t, script: x, matrix: {N: ['1', '2', '3']}}]}]";
    let first = start(&engine, axis).await;
    let second = start(&engine, &ONE_TASK.replace("name: p", "name: q")).await;
    until_running(&first, "t").await;
    assert_eq!(
        figures.gauges(),
        [
            "cicd.pipeline.run.active{cicd.pipeline.name=p,cicd.pipeline.run.state=executing} 1",
            "cicd.pipeline.run.active{cicd.pipeline.name=q,cicd.pipeline.run.state=pending} 1",
            "windlass.queue.length 1",
            "windlass.tasks.running 2",
            "windlass.tasks.waiting 1",
        ]
    );
    first.cancel("ana", "").await.unwrap();
    first.wait().await.unwrap();
    until_running(&second, "t").await;
    assert_eq!(
        figures.gauges(),
        [
            "cicd.pipeline.run.active{cicd.pipeline.name=q,cicd.pipeline.run.state=executing} 1",
            "windlass.tasks.running 1"
        ]
    );
    second.cancel("ana", "").await.unwrap();
    second.wait().await.unwrap();
    assert_eq!(figures.gauges(), [""; 0]);
}

#[tokio::test]
async fn a_run_that_is_cancelled_in_the_queue_is_counted_no_longer() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let mut figures = Figures::of(&recorder);
    let world = hangs();
    let engine = world.open().await;
    let first = start(&engine, ONE_TASK).await;
    let second = start(&engine, &ONE_TASK.replace("name: p", "name: q")).await;
    until_running(&first, "t").await;
    second.cancel("ana", "").await.unwrap();
    second.wait().await.unwrap();
    assert_eq!(figures.sums("windlass.queue.length"), [""; 0]);
    let expected = "cicd.pipeline.run.duration{cicd.pipeline.name=q,cicd.pipeline.run.state=pending,cicd.pipeline.result=cancellation} [0.0]";
    assert_eq!(figures.samples("cicd.pipeline.run.duration{cicd.pipeline.name=q"), [expected]);
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn gauges_are_empty_after_a_close_and_right_after_a_restart() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let mut figures = Figures::of(&recorder);
    let world = hangs();
    let engine = world.builder().open().await.unwrap();
    let first = start(&engine, ONE_TASK).await;
    let second = start(&engine, &ONE_TASK.replace("name: p", "name: q")).await;
    until_running(&first, "t").await;
    let expected = [
        "cicd.pipeline.run.active{cicd.pipeline.name=p,cicd.pipeline.run.state=executing} 1",
        "cicd.pipeline.run.active{cicd.pipeline.name=q,cicd.pipeline.run.state=pending} 1",
        "windlass.queue.length 1",
        "windlass.tasks.running 1",
    ];
    assert_eq!(figures.gauges(), expected);
    engine.close().await.unwrap();
    // The handles of the engine and of its runs are still there.
    assert_eq!(figures.gauges(), [""; 0]);

    let engine = world.builder().open().await.unwrap();
    let again = engine.run(first.id()).await.unwrap();
    let recovered = |kind: &crate::EventKind| matches!(kind, crate::EventKind::EngineRecovered);
    super::until(&mut again.events().await.unwrap(), recovered).await;
    assert_eq!(figures.gauges(), expected);
    again.cancel("ana", "").await.unwrap();
    again.wait().await.unwrap();
    until_running(&engine.run(second.id()).await.unwrap(), "t").await;
    assert_eq!(figures.sums("windlass.queue.length"), [""; 0]);
    engine.close().await.unwrap();
    assert_eq!(figures.gauges(), [""; 0]);
}

#[tokio::test]
async fn a_run_that_its_engine_gives_up_is_counted_no_longer() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let mut figures = Figures::of(&recorder);
    let world = hangs();
    let engine = world.open().await;
    let run = start(&engine, ONE_TASK).await;
    until_running(&run, "t").await;
    assert_eq!(figures.gauges().len(), 2);
    break_driver(&engine, &run).await;
    assert_eq!(figures.gauges(), [""; 0]);
}

#[tokio::test]
async fn what_began_before_the_recorder_does_not_make_gauges_negative() {
    let world = hangs();
    let engine = world.open().await;
    let run = start(&engine, ONE_TASK).await;
    until_running(&run, "t").await;
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let mut figures = Figures::of(&recorder);
    run.cancel("ana", "").await.unwrap();
    run.wait().await.unwrap();
    assert_eq!(figures.gauges(), [""; 0]);
    assert_eq!(
        figures.sums("windlass.task.results"),
        ["windlass.task.results{cicd.pipeline.name=p,windlass.task.state=cancelled} 1"]
    );
}

#[tokio::test]
async fn every_metric_has_a_unit_and_a_description() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let mut figures = Figures::of(&recorder);
    let world = World::new(|executor| executor.task("t", Script::fails(1)));
    let engine = world.open().await;
    start(&engine, ONE_TASK).await.wait().await.unwrap();
    figures.sums("");
    let units: Vec<_> = figures.described.iter().map(|(name, (unit, _))| format!("{name} {unit}")).collect();
    assert_eq!(
        units,
        [
            "cicd.pipeline.run.active count",
            "cicd.pipeline.run.duration seconds",
            "cicd.pipeline.run.errors count",
            "windlass.queue.length count",
            "windlass.task.duration seconds",
            "windlass.task.results count",
            "windlass.tasks.running count",
            "windlass.tasks.waiting count",
        ]
    );
    assert!(figures.described.values().all(|(_, text)| !text.is_empty()));
}
