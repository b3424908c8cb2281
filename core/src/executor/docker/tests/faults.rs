//! What goes wrong around a Docker engine, and what is said of it.

use std::path::PathBuf;
use std::sync::Arc;

use bollard::query_parameters::RemoveContainerOptionsBuilder;
use futures::StreamExt;

use super::super::names::INSTALLATION;
use super::support::{Bench, Site, daemon};
use crate::clock::SystemClock;
use crate::executor::{DockerEndpoint, DockerExecutor, Executor, ExecutorError, ExecutorEvent, RunScope, StepService};
use crate::pipeline::{ContainerOptions, HealthCheck, Quantities};
use crate::run::{RunId, StepEnd};
use crate::testing::executor_conformance::Factory;

fn code(error: &ExecutorError) -> &'static str {
    match error {
        ExecutorError::BadStep { code, .. } | ExecutorError::Infrastructure { code, .. } => code,
        _ => "",
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named_with_what_to_do() {
    let clock = Arc::new(SystemClock::resume(None));
    let socket = DockerEndpoint::Socket(PathBuf::from("/no/such/docker.sock"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for endpoint in [socket, DockerEndpoint::Tcp(port.to_string())] {
        let name = endpoint.to_string();
        let error = DockerExecutor::new(endpoint, "x", clock.clone()).check().await.unwrap_err();
        assert_eq!(code(&error), "dockerUnreachable", "{error}");
        assert!(error.to_string().contains(&name), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_does_not_exist_is_told_and_delays_only_its_own_step() {
    let bench = Bench::new().await;
    // Nobody listens there: the registry refuses.
    let mut step = bench.step("bad", "true");
    step.image = Some("127.0.0.1:1/no/such:1".to_owned());
    let error = bench.executor.start(&step).await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:1/no/such"), "{error}");
    step.container.options.pull = crate::pipeline::PullPolicy::Never;
    let error = bench.executor.start(&step).await.unwrap_err();
    assert_eq!(code(&error), "imageNotFound", "{error}");
    step.image = None;
    assert_eq!(code(&bench.executor.start(&step).await.unwrap_err()), "noImage");
    let (exit, _) = bench.finish(&bench.step("good", "true")).await;
    assert_eq!(exit.end, StepEnd::Code(0));
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_for_another_platform_is_told() {
    let bench = Bench::new().await;
    let mut step = bench.step("arm", "true");
    step.container.options =
        ContainerOptions { platform: Some("linux/arm64".to_owned()), ..ContainerOptions::default() };
    step.container.options.pull = crate::pipeline::PullPolicy::Never;
    let error = bench.executor.start(&step).await.unwrap_err();
    assert_eq!(code(&error), "imagePlatform", "{error}");
    assert!(error.to_string().contains("linux/amd64"), "{error}");
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_blamed_when_the_kernel_counted_it_and_a_plain_kill_is_a_kill() {
    let bench = Bench::new().await;
    let mut step = bench.step("hungry", "head -c 300000000 /dev/zero | tail > /dev/null");
    step.resources.limits = Quantities { cpu: None, memory: Some("48Mi".to_owned()) };
    let (exit, log) = bench.finish(&step).await;
    assert_eq!(exit.end, StepEnd::OutOfMemory, "{log}");
    let (exit, _) = bench.finish(&bench.step("killed", "kill -KILL $$")).await;
    assert_eq!(exit.end, StepEnd::Signal(9));
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_removed_by_hand_loses_its_step_which_is_not_started_again() {
    let bench = Bench::new().await;
    let mut told = bench.executor.observe(bench.run);
    let step = bench.step("lost", "echo started >> witness; echo ready; sleep 1000");
    bench.executor.start(&step).await.unwrap();
    bench.says(&step.key, "ready").await;
    let (executor, key) = (bench.executor.clone(), step.key.clone());
    let waiting = tokio::spawn(async move { executor.wait(&key).await });
    let force = RemoveContainerOptionsBuilder::new().force(true).build();
    for id in bench.containers().await {
        daemon().remove_container(&id, Some(force.clone())).await.unwrap();
    }
    let waited = waiting.await.unwrap();
    assert!(matches!(waited, Err(ExecutorError::Lost { .. })), "{waited:?}");
    // Whoever reads the log of the step hears of it.
    for expected in ["the container of the step ended with exit code 137", "the container of the step was removed"] {
        let line = loop {
            match told.next().await.unwrap() {
                ExecutorEvent::Told { step: of, line } if of == step.key => break line,
                _ => {}
            }
        };
        assert_eq!(line, expected);
    }
    // Another start, also of a fresh instance, finds the token that survived in the volume.
    bench.site.docker().start(&step).await.unwrap();
    assert!(matches!(bench.site.docker().wait(&step.key).await, Err(ExecutorError::Lost { .. })));
    let (_, witness) = bench.finish(&bench.step("look", "cat witness")).await;
    assert_eq!(witness, "started\n");
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_take_turns_in_one_workspace() {
    let bench = Bench::new().await;
    let (exit, log) = bench.finish(&bench.step("root", "id -u; echo root > file; mkdir folder")).await;
    assert_eq!((exit.end, log.as_str()), (StepEnd::Code(0), "0\n"));
    let mut user =
        bench.step("user", "id -u; echo user >> file; echo x > folder/mine; echo A=1 > \"$WINDLASS_OUTPUT\"");
    user.container.options.user = Some("1000:1000".to_owned());
    let (exit, log) = bench.finish(&user).await;
    assert_eq!((exit.end, log.as_str(), &exit.output[..]), (StepEnd::Code(0), "1000\n", &b"A=1\n"[..]));
    let (exit, log) = bench.finish(&bench.step("root again", "cat file; rm -r folder")).await;
    assert_eq!((exit.end, log.as_str()), (StepEnd::Code(0), "root\nuser\n"));
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_a_shell_runs_programs_and_scripts() {
    let bench = Bench::new().await;
    let mut step = bench.step("bare", "echo from a script");
    // The helper's own image has one file.
    let helper = bench.executor.shared.helper().await.unwrap().image.clone();
    step.image = Some(helper);
    let (exit, log) = bench.finish(&step).await;
    assert_eq!((exit.end, log.as_str()), (StepEnd::Code(0), "from a script\n"));
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hardened_policy_drops_everything_and_wants_a_user() {
    let site = Site::new();
    let executor = site.docker().policy(crate::executor::ContainerPolicy::hardened());
    let bench = Bench { run: RunId::new(site.clock().new_id()), site, executor };
    let scope =
        RunScope { run: bench.run, generation: 1, existing: false, source: None, adopt: None, outlines: Vec::new() };
    bench.executor.prepare(&scope).await.unwrap();
    let mut step =
        bench.step("hardened", "grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status; echo x > file");
    assert_eq!(code(&bench.executor.start(&step).await.unwrap_err()), "policyRefused");
    step.container.options.user = Some("1000".to_owned());
    let (exit, log) = bench.finish(&step).await;
    assert_eq!(exit.end, StepEnd::Code(0), "{log}");
    assert!(log.contains("CapEff:\t0000000000000000\n") && log.contains("NoNewPrivs:\t1"), "{log}");
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_ready_before_the_step_and_gone_after_it() {
    let bench = Bench::new().await;
    let service = |ready: &str| StepService {
        name: "web".to_owned(),
        image: "windlass-test/busybox:1".to_owned(),
        credential: None,
        command: [
            "sh",
            "-c",
            "sleep 1; echo serving; mkdir /www; echo hello > /www/index.html; exec httpd -f -p 8080 -h /www",
        ]
        .map(str::to_owned)
        .to_vec(),
        env: Default::default(),
        health: Some(HealthCheck {
            command: ready.to_owned(),
            interval: None,
            timeout: Some(std::time::Duration::from_secs(30).into()),
        }),
        privileged: false,
    };
    let mut step = bench.step("client", "wget -q -O - http://web:8080/");
    step.image = Some("windlass-test/busybox:1".to_owned());
    step.container.services = vec![service("nc -z 127.0.0.1 8080 || netstat -ltn | grep -q :8080")];
    let (exit, log) = bench.finish(&step).await;
    assert_eq!((exit.end, log.as_str()), (StepEnd::Code(0), "hello\n"));
    let before = bench.containers().await.len();
    bench.executor.forget(&step.key).await.unwrap();
    assert_eq!(bench.containers().await.len(), before - 1, "the service outlives its step");
    let mut never = bench.step("never", "true");
    never.container.services = vec![StepService {
        command: ["sh", "-c", "echo cannot serve >&2; exit 3"].map(str::to_owned).to_vec(),
        ..service("true")
    }];
    let error = bench.executor.start(&never).await.unwrap_err();
    assert_eq!(code(&error), "serviceNotReady");
    assert!(error.to_string().contains("exit code 3") && error.to_string().contains("cannot serve"), "{error}");
    bench.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_on_one_daemon_leave_one_another_alone() {
    let (one, other) = (Bench::new().await, Bench::new().await);
    let step = one.step("running", "echo ready; until [ -e go ]; do sleep 0.05; done; echo done");
    one.executor.start(&step).await.unwrap();
    one.says(&step.key, "ready").await;
    let swept = other.executor.sweep(&[]).await.unwrap();
    assert_eq!(swept.removed, [other.run]);
    let (exit, _) = one.finish(&one.step("go", "touch go")).await;
    assert_eq!(exit.end, StepEnd::Code(0));
    assert_eq!(one.executor.wait(&step.key).await.unwrap().end, StepEnd::Code(0));
    assert!(INSTALLATION.starts_with("dev.windlass"));
    one.release().await;
    other.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entrypoints_folders_and_hosts_are_as_the_task_says() {
    let bench = Bench::new().await;
    let mut step = bench.step("options", "pwd; echo \"$WRAPPED\"; grep '10.1.2.3' /etc/hosts | tr '\\t' ' '");
    step.container.options = ContainerOptions {
        working_folder: Some("/tmp".to_owned()),
        entrypoint: ["env", "WRAPPED=yes"].map(str::to_owned).to_vec(),
        hosts: [("thing".to_owned(), "10.1.2.3".to_owned())].into(),
        ..ContainerOptions::default()
    };
    let (exit, log) = bench.finish(&step).await;
    assert_eq!((exit.end, log.as_str()), (StepEnd::Code(0), "/tmp\nyes\n10.1.2.3 thing\n"));
    bench.release().await;
}
