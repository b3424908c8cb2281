//! Runs in a test: scripts, persons, time.

use std::time::Duration;

use super::stages;
use crate::engine::RunRequest;
use crate::pipeline::{CommitInfo, Pipeline, Stage, Task};
use crate::run::{RunStatus, TaskStatus};
use crate::testing::{PipelineTest, Script};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn steps_without_a_script_succeed() {
    let outcome =
        stages("Build: [{name: unit, script: make}]\nShip: [{name: ship, script: ./ship}]").run().await.unwrap();
    outcome.assert_succeeded().assert_ran("unit").assert_order(["unit", "ship"]);
    assert_eq!(outcome.call("unit").script.as_deref(), Some("make"));
    assert_eq!((outcome.started("ship"), outcome.took()), (1, Duration::ZERO));
}

#[tokio::test]
async fn a_failed_step_ends_the_run_and_its_log_is_there() {
    let outcome = stages("Build: [{name: unit, script: make}]\nShip: [{name: ship, script: ./ship}]")
        .task("unit", Script::fails(1).log("1 passed").after(MINUTE).log("2 failed"))
        .run()
        .await
        .unwrap();
    outcome.assert_failed().assert_skipped("ship");
    outcome.assert_task("unit").failed_with("exitCode").attempts(1).printed("2 failed");
    assert_eq!(outcome.log("unit"), "1 passed\n2 failed\n");
    assert_eq!((outcome.log("ship").as_str(), outcome.started("ship")), ("", 0));
    assert_eq!(outcome.took(), MINUTE);
}

