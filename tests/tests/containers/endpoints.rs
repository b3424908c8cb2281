//! The ways to a Docker engine, and to registries, that the environment names.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use windlass::executor::{ContainerPolicy, DockerEndpoint};
use windlass_tests::docker::{Certificates, Gate, Site};

use crate::house::{House, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass-under-test");
/// The number of nobody, who may do nothing.
const NOBODY: u32 = 65534;

/// Runs one task on the executor `docker` of the environment.
fn run(site: &Site, image: &str, folder: &Path, prepare: impl FnOnce(&mut Command)) -> Output {
    let file = folder.join("pipeline.yaml");
    let task = format!(
        "name: c\nstages: [{{name: S, tasks: [{{name: t, image: \"{image}\", script: echo in a container}}]}}]\n"
    );
    std::fs::write(&file, task).unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("run").arg(&file).args(["--executor", "docker", "--data-dir"]).arg(folder.join("data"));
    command.env("DOCKER_HOST", &site.engine).env("WINDLASS_HELPER", "/usr/bin/busybox").env("HOME", folder);
    prepare(&mut command);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const SCRIPT: &str = "{name: t, image: BUSYBOX, script: \"i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done; echo K=v > $WINDLASS_OUTPUT\", outputs: [K]}";

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_is_reached_over_tcp_and_over_tls() {
    let certificates = Certificates::make();
    let site = Site::find();
    let (plain, tls) = (Gate::plain(&site.engine), Gate::tls(&site.engine, &certificates));
    let over_tls = DockerEndpoint::Tls { address: tls.address(), certificates: certificates.folder().to_owned() };
    let wanted: String = (0..2000).map(|number| format!("{number}\n")).collect();
    for endpoint in [DockerEndpoint::Tcp(plain.address()), over_tls] {
        let site = Site::find();
        let host = site.engine.clone();
        let name = endpoint.to_string();
        let house = House::at(site, &host, endpoint, ContainerPolicy::default()).await;
        assert_eq!(house.run(&[SCRIPT]).await.success("t").await, wanted, "{name}");
    }
}

#[test]
fn the_environment_names_an_engine_over_tls() {
    let site = Site::find();
    let certificates = Certificates::make();
    let gate = Gate::tls(&site.engine, &certificates);
    let folder = tempfile::tempdir().unwrap();
    let tls = |command: &mut Command| {
        command.env("DOCKER_HOST", format!("tcp://{}", gate.address()));
        command.env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", certificates.folder());
    };
    let output = run(&site, &site.images.busybox, folder.path(), tls);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // Without certificates the engine lets nobody in, and the message names it.
    let without = |command: &mut Command| {
        command.env("DOCKER_HOST", format!("tcp://{}", gate.address()));
    };
    let output = run(&site, &site.images.busybox, folder.path(), without);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains(&gate.address()), "{}", said(&output));
}

#[test]
fn a_user_who_may_not_use_the_socket_is_told_how_to_be_allowed() {
    let folder = tempfile::tempdir().unwrap();
    // Both must be open to everybody: the folder in which the run is, and a way to the socket that only its mode closes.
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path(), everybody).unwrap();
    let program = folder.path().join("windlass");
    std::fs::copy(PROGRAM, &program).unwrap();
    let closed = folder.path().join("docker.sock");
    let listener = std::os::unix::net::UnixListener::bind(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o600)).unwrap();
    let file = folder.path().join("pipeline.yaml");
    std::fs::write(&file, "name: c\nstages: [{name: S, tasks: [{name: t, image: x, script: x}]}]\n").unwrap();
    let mut command = Command::new(&program);
    command.arg("run").arg(&file).args(["--executor", "docker", "--data-dir"]).arg(folder.path().join("data"));
    command.env("DOCKER_HOST", format!("unix://{}", closed.display())).env("HOME", folder.path());
    command.uid(NOBODY).gid(NOBODY);
    let output = command.output().unwrap();
    drop(listener);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let said = said(&output);
    assert!(said.contains("Permission denied") && said.contains("usermod -aG docker"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn private_images_are_fetched_with_what_docker_login_kept() {
    let house = House::new().await;
    let image = house.private().await;
    let site = &house.site;
    let folder = tempfile::tempdir().unwrap();
    let refused = run(site, &image, folder.path(), |_| ());
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("does not let the image"), "{}", said(&refused));
    let auth = STANDARD.encode(format!("{}:{}", site.user, site.password));
    let config = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}", site.registries.password);
    let docker = folder.path().join("docker");
    std::fs::create_dir(&docker).unwrap();
    std::fs::write(docker.join("config.json"), config).unwrap();
    let output = run(site, &image, folder.path(), |command| {
        command.env("DOCKER_CONFIG", &docker);
    });
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    house.docker(&["rmi", "--force", &image]);
}

