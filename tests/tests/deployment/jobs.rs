//! Jobs run to their end.

use std::time::Duration;

use windlass_tests::cluster::eventually;

use crate::support::{Site, ended};

fn job(script: &str) -> String {
    format!(
        "apiVersion: batch/v1
kind: Job
metadata: {{name: work}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers: [{{name: work, image: IMAGES/busybox:1, command: [sh, -c, '{script}']}}]
"
    )
}

fn action(space: &str) -> String {
    format!("runJob: {{path: job.yaml, cluster: test, namespace: {space}}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_followed_to_its_end_and_its_name_can_be_used_again() {
    let site = Site::open().await;
    let space = site.cluster.space("jobs");
    site.file("job.yaml", &job("seq 1 3000; sleep 1; echo build ${BUILD_NUMBER} done"));
    let first = site.run(&action(&space.name)).await;
    first.succeeded();
    let lines: Vec<&str> = first.log.lines().filter(|line| !line.starts_with("Job ")).collect();
    let mut expected: Vec<String> = (1..=3000).map(|line| line.to_string()).collect();
    expected.push("build 1 done".to_owned());
    assert_eq!(lines, expected);
    let second = site.run(&action(&space.name)).await;
    second.succeeded();
    assert!(second.log.contains("the one of an earlier run makes room"), "{}", second.log);
    assert!(second.log.contains("build 2 done"), "{}", second.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_says_how() {
    let site = Site::open().await;
    let space = site.cluster.space("failing");
    site.file("job.yaml", &job("echo not today; exit 4"));
    let failed = site.run(&action(&space.name)).await;
    let cause = failed.failed("jobFailed");
    assert!(cause.message.contains("exit code 4"), "{}", cause.message);
    assert!(failed.log.contains("not today"), "{}", failed.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_deletes_its_job() {
    let site = Site::open().await;
    let space = site.cluster.space("cancelled");
    site.file("job.yaml", &job("echo begun; sleep 600"));
    let run = site.start(&action(&space.name)).await;
    eventually(Duration::from_secs(60), || {
        let pods = space.kubectl(&["get", "pods", "-o", "jsonpath={.items[*].status.phase}"]);
        pods == "Running"
    });
    run.cancel("ana", "enough").await.unwrap();
    let ended = ended(run).await;
    assert!(!ended.succeeded);
    eventually(Duration::from_secs(60), || space.kubectl(&["get", "jobs,pods", "-o", "name"]).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_can_stand_in_the_task_itself() {
    let site = Site::open().await;
    let space = site.cluster.space("inline");
    let image = format!("{}/busybox:1", site.cluster.images);
    let container = format!("{{name: work, image: '{image}', command: [echo, 'number ${{BUILD_NUMBER}}']}}");
    let manifest = format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{generateName: once-}}, spec: {{template: {{spec: {{restartPolicy: Never, \
         containers: [{container}]}}}}}}}}"
    );
    let ended = site.run(&format!("runJob: {{cluster: test, namespace: {}, manifest: {manifest}}}", space.name)).await;
    assert!(ended.succeeded().log.contains("number 1"), "{}", ended.log);
}
