//! A cluster that is there, behind connections that break.

use std::time::Duration;

use windlass::executor::PodSettings;
use windlass_tests::api_front::ApiFront;
use windlass_tests::cluster::{TestCluster, eventually};
use windlass_tests::outcome::Outcome;

use crate::house::{House, until_log};
use crate::support::Site;

/// A step that prints numbered lines for some seconds.
const SLOW: &str = "{name: t, image: IMAGE, script: \"echo begins; for i in $(seq 1 40); do seq $((i * 50 - 49)) $((i * 50)); sleep 0.1; done\"}";

async fn house(front: &ApiFront) -> House {
    House::at(Site::behind(front).await, |pods| pods, PodSettings::default()).await
}

/// What the step itself printed.
fn own(log: &str) -> Vec<&str> {
    log.lines().filter(|line| !line.starts_with("[windlass] ")).collect()
}

fn whole() -> Vec<String> {
    std::iter::once("begins".to_owned()).chain((1..=2000).map(|number| number.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_again_and_again_lose_and_double_nothing() {
    let front = ApiFront::before(&TestCluster::find());
    let house = house(&front).await;
    let run = house.start("", &[SLOW]).await;
    for number in [1, 300, 600, 900, 1200, 1500, 1800] {
        until_log(&run, |log| log.contains(&format!("\n{number}\n"))).await;
        front.cut();
    }
    let outcome = Outcome::of(run).await;
    assert_eq!(own(&outcome.success("t").await), whole());
    eventually(Duration::from_secs(60), || house.left(&outcome.run).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_does_not_answer_is_told_and_the_step_goes_on_without_it() {
    let front = ApiFront::before(&TestCluster::find());
    let house = house(&front).await;
    let run = house.start("", &[SLOW]).await;
    until_log(&run, |log| log.contains("begins\n")).await;
    front.close();
    until_log(&run, |log| log.contains("the API server of the cluster does not answer")).await;
    front.open_again();
    let outcome = Outcome::of(run).await;
    let log = outcome.success("t").await;
    assert_eq!(own(&log), whole());
    eventually(Duration::from_secs(60), || house.left(&outcome.run).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_whose_place_is_forgotten_begins_again() {
    let front = ApiFront::before(&TestCluster::find());
    let house = house(&front).await;
    let late = house.site.image("1");
    let wait = "{name: first, image: IMAGE, script: \"echo begins; until [ -e go ]; do sleep 0.1; done\"}";
    let task = format!("{{name: late, image: \"{late}\", script: echo on}}");
    let run = house.start("", &[wait, &task]).await;
    until_log(&run, |log| log.contains("begins\n")).await;
    front.calls();
    front.expire(2);
    let mut seen = Vec::new();
    eventually(Duration::from_secs(60), || {
        seen.extend(front.calls());
        let lists = |what: &str| seen.iter().filter(|call| call.starts_with("GET ") && call.ends_with(what)).count();
        lists("/pods") >= 1 && lists("/events") >= 1 && lists("/pods watch") >= 2
    });
    let pod =
        house.kubectl(&["get", "pods", "--output", "name", "--selector", &format!("windlass.dev/run={}", run.id())]);
    house.kubectl(&["exec", pod.trim(), "--container", "keeper", "--", "busybox", "touch", "/workspace/go"]);
    let outcome = Outcome::of(run).await;
    // What the cluster says after that is heard.
    assert!(outcome.success("late").await.contains(" Started: "), "{}", outcome.log("late").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_knows_nobody_for_a_while_is_waited_for() {
    let front = ApiFront::before(&TestCluster::find());
    let house = house(&front).await;
    let run = house.start("", &[SLOW]).await;
    until_log(&run, |log| log.contains("begins\n")).await;
    front.calls();
    front.know_nobody(true);
    let mut refused = 0;
    eventually(Duration::from_secs(60), || {
        refused += front.calls().len();
        refused >= 5
    });
    front.know_nobody(false);
    let outcome = Outcome::of(run).await;
    assert_eq!(own(&outcome.success("t").await), whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_a_warm_pod_asks_the_api_server_for_nothing() {
    let front = ApiFront::before(&TestCluster::find());
    let house = house(&front).await;
    // What the installation asks for once is asked for by the first run.
    house.run(&["{name: t, image: IMAGE, script: \"true\"}"]).await.success("t").await;
    let count = async |steps: usize| {
        let tasks: Vec<String> =
            (0..steps).map(|at| format!("{{name: t{at}, image: IMAGE, script: \"true\"}}")).collect();
        let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
        front.calls();
        let outcome = house.run(&tasks).await;
        assert!(outcome.summary.succeeded(), "{:?}", outcome.summary);
        front.calls()
    };
    let (few, many) = (count(2).await, count(12).await);
    println!("a run of 2 steps: {few:#?}\na run of 12 steps: {} calls", many.len());
    // How often the pod is looked for while it goes depends on the cluster.
    let steady = |calls: &[String]| calls.iter().filter(|call| *call != &lists()).count();
    assert!(steady(&many) <= steady(&few) + 2, "{few:#?} {many:#?}");
}

fn lists() -> String {
    format!("GET /api/v1/namespaces/{}/pods", crate::support::NAMESPACE)
}
