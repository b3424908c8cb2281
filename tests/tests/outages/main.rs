//! The cluster itself goes away for a while, in the middle of a step. One test at a time, and nothing else may use the cluster
//! meanwhile: cargo runs this program alone.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../pods/house.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod house;
#[path = "../pods/support.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod support;

use std::time::Duration;

use house::{House, until_log};
use tokio::sync::Mutex;
use windlass_tests::cluster::eventually;
use windlass_tests::daemons::Daemons;
use windlass_tests::outcome::Outcome;

static ALONE: Mutex<()> = Mutex::const_new(());

/// A step that prints numbered lines for a while, and one after it.
const TASKS: [&str; 2] = [
    "{name: t, image: IMAGE, script: \"echo begins; for i in $(seq 1 40); do seq $((i * 50 - 49)) $((i * 50)); sleep 0.1; done\"}",
    "{name: after, image: IMAGE, script: echo on}",
];

/// What the step itself printed, once and in order.
async fn is_whole(outcome: &Outcome) {
    let log = outcome.success("t").await;
    let own: Vec<&str> = log.lines().filter(|line| !line.starts_with("[windlass] ")).collect();
    let wanted: Vec<String> = std::iter::once("begins".to_owned()).chain((1..=2000).map(|n| n.to_string())).collect();
    assert_eq!(own, wanted);
    assert!(outcome.success("after").await.ends_with("on\n"));
}

fn daemons() -> Option<Daemons> {
    let found = Daemons::find();
    if found.is_none() {
        eprintln!("SKIPPED: nothing is stopped in the cluster that KUBECONFIG names");
    }
    found
}

/// Does something to the cluster in the middle of a step, and looks that nothing is lost or doubled.
async fn in_the_middle(what: impl AsyncFnOnce(&House, &windlass::Run)) {
    let house = House::new().await;
    let run = house.start("", &TASKS).await;
    until_log(&run, |log| log.contains("\n500\n")).await;
    what(&house, &run).await;
    let outcome = Outcome::of(run).await;
    is_whole(&outcome).await;
    eventually(Duration::from_secs(60), || house.left(&outcome.run).is_empty());
}

async fn pass(house: &House, length: Duration) {
    house.site.clock.sleep_until(house.site.clock.now().elapsed + length).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_stands_still_for_a_minute_loses_nothing() {
    let _alone = ALONE.lock().await;
    let Some(daemons) = daemons() else { return };
    in_the_middle(async |house, run| {
        daemons.stand_still("kube-apiserver");
        until_log(run, |log| log.contains("the API server of the cluster does not answer")).await;
        pass(house, Duration::from_secs(40)).await;
        daemons.go_on("kube-apiserver");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_killed_and_comes_back_loses_nothing() {
    let _alone = ALONE.lock().await;
    let Some(daemons) = daemons() else { return };
    in_the_middle(async |_, run| {
        daemons.kill("kube-apiserver");
        until_log(run, |log| log.contains("the API server of the cluster does not answer")).await;
        daemons.bring_up(None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_that_stands_still_until_its_node_is_given_up_loses_nothing() {
    let _alone = ALONE.lock().await;
    let Some(daemons) = daemons() else { return };
    in_the_middle(async |_, run| {
        daemons.stand_still("kubelet");
        until_log(run, |log| log.contains(" NodeNotReady: ")).await;
        daemons.go_on("kubelet");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_that_is_killed_and_comes_back_in_another_time_zone_loses_nothing_and_its_times_are_right() {
    let _alone = ALONE.lock().await;
    let Some(daemons) = daemons() else { return };
    in_the_middle(async |_, _| {
        daemons.kill("kubelet");
        daemons.bring_up(Some(("TZ", "XXX-9")));
    })
    .await;
    let house = House::new().await;
    let begin = house.site.clock.now().wall;
    let log = house.run(&["{name: t, image: IMAGE, script: date}"]).await.success("t").await;
    let started = log.lines().find(|line| line.contains(" Started: ")).unwrap();
    let time: jiff::Timestamp = started.split(' ').nth(1).unwrap().parse().unwrap();
    let apart = time.duration_since(begin).abs();
    assert!(apart < jiff::SignedDuration::from_mins(5), "{started}");
    // Back in its own.
    daemons.kill("kubelet");
}
