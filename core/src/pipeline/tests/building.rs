//! Builders give what the document gives.

use std::time::Duration;

use insta::assert_snapshot;

use super::planning::parse;
use crate::pipeline::*;

#[test]
fn the_builder_and_the_document_give_the_same_value() {
    let built = Pipeline::builder("hello")
        .description("says hello")
        .parameter(Parameter::fixed("X", "1"))
        .parameter(Parameter::dynamic("TARGET").default_value("dev").choices(["dev", "prod"]))
        .timeout(Duration::from_secs(3600))
        .concurrency("g-$X", 2, OnConflict::CancelOlder)
        .executor("local")
        .schedule(ScheduleRule::EveryHours { hours: 2, minute: 28 }, Some("Europe/Berlin"))
        .on_event(CodeEvent::Push, &["main"], &["src/**"])
        .env("ALL", "$X")
        .keep_workspace(Duration::from_secs(60))
        .stage(
            Stage::sequential("Source")
                .task(Task::checkout("get", "https://example.com/x.git").reference("main").credential("git")),
        )
        .stage(
            Stage::parallel("Test")
                .when("TARGET == 'prod'")
                .fail_fast(false)
                .task(
                    Task::script("unit", "cargo test")
                        .image("rust:1.95")
                        .shell("bash -eo pipefail")
                        .env("A", "b")
                        .output("VERSION")
                        .matrix("OS", ["linux", "mac"])
                        .attempts(3)
                        .retry_on([RetryOn::Lost])
                        .backoff(Duration::from_secs(10))
                        .repeat_from("get")
                        .timeout(Duration::from_secs(600))
                        .grace(Duration::from_secs(5))
                        .cache("k-${hash:Cargo.lock}", ["target"])
                        .artifact(["dist/**"])
                        .junit(["report.xml"])
                        .resources(Quantities::default(), Quantities { cpu: None, memory: Some("1Gi".to_owned()) })
                        .secret("TOKEN", "team")
                        .secret_key("WHO", "team", "user")
                        .secret_file("KEY", "deploy")
                        .isolation(Isolation::Task),
                )
                .task(
                    Task::script("lint", "cargo clippy")
                        .needs(["get"])
                        .allow_failure()
                        .when("true")
                        .executor("docker")
                        .workspace(WorkspaceUse::None),
                )
                .task(Task::approve("ask", "Go?").approvers(["ann"]))
                .task(Task::custom("own", "notify", [("to", serde_json::json!("ops"))]))
                .task(Task::build_image("image", "reg/web").tag("latest").credential("reg"))
                .task(Task::deploy_manifests("roll", ["deploy/*.yaml"]).cluster("prod").namespace("web")),
        )
        .finally(Task::script("bye", "echo bye"))
        .finally_timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    let read = parse(
        r#"
name: hello
description: says hello
parameters: [{name: X, value: "1"}, {name: TARGET, dynamic: true, default: dev, choices: [dev, prod]}]
timeout: 1h
concurrency: {group: g-$X, limit: 2, onConflict: cancelOlder}
executor: local
triggers: [{schedule: {everyHours: 2, minute: 28, timeZone: Europe/Berlin}}, {event: push, branches: [main], paths: ["src/**"]}]
env: {ALL: $X}
keepWorkspace: 60s
stages:
  - {name: Source, tasks: [{name: get, checkout: {url: "https://example.com/x.git", ref: main, credential: git}}]}
  - name: Test
    order: parallel
    when: TARGET == 'prod'
    failFast: false
    tasks:
      - name: unit
        script: cargo test
        image: rust:1.95
        shell: bash -eo pipefail
        env: {A: b}
        outputs: [VERSION]
        matrix: {OS: [linux, mac]}
        retry: {attempts: 3, on: [lost], backoff: 10s, from: get}
        timeout: 10m
        grace: 5s
        caches: [{key: "k-${hash:Cargo.lock}", paths: [target]}]
        artifacts: [{paths: ["dist/**"]}]
        reports: {junit: [report.xml]}
        resources: {limits: {memory: 1Gi}}
        secrets: [{name: TOKEN, from: team}, {name: WHO, from: team, key: user}, {name: KEY, from: deploy, as: file}]
        isolation: task
      - {name: lint, script: cargo clippy, needs: [get], allowFailure: true, when: "true", executor: docker, workspace: none}
      - {name: ask, approve: {message: "Go?", approvers: [ann]}}
      - {name: own, custom: {name: notify, with: {to: ops}}}
      - {name: image, buildImage: {image: reg/web, tags: [latest], credential: reg}}
      - {name: roll, deployManifests: {paths: ["deploy/*.yaml"], cluster: prod, namespace: web}}
finally: [{name: bye, script: echo bye}]
finallyTimeout: 30s
"#,
    );
    assert_eq!(built, read);
}

#[test]
fn everything_wrong_is_told_by_build() {
    let problems = Pipeline::builder("a/b")
        .parameter(Parameter::fixed("1X", "1"))
        .env("A", "$NOBODY")
        .stage(
            Stage::parallel("s")
                .task(Task::script("t\n", "x").image("${").needs(["u"]).when("a ==").tag("x"))
                .task(Task::script("v", "x").needs(["w"]).output("a b")),
        )
        .finally(Task::checkout("c", "$URL"))
        .build()
        .unwrap_err();
    assert_snapshot!(problems);
}