#[test]
fn the_login_of_a_registry_is_tried_from_the_command_line() {
    let site = Site::find();
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join(".docker/certs.d").join(&site.registries.tls);
    std::fs::create_dir_all(&trusted).unwrap();
    std::fs::copy(&site.authority, trusted.join("ca.crt")).unwrap();
    let windlass = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).arg("--data-dir").arg(folder.path().join("data")).env("HOME", folder.path());
        command.output().unwrap()
    };
    for (name, password) in [("good", site.password.as_str()), ("bad", "not the password")] {
        let file = folder.path().join(name);
        std::fs::write(&file, password).unwrap();
        let (server, from) = (site.registries.tls.as_str(), file.display().to_string());
        let set =
            ["secret", "set", name, "--kind", "registry", "--server", server, "--user", &site.user, "--from", &from];
        assert!(windlass(&set).status.success());
    }
    let test = |name: &str| windlass(&["secret", "test", name, "--registry", &site.registries.tls]);
    let good = test("good");
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    let bad = test("bad");
    assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
    assert!(!said(&bad).contains("not the password"), "{}", said(&bad));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_a_warm_container_asks_nothing_of_the_engine() {
    let site = Site::find();
    let gate = Gate::plain(&site.engine);
    let host = site.engine.clone();
    let house = House::at(site, &host, DockerEndpoint::Tcp(gate.address()), ContainerPolicy::default()).await;
    let mut calls = Vec::new();
    for warm in [1, 21] {
        let before = gate.calls().len();
        let tasks: Vec<String> = (0..warm)
            .map(|number| format!("{{name: t{number}, image: BUSYBOX, script: \"echo {number}; echo K=v > $WINDLASS_OUTPUT\", outputs: [K]}}"))
            .collect();
        let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
        let outcome = house.run(&tasks).await;
        assert_eq!(outcome.success(&format!("t{}", warm - 1)).await, format!("{}\n", warm - 1));
        until("the run is released", async || house.left(outcome.run.id()) == (0, 0)).await;
        calls.push(gate.calls().split_off(before));
    }
    let [one, many] = [&calls[0], &calls[1]].map(|calls| kinds(calls));
    // The launcher comes with the container, over streams that are there before it starts.
    assert!(one.iter().any(|call| call.ends_with("/attach")), "{one:?}");
    assert!(!one.iter().any(|call| call.ends_with("/exec")), "{one:?}");
    // What only the first run of an engine asks is left aside.
    let new: Vec<&String> = many.iter().filter(|call| !one.contains(call)).collect();
    assert!(new.is_empty() && many.len() <= one.len(), "{new:?}\n{one:#?}\n{many:#?}");
}

/// Calls without what each run and container has for itself. A volume that is still in use is removed by one more try.
fn kinds(calls: &[String]) -> Vec<String> {
    let id = |part: &str| part.len() >= 20 && part.contains(|c: char| c.is_ascii_digit());
    let kind = |call: &String| {
        let path = call.split('?').next().unwrap_or_default();
        path.split('/').map(|part| if id(part) { "ID" } else { part }).collect::<Vec<_>>().join("/")
    };
    calls.iter().map(kind).filter(|call| !call.starts_with("DELETE") && !call.contains("_ping")).collect()
}
