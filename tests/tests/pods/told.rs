//! What people are told of pods: lines in the log of the step, and for what a step waits.

use std::time::Duration;

use windlass::executor::{Executor, ExecutorEvent, PodSettings};
use windlass_tests::cluster::eventually;

use crate::bench::Bench;
use crate::house::{House, fresh, node, until_log, until_waiting};

/// Whether a line begins with a time, as all do that come from the cluster.
fn has_time(line: &str) -> bool {
    line.strip_prefix("[windlass] ").and_then(|line| line.split_once("Z ")).is_some_and(|(time, _)| time.len() == 19)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cluster_does_with_a_pod_is_told_in_the_log_with_its_times() {
    let house = House::new().await;
    let run = house.start("", &["{name: t, image: IMAGE, script: echo in; sleep 1000}"]).await;
    let wanted = ["Scheduled: Successfully assigned", "Pulled: Container image", "Created: ", "Started: ", "\nin\n"];
    // Of the keeper, and of the container for steps.
    let twice = |log: &str| log.matches(" Started: ").count() == 2;
    let log = until_log(&run, |log| wanted.iter().all(|word| log.contains(word)) && twice(log)).await;
    for line in log.lines().filter(|line| line.starts_with("[windlass] ")) {
        assert!(has_time(line), "{line}");
    }
    run.cancel("test", "it is enough").await.unwrap();
    run.wait().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_fetched_is_told_in_the_words_of_the_node() {
    let house = House::new().await;
    let image = format!("{}/no-such-image:1", house.site.test.images);
    let outcome = house.run(&[&format!("{{name: t, image: \"{image}\", script: \"true\"}}")]).await;
    assert_eq!(outcome.cause("t").0, "imagePull");
    let log = outcome.log("t").await;
    assert!(log.contains(&format!(" Pulling: Pulling image \"{image}\"\n")), "{log}");
    assert!(log.lines().any(|line| line.contains(" Failed: ") && line.contains("not found")), "{log}");
}

/// The lines that are told of a run's steps, until one has this word.
async fn told(bench: &Bench, word: &str, meanwhile: impl AsyncFnOnce()) -> Vec<String> {
    use futures::StreamExt;
    let mut events = bench.executor.observe(bench.run);
    meanwhile().await;
    let mut lines = Vec::new();
    loop {
        if let ExecutorEvent::Told { line, .. } = events.next().await.unwrap() {
            lines.push(line.clone());
            if line.contains(word) {
                return lines;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_container_and_a_deleted_pod_are_told_to_those_whose_steps_are_there() {
    let bench = Bench::new().await;
    bench.started("first", "echo ready; sleep 1000").await;
    let kill = async || {
        // The program may go with its container before it can tell that it ended.
        let _ = bench.try_kubectl(&["exec", &bench.pod(), "--container", &bench.step_container(), "--", "kill", "1"]);
    };
    let lines = told(&bench, "its container ended", kill).await;
    assert!(lines.iter().any(|line| line.contains("Completed") || line.contains("Error")), "{lines:?}");
    bench.started("second", "echo ready; sleep 1000").await;
    let delete = async || drop(bench.kubectl(&["delete", "pod", &bench.pod(), "--wait=false"]));
    told(&bench, "Deleted: the pod of the step is being removed", delete).await;
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_room_has_the_schedulers_sentence_and_is_not_counted_by_the_timeout() {
    let probe = crate::support::Site::new().await;
    let (label, node) = (fresh(&probe, "room"), node(&probe));
    let house = House::with(|pods| pods, PodSettings::default().node_selector(&label, "yes")).await;
    let run = house.start("timeout: 2s\n", &["{name: t, image: IMAGE, script: echo in}"]).await;
    let reason = until_waiting(&run, "unschedulable").await;
    assert!(reason.contains("0/1 nodes are available"), "{reason}");
    until_log(&run, |log| log.contains(" FailedScheduling: 0/1 nodes are available")).await;
    // Twice as long as the run may run.
    house.site.clock.sleep_until(house.site.clock.now().elapsed + Duration::from_secs(4)).await;
    house.kubectl(&["label", "node", &node, &format!("{label}=yes")]);
    let summary = run.wait().await.unwrap();
    house.kubectl(&["label", "node", &node, &format!("{label}-")]);
    assert!(summary.succeeded(), "{summary:?}");
    eventually(Duration::from_secs(60), || house.left(&run).is_empty());
}
