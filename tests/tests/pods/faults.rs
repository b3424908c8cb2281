//! What goes wrong around pods, and what is said of it.

use std::time::Duration;

use futures::StreamExt;
use windlass::executor::{ContainerPolicy, Executor, ExecutorError, ExecutorEvent, PodSettings};
use windlass::pipeline::{Isolation, Quantities};
use windlass::run::StepEnd;
use windlass_tests::cluster::eventually;

use crate::bench::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_was_deleted_takes_its_steps_along_and_is_never_made_again() {
    let bench = Bench::new().await;
    let step = bench.started("running", "echo ready; sleep 1000").await;
    bench.kubectl(&["delete", "pod", &bench.pod(), "--wait=false"]);
    let lost = bench.executor.wait(&step.key).await;
    assert!(matches!(&lost, Err(ExecutorError::Lost { why }) if why.contains("pod")), "{lost:?}");
    let late = bench.executor.start(&bench.step("late", "true")).await;
    assert!(matches!(late, Err(ExecutorError::WorkspaceLost { .. })), "{late:?}");
    let existing = bench.executor.prepare(&bench.existing()).await;
    assert!(matches!(existing, Err(ExecutorError::WorkspaceLost { .. })), "{existing:?}");
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_a_late_image_shares_the_workspace_in_a_container_that_is_added() {
    let bench = Bench::new().await;
    bench.finish("first", "echo one > file; hostname > host").await;
    let mut late = bench.step("late", "cat file; hostname | cmp - host && cat /www/index.html; echo two >> file");
    late.image = Some(bench.site.image("1"));
    let (exit, log) = bench.finish_step(&late).await;
    assert_eq!((exit.end, log.as_str()), (StepEnd::Code(0), "one\nhello v1\n"));
    let (_, log) = bench.finish("third", "cat file; cat /www/index.html").await;
    assert_eq!(log, "one\ntwo\nhello v2\n");
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_are_known_too_late_make_a_pod_and_the_workspace_goes_there_and_back() {
    let bench = Bench::new().await;
    bench.finish("first", "mkdir -p a; echo one > a/file; echo gone > a/removed; ln -s file a/link").await;
    let mut limited = bench.step("limited", "cat a/link; rm a/removed; echo two > a/new; hostname");
    limited.resources.limits = Quantities { cpu: Some("500m".to_owned()), memory: Some("64Mi".to_owned()) };
    let (exit, log) = bench.finish_step(&limited).await;
    assert_eq!(exit.end, StepEnd::Code(0), "{log}");
    assert!(log.starts_with("one\n"), "{log}");
    assert_eq!(bench.pods().len(), 2);
    let (_, log) = bench.finish("third", "ls a; cat a/new").await;
    assert_eq!(log, "file\nlink\nnew\ntwo\n");
    // Its pod goes with its log, and the run's pod still knows how it ended.
    bench.executor.forget(&limited.key).await.unwrap();
    assert_eq!(bench.executor.wait(&limited.key).await.unwrap(), exit);
    assert_eq!(bench.site.executor_again().wait(&limited.key).await.unwrap(), exit);
    eventually(Duration::from_secs(30), || bench.pods().len() == 1);
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_beyond_the_limit_is_told_as_such() {
    let bench = Bench::new().await;
    let mut step = bench.step("eats", "echo begins; tail /dev/zero; exit $?");
    step.resources.limits.memory = Some("32Mi".to_owned());
    let (exit, log) = bench.finish_step(&step).await;
    assert!(log.starts_with("begins\n"), "{log}");
    assert_eq!(exit.end, StepEnd::OutOfMemory);
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_does_not_exist_is_named_and_steps_beside_it_run() {
    let bench = Bench::new().await;
    let mut wrong = bench.step("wrong", "true");
    wrong.image = Some(format!("{}/no-such-image:7", bench.site.test.images));
    let failed = bench.executor.start(&wrong).await;
    let Err(ExecutorError::BadStep { code: "imagePull", message, advice }) = failed else { panic!("{failed:?}") };
    assert!(message.contains("no-such-image:7") && message.contains("not found"), "{message}");
    assert!(advice.contains("does not have it"), "{advice}");
    let (exit, _) = bench.finish("right", "true").await;
    assert_eq!(exit.end, StepEnd::Code(0));
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_for_which_there_is_no_room_waits_with_the_schedulers_sentence_and_can_be_stopped() {
    let settings = PodSettings::default().node_selector("no-such-label", "here");
    let bench = Bench::with(|pods| pods, settings, false).await;
    let step = bench.step("waits", "true");
    let mut events = bench.executor.observe(bench.run);
    let (executor, spec) = (bench.executor.clone(), step.clone());
    let starting = tokio::spawn(async move { executor.start(&spec).await });
    let reason = bench.waiting(&mut events, "unschedulable").await;
    assert!(reason.contains("0/1 nodes are available"), "{reason}");
    bench.executor.stop(&step.key, Duration::ZERO).await.unwrap();
    starting.await.unwrap().unwrap();
    let wait = bench.executor.wait(&step.key).await;
    assert!(matches!(wait, Err(ExecutorError::NeverStarted)), "{wait:?}");
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hardened_pods_pass_the_restricted_standard() {
    let space = windlass_tests::cluster::TestCluster::find().space("restricted");
    space.kubectl(&[
        "label",
        "namespace",
        &space.name,
        "pod-security.kubernetes.io/enforce=restricted",
        "pod-security.kubernetes.io/enforce-version=latest",
    ]);
    let bench = Bench::in_space(&space.name, |pods| pods.policy(ContainerPolicy::hardened())).await;
    let mut step = bench.step("unit", "id -u; echo text > file; cat file");
    step.container.options.user = Some("1000:1000".to_owned());
    let (exit, log) = bench.finish_step(&step).await;
    assert_eq!((exit.end, log.as_str()), (StepEnd::Code(0), "1000\ntext\n"));
    // Also in a pod of its own, and in a container that is added.
    step.key.task = windlass::pipeline::TaskId::new("own");
    step.isolation = Isolation::Task;
    assert_eq!(bench.finish_step(&step).await.0.end, StepEnd::Code(0));
    step.key.task = windlass::pipeline::TaskId::new("limited");
    step.resources.limits.memory = Some("64Mi".to_owned());
    assert_eq!(bench.finish_step(&step).await.0.end, StepEnd::Code(0));
    step.container.options.user = None;
    step.key.task = windlass::pipeline::TaskId::new("root");
    let refused = bench.executor.start(&step).await;
    let Err(ExecutorError::BadStep { message, .. }) = refused else { panic!("{refused:?}") };
    assert!(message.contains("non-root") || message.contains("runAsNonRoot"), "{message}");
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_admission_refuses_is_told_with_what_to_do() {
    let space = windlass_tests::cluster::TestCluster::find().space("refusing");
    let label = "pod-security.kubernetes.io/enforce=restricted";
    space.kubectl(&["label", "namespace", &space.name, label]);
    let refused = Bench::try_in_space(&space.name, |pods| pods).await;
    let Err(ExecutorError::BadStep { code, advice, .. }) = refused else { panic!("it was admitted") };
    assert_eq!(code, "admissionDenied");
    assert!(advice.contains("securityContext"), "{advice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_used_up_is_named() {
    let space = windlass_tests::cluster::TestCluster::find().space("quota");
    space.kubectl(&["create", "quota", "few", "--hard=pods=0"]);
    let refused = Bench::try_in_space(&space.name, |pods| pods).await;
    let Err(ExecutorError::BadStep { code, message, .. }) = refused else { panic!("it was made") };
    assert_eq!(code, "quotaExceeded");
    assert!(message.contains("exceeded quota: few"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_deleted_loses_the_run_and_says_so() {
    let space = windlass_tests::cluster::TestCluster::find().space("deleted");
    let bench = Bench::in_space(&space.name, |pods| pods).await;
    let step = bench.started("running", "echo ready; sleep 1000").await;
    bench.site.test.kubectl(&["delete", "namespace", &space.name, "--wait=false"]);
    let lost = bench.executor.wait(&step.key).await;
    assert!(matches!(lost, Err(ExecutorError::Lost { .. })), "{lost:?}");
    bench.executor.sweep(&[]).await.unwrap();
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_in_one_namespace_leave_each_other_in_peace() {
    let (one, other) = (Bench::new().await, Bench::new().await);
    one.finish("file", "echo one > file").await;
    assert!(other.executor.sweep(&[other.run]).await.unwrap().removed.is_empty());
    assert_eq!(one.finish("look", "cat file").await.1, "one\n");
    one.release().await;
    other.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_container_loses_its_step_and_is_replaced_for_the_next_one() {
    let bench = Bench::new().await;
    let step = bench.started("running", "echo ready; sleep 1000").await;
    // The first process of the container ends, and the container with it.
    // What asks for that may end with it, before it can say how it went.
    let (pod, container) = (bench.pod(), bench.step_container());
    let _ = bench.try_kubectl(&["exec", &pod, "--container", &container, "--", "kill", "1"]);
    let lost = bench.executor.wait(&step.key).await;
    assert!(matches!(&lost, Err(ExecutorError::Lost { why }) if why.contains("container ended")), "{lost:?}");
    assert_eq!(bench.finish("next", "echo on").await.1, "on\n");
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_lines_and_a_line_of_ten_megabytes_come_whole() {
    let bench = Bench::new().await;
    let (exit, log) = bench.finish("lines", "seq 1 1000000; head -c 10000000 /dev/zero | tr '\\0' x; echo").await;
    assert_eq!(exit.end, StepEnd::Code(0));
    let wanted: String = (1..=1_000_000).map(|number| format!("{number}\n")).collect();
    assert!(log.starts_with(&wanted), "lines are missing");
    assert!(log[wanted.len()..].trim_end() == "x".repeat(10_000_000), "the long line is another one");
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_writes_more_than_it_may_is_evicted_and_that_is_told() {
    let limit = serde_json::json!({"resources": {"limits": {"ephemeral-storage": "8Mi"}, "requests": {"ephemeral-storage": "1Mi"}}});
    let bench = Bench::with(|pods| pods, PodSettings::default().step_template(limit), true).await;
    let mut told = bench.executor.observe(bench.run);
    let step = bench.started("writes", "echo ready; head -c 40000000 /dev/zero >/tmp/big; sleep 1000").await;
    let lost = bench.executor.wait(&step.key).await;
    assert!(matches!(&lost, Err(ExecutorError::Lost { why }) if why.contains("Evicted")), "{lost:?}");
    let is_told = async {
        while let Some(event) = told.next().await {
            if matches!(&event, ExecutorEvent::Told { line, .. } if line.contains("Evicted: ")) {
                return;
            }
        }
        panic!("nobody was told");
    };
    is_told.await;
    bench.release().await;
}
