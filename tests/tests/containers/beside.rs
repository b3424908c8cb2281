//! What a step has beside it: services, networks, secrets in memory.

use windlass::executor::ContainerPolicy;
use windlass::secret::Credential;
use windlass_tests::docker::{Daemon, DaemonOptions, Logs, Site};

use crate::house::{House, endpoint};

const WEB: &str = "services: [{name: web, image: BUSYBOX, command: [sh, -c, \"echo serving; httpd -f -p 8080; echo over\"], \
                   health: {command: \"netstat -ltn | grep -q :8080\"}}]";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_said_is_kept_behind_the_log_after_success_and_after_failure() {
    let house = House::new().await;
    let task = |name: &str, script: &str| {
        format!("{{name: {name}, image: BUSYBOX, allowFailure: true, script: \"{script}\", {WEB}}}")
    };
    let outcome =
        house.run(&[&task("good", "echo done"), &task("bad", "echo tried; exit 3"), &task("silent", "true")]).await;
    assert_eq!(outcome.success("good").await, "done\n\n[web] serving\n");
    assert_eq!(outcome.log("bad").await, "tried\n\n[web] serving\n");
    assert_eq!(outcome.log("silent").await, "[web] serving\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_too_early_is_told_in_the_log_of_its_step() {
    let house = House::new().await;
    let task = "{name: t, image: BUSYBOX, script: \"sleep 3; echo done\", services: [{name: db, image: BUSYBOX, \
                command: [sh, -c, \"sleep 1; echo broken; exit 7\"]}]}";
    let log = house.run(&[task]).await.success("t").await;
    assert!(log.contains("[windlass] the service db ended with exit code 7\n"), "{log}");
    assert!(log.contains("done\n") && log.ends_with("[db] broken\n"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_kept_where_the_engine_throws_those_of_containers_away() {
    let site = Site::find();
    let daemon = Daemon::start(&site, DaemonOptions { logs: Logs::Drop, ..DaemonOptions::default() });
    let host = daemon.host();
    let house = House::at(site, &host, endpoint(&host), ContainerPolicy::default()).await;
    let task = "{name: t, image: BUSYBOX, script: echo done, container: {network: none}, services: [{name: s, image: BUSYBOX, \
                command: [sh, -c, \"echo up; exec sleep 1000\"]}]}";
    assert_eq!(house.run(&[task]).await.success("t").await, "done\n\n[s] up\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_joins_several_networks_and_a_missing_one_is_named() {
    let site = Site::find();
    let (one, other) = (site.fresh("one"), site.fresh("other"));
    let policy = ContainerPolicy::default().allow_network(&one).allow_network(&other).allow_network("no-such-network");
    let house = House::with(policy).await;
    for network in [&one, &other] {
        house.docker(&["network", "create", network]);
    }
    let task = |more: &str| {
        format!(
            "{{name: t, image: BUSYBOX, script: ls /sys/class/net, container: {{network: {one}, networks: [{more}]}}}}"
        )
    };
    let log = house.run(&[&task(&other)]).await.success("t").await;
    assert!(log.contains("eth0") && log.contains("eth1"), "{log}");
    let (code, message, advice) = house.run(&[&task("no-such-network")]).await.cause("t");
    assert_eq!(code, "networkNotFound", "{message}");
    assert!(message.contains("no-such-network") && advice.contains("network create"), "{message}: {advice}");
    let (code, message, _) = house.run(&[&task("bridge, host")]).await.cause("t");
    assert_eq!(code, "policyRefused", "{message}");
    crate::house::until("the containers of the run are gone", async || {
        house.docker(&["network", "inspect", "--format", "{{len .Containers}}", &one]) == "0"
    })
    .await;
    house.docker(&["network", "rm", &one, &other]);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_memory_and_nowhere_else() {
    let house = House::new().await;
    let task = "{name: t, image: BUSYBOX, secrets: [{name: KEY, from: key, as: file}, {name: WORD, from: key}], \
                script: \"stat -f -c %T $KEY; wc -c < $KEY; ls -ln $KEY | cut -c1-10; \
                until [ -e go ]; do sleep 0.1; done\"}";
    let secret = "correct horse battery staple";
    let request = house.request().secret("key", Credential::opaque(secret));
    let run =
        house.engine.start(&house.pipeline(&[task, "{name: u, image: BUSYBOX, script: \"true\"}"]), request).await;
    let run = run.unwrap();
    let filter = format!("label=dev.windlass.run={}", run.id());
    let container = || house.docker(&["ps", "--quiet", "--filter", &filter]);
    crate::house::until("the step runs", async || {
        let ids = container();
        let said = run.logs("t").await.is_ok_and(|log| String::from_utf8_lossy(&log).contains("-r"));
        said && ids.lines().count() == 1
    })
    .await;
    let id = container();
    let shown = house.docker(&["inspect", &id]);
    let written = house.docker(&["diff", &id]);
    let search = "/.windlass/bin/busybox grep -rl 'horse battery' /.windlass/states /workspace /tmp /etc || true";
    let found = house.docker(&["exec", &id, "sh", "-c", search]);
    assert!(!shown.contains("horse") && !written.contains("KEY"), "{shown}\n{written}");
    assert_eq!(found, "", "files with the secret");
    house.docker(&["exec", &id, "touch", "/workspace/go"]);
    let summary = run.wait().await.unwrap();
    let log = String::from_utf8_lossy(&run.logs("t").await.unwrap()).into_owned();
    assert!(summary.succeeded(), "{summary:?}\n{log}");
    assert!(log.starts_with("tmpfs\n28\n-rw-------\n") || log.starts_with("tmpfs\n28\n-r--------\n"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_executor_does_nothing_with_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let engine = windlass::Engine::builder().data_dir(folder.path().join("data")).open().await.unwrap();
    let task = windlass::Task::script("t", "echo ran").container(windlass::pipeline::ContainerOptions {
        user: Some("1000".to_owned()),
        working_folder: Some("/tmp".to_owned()),
        ..Default::default()
    });
    let stage = windlass::Stage::sequential("S").task(task);
    let pipeline = windlass::Pipeline::builder("local").stage(stage).build().unwrap();
    let run = engine.start(&pipeline, windlass::RunRequest::manual()).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
    let log = String::from_utf8_lossy(&run.logs("t").await.unwrap()).into_owned();
    assert_eq!(
        log,
        "[windlass] the executor local does nothing with what `container` says of: user, workingFolder\nran\n"
    );
}