#[tokio::test]
async fn attempts_are_scripted_one_by_one() {
    let outcome = stages("Build: [{name: flaky, script: x, outputs: [N], retry: {attempts: 4, backoff: 10m}}]")
        .attempts(
            "flaky",
            [Script::fails(1).log("no"), Script::fails(1), Script::succeeds().output("N", "3").log("yes")],
        )
        .run()
        .await
        .unwrap();
    outcome
        .assert_succeeded()
        .assert_task("flaky")
        .attempts(3)
        .output("N", "3")
        .printed("yes")
        .env("TASK_ATTEMPT", "3");
    assert_eq!(outcome.calls().iter().map(|call| call.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(outcome.took(), 30 * MINUTE);
}

#[tokio::test]
async fn instances_of_a_matrix_are_scripted_alone_or_together() {
    let outcome = stages("Test: [{name: unit, script: x, matrix: {PY: ['3.11', '3.12']}, allowFailure: true}]")
        .task("unit", Script::succeeds().log("fine"))
        .task("unit[PY=3.12]", Script::fails(2))
        .run()
        .await
        .unwrap();
    outcome.assert_succeeded().assert_ran("unit[PY=3.11]").assert_task("unit[PY=3.12]").failed();
    assert_eq!((outcome.log("unit[PY=3.11]").as_str(), outcome.started("unit")), ("fine\n", 2));
    assert_eq!(outcome.env("unit[PY=3.12]")["PY"], "3.12");
}

#[tokio::test]
async fn persons_answer_at_once_or_later() {
    let stage = "Ship: [{name: sign-off, timeout: 24h, approve: {}}, {name: ship, script: x}]";
    let approved = stages(stage).approve("sign-off", "ana", "fine").run().await.unwrap();
    approved.assert_succeeded().assert_order(["sign-off", "ship"]);
    let later = stages(stage).approve_after("sign-off", 23 * 60 * MINUTE, "ana", "").run().await.unwrap();
    later.assert_succeeded();
    assert_eq!(later.took(), 23 * 60 * MINUTE);
    let rejected = stages(stage).reject_after("sign-off", MINUTE, "ben", "not today").run().await.unwrap();
    rejected.assert_failed().assert_skipped("ship").assert_task("sign-off").failed();
    assert!(rejected.task("sign-off").cause.as_ref().unwrap().message.contains("ben"));
    let late = stages(stage).approve_after("sign-off", 2 * DAY, "ana", "").run().await.unwrap();
    late.assert_skipped("ship").assert_task("sign-off").timed_out();
    assert_eq!(late.took(), DAY);
}

#[tokio::test]
async fn a_day_passes_in_milliseconds() {
    let soak = Pipeline::builder("nightly")
        .stage(Stage::sequential("Soak").task(Task::script("soak", "./soak").timeout(DAY)))
        .finally(Task::script("report", "./report"))
        .build()
        .unwrap();
    let outcome = PipelineTest::of(&soak).task("soak", Script::hangs()).run().await.unwrap();
    outcome.assert_failed().assert_ran("report").assert_task("soak").timed_out();
    assert_eq!(outcome.took(), DAY);
    assert_eq!(outcome.env("report")["WINDLASS_STATUS"], "failed");
}

#[tokio::test]
async fn a_run_without_any_timeout_of_its_own_ends_after_that_of_every_pipeline() {
    let outcome = stages("Soak: [{name: soak, script: x}]").task("soak", Script::hangs()).run().await.unwrap();
    outcome.assert_timed_out();
    assert_eq!(outcome.took(), 14 * DAY);
}

#[tokio::test]
async fn what_waits_for_resources_longer_than_all_timeouts_still_runs() {
    let waits = Script::waits("unschedulable", "0/3 nodes are available", 100 * DAY);
    let outcome = stages("Build: [{name: unit, script: x}]").task("unit", waits).run().await.unwrap();
    outcome.assert_succeeded();
    assert_eq!(outcome.took(), 100 * DAY);
}

#[tokio::test]
async fn somebody_cancels_in_the_middle() {
    let outcome = stages("Build: [{name: unit, script: x}]\nShip: [{name: ship, script: x}]")
        .task("unit", Script::hangs())
        .cancel_after(5 * MINUTE)
        .run()
        .await
        .unwrap();
    outcome.assert_cancelled().assert_task("unit").cancelled();
    assert_eq!((outcome.took(), outcome.task("ship").status), (5 * MINUTE, TaskStatus::Skipped));
    let late = stages("Build: [{name: unit, script: x}]").cancel_after(DAY).run().await.unwrap();
    late.assert_succeeded();
}

#[tokio::test]
async fn parameters_commit_and_trigger_reach_the_run() {
    let request = RunRequest::triggered_by("push")
        .actor("ana")
        .commit(CommitInfo { branch: "main".to_owned(), ..CommitInfo::default() });
    let document = "
name: web
parameters: [{name: TARGET, dynamic: true, choices: [dev, prod]}]
stages:
  - name: Ship
    tasks:
      - {name: dev, script: x, when: TARGET == 'dev'}
      - {name: prod, script: x, image: 'tools:$TARGET', when: TARGET == 'prod' && commit.branch == 'main'}";
    let outcome = PipelineTest::from_yaml(document).request(request).parameter("TARGET", "prod").run().await.unwrap();
    outcome
        .assert_succeeded()
        .assert_skipped("dev")
        .assert_task("prod")
        .env("TRIGGER_KIND", "push")
        .env("TARGET", "prod");
    assert_eq!(outcome.call("prod").image.as_deref(), Some("tools:prod"));
    assert_eq!((outcome.summary().status, outcome.summary().actor.as_str()), (RunStatus::Succeeded, "ana"));
}

#[tokio::test]
async fn tasks_of_a_parallel_stage_run_side_by_side() {
    let document = "{name: p, stages: [{name: A, order: parallel, tasks: [{name: a, script: x}, {name: b, script: x}]}, {name: B, tasks: [{name: c, script: x}]}]}";
    let minute = Script::succeeds().after(MINUTE);
    let outcome = PipelineTest::from_yaml(document).task("a", minute.clone()).task("b", minute).run().await.unwrap();
    outcome.assert_side_by_side(["a", "b"]).assert_order(["a", "c"]).assert_order(["b", "c"]);
    assert_eq!(outcome.took(), MINUTE);
}

#[tokio::test]
async fn a_pipeline_that_names_executors_runs_on_the_scripted_one() {
    let document =
        "{name: p, executor: kubernetes, stages: [{name: A, tasks: [{name: a, script: x, executor: kubernetes}]}]}";
    let outcome = PipelineTest::from_yaml(document).run().await.unwrap();
    outcome.assert_succeeded();
    assert_eq!(outcome.summary().executor, "kubernetes");
}

#[tokio::test]
async fn the_engine_can_be_given_more() {
    let document =
        "{name: p, stages: [{name: A, order: parallel, tasks: [{name: a, script: x}, {name: b, script: x}]}]}";
    let minute = Script::succeeds().after(MINUTE);
    let test = PipelineTest::from_yaml(document).task("a", minute.clone()).task("b", minute);
    let outcome = test.engine(|builder| builder.max_tasks(1).base_url("https://ci.example.com")).run().await.unwrap();
    assert_eq!(outcome.took(), 2 * MINUTE);
    assert!(outcome.env("a")["BUILD_URL"].starts_with("https://ci.example.com/runs/"));
}

#[tokio::test]
async fn an_outcome_is_plain_data() {
    let outcome = stages("Build: [{name: unit, script: make}]").task("unit", Script::fails(3)).run().await.unwrap();
    let json = serde_json::to_value(&outcome).unwrap();
    assert_eq!(json["summary"]["tasks"][0]["exitCode"], 3);
    assert_eq!(json["calls"][0]["script"], "make");
    assert_eq!(json["events"][0]["type"], "runQueued");
}
