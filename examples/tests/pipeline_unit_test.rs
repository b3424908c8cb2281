//! A pipeline has unit tests like any code: no step is really started, and a day passes in milliseconds.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use windlass::run::{RunStatus, TaskStatus};
use windlass::store::MemoryStore;
use windlass::testing::{Script, ScriptedExecutor, VirtualClock};
use windlass::{Engine, Pipeline, RunRequest, RunSummary, Stage, Task, pipeline};

const HOUR: Duration = Duration::from_secs(3600);

/// Runs a pipeline on scripted steps, in virtual time.
async fn run(pipeline: &Pipeline, request: RunRequest, clock: VirtualClock, steps: ScriptedExecutor) -> RunSummary {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder()
        .data_dir(folder.path())
        .store(MemoryStore::new())
        .clock(Arc::new(clock))
        .executor("scripted", steps)
        .open()
        .await
        .unwrap();
    let outcome = engine.start(pipeline, request).await.unwrap().wait().await.unwrap();
    engine.close().await.unwrap();
    outcome
}

fn quickstart() -> Pipeline {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("quickstart/windlass.yaml");
    pipeline::read_file(document).unwrap()
}

#[tokio::test]
async fn a_step_that_hangs_is_stopped_after_its_24_hours() {
    let soak = Pipeline::builder("nightly")
        .stage(Stage::sequential("Soak").task(Task::script("soak", "./soak").timeout(24 * HOUR)))
        .finally(Task::script("report", "./report"))
        .build()
        .unwrap();
    let clock = VirtualClock::auto();
    let steps = ScriptedExecutor::new(Arc::new(clock.clone())).task("soak", Script::hangs());

    let outcome = run(&soak, RunRequest::manual(), clock, steps.clone()).await;

    assert_eq!(outcome.status, RunStatus::Failed);
    assert_eq!(outcome.task("soak").unwrap().status, TaskStatus::TimedOut);
    assert_eq!(outcome.task("report").unwrap().status, TaskStatus::Succeeded);
    let took = Duration::from_millis(outcome.duration_ms.unwrap());
    assert!(took >= 24 * HOUR && took < 24 * HOUR + Duration::from_secs(60), "{took:?}");
    assert_eq!(steps.running(), [], "nothing hangs on");
}

#[tokio::test]
async fn a_flaky_step_is_tried_again_with_pauses_that_double() {
    let fetch = Task::script("fetch", "./fetch").attempts(4).backoff(HOUR);
    let patient = Pipeline::builder("patient").stage(Stage::sequential("Get").task(fetch)).build().unwrap();
    let clock = VirtualClock::auto();
    let scripts = [Script::fails(1), Script::fails(1), Script::succeeds()];
    let steps = ScriptedExecutor::new(Arc::new(clock.clone())).attempts("fetch", scripts);

    let outcome = run(&patient, RunRequest::manual(), clock, steps.clone()).await;

    assert!(outcome.succeeded());
    assert_eq!(steps.started("fetch"), 3);
    // The second pause would be two hours; an hour is the longest.
    let took = Duration::from_millis(outcome.duration_ms.unwrap());
    assert!(took >= 2 * HOUR && took < 2 * HOUR + Duration::from_secs(60), "{took:?}");
}

#[tokio::test]
async fn what_is_built_is_what_is_published_and_only_for_production() {
    for (target, published) in [("dev", TaskStatus::Skipped), ("prod", TaskStatus::Succeeded)] {
        let clock = VirtualClock::auto();
        let steps = ScriptedExecutor::new(Arc::new(clock.clone()))
            .task("build", Script::succeeds().output("VERSION", "7.1"))
            .task("package", Script::succeeds().output("ARCHIVE", "roman-7.1.tar.gz"));

        let request = RunRequest::manual().parameter("TARGET", target);
        let outcome = run(&quickstart(), request, clock, steps.clone()).await;

        assert!(outcome.succeeded(), "{:?}", outcome.cause);
        assert_eq!(outcome.task("publish").unwrap().status, published, "{target}");
        assert_eq!(environment(&steps, "package", "VERSION").as_deref(), Some("7.1"));
    }
}

#[tokio::test]
async fn nothing_is_packaged_when_a_test_fails() {
    let clock = VirtualClock::auto();
    let steps = ScriptedExecutor::new(Arc::new(clock.clone()))
        .task("build", Script::succeeds().output("VERSION", "7.1"))
        .task("test[PROFILE=release]", Script::fails(101).log("test every_number_comes_back ... FAILED"));

    let outcome = run(&quickstart(), RunRequest::manual(), clock, steps.clone()).await;

    assert_eq!(outcome.status, RunStatus::Failed);
    assert_eq!(outcome.task("package").unwrap().status, TaskStatus::Skipped);
    assert_eq!(steps.started("package"), 0);
    assert_eq!(environment(&steps, "report", "WINDLASS_STATUS").as_deref(), Some("failed"));
}

/// A variable as a task's step got it.
fn environment(steps: &ScriptedExecutor, task: &str, variable: &str) -> Option<String> {
    steps.calls().into_iter().find_map(|call| match call {
        windlass::testing::Call::Start(step) if step.key.task.as_str() == task => step.env.get(variable).cloned(),
        _ => None,
    })
}
