//! A run that is cancelled ends soon, whatever it waits for, and leaves nothing.

use windlass::Run;
use windlass::run::RunStatus;
use windlass_tests::docker::{Front, Reply};

use crate::house::{House, until};

async fn cancelled(house: &House, run: &Run) {
    run.cancel("ana", "changed my mind").await.unwrap();
    let summary = run.wait().await.unwrap();
    assert_eq!(summary.status, RunStatus::Cancelled, "{summary:?}");
    until("everything of the run is gone", async || house.left(run.id()) == (0, 0)).await;
}

async fn waits(run: &Run, code: &str) {
    let mut events = run.events().await.unwrap();
    while let Some(event) = events.next().await.unwrap() {
        if event.to_string().contains(code) || format!("{event:?}").contains(code) {
            return;
        }
    }
    panic!("the run ended, and never waited for {code}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_image_is_fetched_from_a_registry_that_keeps_silent() {
    let house = House::new().await;
    let silent = Front::start("nowhere", |_| Reply::Hang);
    let task = format!("{{name: t, image: \"{}/team/web:1\", script: \"true\"}}", silent.address());
    let run = house.start(&[&task]).await;
    waits(&run, "pullingImage").await;
    until("the registry is asked", async || !silent.seen().is_empty()).await;
    cancelled(&house, &run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_service_is_not_ready() {
    let house = House::new().await;
    let task = "{name: t, image: BUSYBOX, script: \"true\", services: [{name: s, image: BUSYBOX, command: [sleep, \"1000\"], \
                health: {command: \"false\"}}]}";
    let run = house.start(&[task]).await;
    waits(&run, "waitingForService").await;
    cancelled(&house, &run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_and_while_its_container_is_started() {
    let house = House::new().await;
    let task = "{name: t, image: BUSYBOX, script: sleep 1000}";
    let at_once = house.start(&[task]).await;
    cancelled(&house, &at_once).await;
    let run = house.start(&[task]).await;
    waits(&run, "startingContainer").await;
    cancelled(&house, &run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_its_step_runs_and_ignores_the_signal() {
    let house = House::new().await;
    let task = "{name: t, image: BUSYBOX, grace: 1s, script: \"trap '' TERM; echo ready; while :; do sleep 1; done\"}";
    let run = house.start(&[task]).await;
    until("the step runs", async || run.logs("t").await.is_ok_and(|log| log.starts_with(b"ready"))).await;
    cancelled(&house, &run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_two_steps_and_in_the_last_one() {
    let house = House::new().await;
    let tasks =
        ["{name: a, image: BUSYBOX, script: \"true\"}", "{name: b, image: BUSYBOX, script: echo ready; sleep 1000}"];
    let run = house.start(&tasks).await;
    until("the second step runs", async || run.logs("b").await.is_ok_and(|log| log.starts_with(b"ready"))).await;
    cancelled(&house, &run).await;
}
