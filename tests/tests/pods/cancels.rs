//! A run is cancelled, whatever it is doing: it ends soon, and nothing of it is left in the cluster.

use std::time::Duration;

use windlass::Run;
use windlass::executor::PodSettings;
use windlass::run::RunStatus;
use windlass_tests::cluster::eventually;

use crate::house::{House, until_log, until_waiting};

/// Cancels a run once it is as wanted, and looks what is left.
async fn cancel(house: &House, tasks: &[&str], wanted: impl AsyncFnOnce(&Run)) -> Run {
    let run = house.start("", tasks).await;
    wanted(&run).await;
    run.cancel("test", "it is enough").await.unwrap();
    let summary = run.wait().await.unwrap();
    assert_eq!(summary.status, RunStatus::Cancelled, "{summary:?}");
    eventually(Duration::from_secs(60), || house.left(&run).is_empty());
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn at_once() {
    let house = House::new().await;
    cancel(&house, &["{name: t, image: IMAGE, script: sleep 1000}"], async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_its_pod_is_started() {
    let house = House::new().await;
    let task = "{name: t, image: IMAGE, script: sleep 1000}";
    cancel(&house, &[task], async |run| drop(until_waiting(run, "startingPod").await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_there_is_no_room_for_its_pod() {
    let house = House::with(|pods| pods, PodSettings::default().node_selector("no-such-label", "here")).await;
    let task = "{name: t, image: IMAGE, script: sleep 1000}";
    cancel(&house, &[task], async |run| drop(until_waiting(run, "unschedulable").await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_image_cannot_be_fetched() {
    let house = House::new().await;
    // Nobody listens there.
    let task = "{name: t, image: \"127.0.0.1:9/none:1\", script: sleep 1000}";
    cancel(&house, &[task], async |run| drop(until_waiting(run, "imagePull").await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_step_runs_that_does_not_hear_the_signal() {
    let house = House::new().await;
    let task = "{name: t, image: IMAGE, script: \"trap '' TERM; echo in; while :; do sleep 1; done\"}";
    let run = cancel(&house, &[task], async |run| drop(until_log(run, |log| log.contains("in\n")).await)).await;
    assert!(String::from_utf8_lossy(&run.logs("t").await.unwrap()).contains("in\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_step_runs_in_a_pod_of_its_own() {
    let house = House::new().await;
    let tasks = [
        "{name: first, image: IMAGE, script: echo one > file}",
        "{name: t, image: IMAGE, isolation: task, container: {hosts: {db: 10.0.0.1}}, script: \"cat file; sleep 1000\"}",
    ];
    cancel(&house, &tasks, async |run| drop(until_log(run, |log| log.contains("one\n")).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_service_is_not_ready() {
    let house = House::new().await;
    let task = "{name: t, image: IMAGE, script: sleep 1000, services: [{name: s, image: IMAGE, \
                command: [sleep, \"1000\"], health: {command: \"false\"}}]}";
    cancel(&house, &[task], async |run| drop(until_waiting(run, "waitingForService").await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_many_steps_run() {
    let house = House::new().await;
    let tasks: Vec<String> =
        (0..8).map(|at| format!("{{name: t{at}, image: IMAGE, script: \"echo in; sleep 1000\"}}")).collect();
    let tasks: String = tasks.iter().map(|task| format!("      - {task}\n")).collect();
    let text = format!("name: c\nexecutor: pods\nstages:\n  - name: S\n    order: parallel\n    tasks:\n{tasks}");
    let text = text.replace("IMAGE", &house.site.image("2"));
    let pipeline = windlass::pipeline::read(text.as_bytes(), "c.yaml").unwrap();
    let run = house.engine.start(&pipeline, house.request()).await.unwrap();
    until_log(&run, |log| log.matches("in\n").count() >= 8).await;
    run.cancel("test", "it is enough").await.unwrap();
    assert_eq!(run.wait().await.unwrap().status, RunStatus::Cancelled);
    eventually(Duration::from_secs(60), || house.left(&run).is_empty());
}
