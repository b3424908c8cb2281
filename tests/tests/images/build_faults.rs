//! Builds that fail, are cancelled, or lose their engine.

use std::time::{Duration, Instant};

use windlass_tests::docker::{Daemon, DaemonOptions, Site};

use crate::workbench::{Outcome, Workbench};

async fn failed(bench: &Workbench, site: &Site, dockerfile: &str, more: &str) -> Outcome {
    bench.file("Dockerfile", dockerfile);
    bench.run(&format!("{{image: \"{}/{}\"{more}}}", site.registries.password, site.fresh("team/bad"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_says_what_failed_and_what_to_do() {
    let site = Site::find();
    let bench = Workbench::new(&site).await;
    let base = &site.images.busybox;
    let open = &site.registries.open;
    let cases = [
        (format!("FROM {base}\nRUN exit 3\n"), "", "buildFailed", "exit code 3", "log"),
        (format!("FROM {base}\nRUN no-such-program\n"), "", "buildFailed", "exit code 127", "install it"),
        (format!("FROM {open}/no/such:1\n"), "", "baseImageNotFound", "no such base image", "spelled right"),
        (
            format!("FROM {}/no/such:1\n", site.registries.password),
            "",
            "baseImageUnauthorised",
            "login",
            "pullCredentials",
        ),
        (
            format!("FROM {base}\nRUN --mount=type=secret,id=x,required=true true\n"),
            "",
            "buildSecretMissing",
            "secret x",
            "`secrets`",
        ),
        (format!("FROM {base}\nRUM x\n"), "", "badDockerfile", "RUM", "Correct the line"),
        (format!("FROM {base}\nCOPY missing /\n"), "", "copyFailed", "missing", ".dockerignore"),
        (format!("FROM {base}\n"), ", target: nothing", "badDockerfile", "target", "stages"),
        (format!("FROM {base}\n"), ", credential: wrong", "registryUnauthorised", "pushing", "credential"),
        (format!("FROM {base}\n"), "", "registryUnauthorised", "pushing", "credential"),
        (format!("FROM {base}\n"), ", credential: secure", "badRegistryCredential", "is for the registry", "made for"),
        (format!("FROM {base}\n"), ", tags: [\"a b\"]", "badImageName", "a b", "tag"),
        (format!("FROM {base}\n"), ", context: no/where", "fileNotFound", "no/where", "spelled right"),
        (
            format!("FROM {base}\n"),
            ", dockerfile: Dockerfle",
            "dockerfileMissing",
            "there are Dockerfile",
            "Dockerfile",
        ),
    ];
    for (dockerfile, more, expected, message, advice) in cases {
        let outcome = failed(&bench, &site, &dockerfile, more).await;
        let (code, said, to_do) = outcome.cause();
        assert_eq!(code, expected, "{dockerfile:?}{more}: {said}\n{}", outcome.log);
        assert!(said.contains(message), "{dockerfile:?}{more}: {said}");
        assert!(to_do.contains(advice), "{dockerfile:?}{more}: {to_do}");
        assert!(!outcome.log.contains(&site.password) && !said.contains(&site.password), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_is_cancelled_ends_at_the_engine_as_well() {
    let site = Site::find();
    let bench = Workbench::new(&site).await;
    let mark = site.fresh("mark");
    bench.file("Dockerfile", &format!("FROM {}\nRUN : {mark}; sleep 1000; true\n", site.images.busybox));
    let run = bench.start(&format!("{{image: \"{}/{mark}\"}}", site.registries.open)).await;
    let running = || shell(&mark).is_some();
    until(running).await;
    run.cancel("ana", "changed my mind").await.unwrap();
    let outcome = bench.outcome(&run).await;
    assert!(!outcome.summary.succeeded(), "{:?}", outcome.summary);
    assert_eq!(outcome.summary.status, windlass::run::RunStatus::Cancelled);
    until(|| !running()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_not_there_or_goes_in_the_middle_is_named() {
    let site = Site::find();
    let bench = Workbench::with(&site, Workbench::builder("unix:///nowhere/docker.sock")).await;
    let (code, message, advice) = failed(&bench, &site, "FROM x\n", "").await.cause();
    assert_eq!(code, "dockerUnreachable");
    assert!(message.contains("/nowhere/docker.sock") && advice.contains("DOCKER_HOST"), "{message}: {advice}");

    let mut daemon = Daemon::start(&site, DaemonOptions::default());
    let bench = Workbench::with(&site, Workbench::builder(&daemon.host())).await;
    let mark = site.fresh("gone");
    bench.file("Dockerfile", &format!("FROM {}\nRUN : {mark}; sleep 1000; true\n", site.images.busybox));
    let run = bench.start("{image: \"localhost:1/team/gone\"}").await;
    until(|| shell(&mark).is_some()).await;
    daemon.kill();
    let outcome = bench.outcome(&run).await;
    // What an engine was building when it was killed goes on.
    if let Some(left) = shell(&mark) {
        std::process::Command::new("kill").args(["-KILL", &left]).status().unwrap();
    }
    let (code, message, _) = outcome.cause();
    assert_eq!(code, "dockerUnreachable", "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_engine_is_named() {
    let site = Site::find();
    let daemon = Daemon::start(&site, DaemonOptions { disk: Some(24 << 20), ..DaemonOptions::default() });
    let bench = Workbench::with(&site, Workbench::builder(&daemon.host())).await;
    bench.file("Dockerfile", &format!("FROM {}\nCOPY big /\nRUN true\n", site.images.busybox));
    bench.file("big", &"x".repeat(30 << 20));
    let outcome = bench.run("{image: \"localhost:1/team/full\"}").await;
    let (code, message, advice) = outcome.cause();
    assert_eq!(code, "noSpace", "{message}");
    assert!(advice.contains("docker system prune"), "{advice}");
}

/// The process of a build's shell on this machine that has the word among its arguments. The engine does not list it.
fn shell(mark: &str) -> Option<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut shells = processes.filter(|process| {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command);
        command.starts_with("/bin/sh\0-c\0") && command.contains(mark)
    });
    shells.next().map(|process| process.file_name().to_string_lossy().into_owned())
}

/// Waits for a condition, for at most a minute.
#[expect(clippy::disallowed_methods, reason = "the Docker engine lives in real time")]
async fn until(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < end, "it did not come true");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
