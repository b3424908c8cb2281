use crate::pipeline::read;

/// The problems of a document, one a line, without the file's name.
pub(crate) fn problems(text: &str) -> String {
    match read(text.as_bytes(), "pipeline.yaml") {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string().replace("pipeline.yaml:", ""),
    }
}

pub(crate) const DESIGN: &str = r#"
name: myweb
parameters:
  - {name: REGISTRY, value: "127.0.0.1:5000"}
  - {name: TARGET, dynamic: true, default: dev, choices: [dev, prod]}
timeout: 1h
concurrency: {group: "myweb-${TARGET}", limit: 1, onConflict: queue}
executor: kubernetes
triggers:
  - {schedule: {everyMinutes: 30}}
  - {schedule: {everyHours: 2, minute: 28, timeZone: Europe/Berlin}}
  - {event: push, branches: [main, "release/*"], paths: ["src/**"]}
stages:
  - name: Source
    tasks:
      - name: checkout
        checkout: {url: "https://example.com/team/myweb.git", ref: main, credential: team-git}
  - name: Build
    order: parallel
    tasks:
      - name: unit
        image: python:3.12
        script: |
          pip install -r requirements.txt
          pytest --junitxml=report.xml
          echo "VERSION=$(cat VERSION)" >> "$WINDLASS_OUTPUT"
        outputs: [VERSION]
        env: {PYTHONDONTWRITEBYTECODE: "1"}
        matrix: {PY: ["3.11", "3.12"]}
        retry: {attempts: 3, on: [infrastructure], backoff: 10s}
        timeout: 10m
        caches: [{key: "pip-${hash:requirements.txt}", paths: [.cache/pip]}]
        artifacts: [{paths: ["dist/**"]}]
        reports: {junit: ["report.xml"]}
        resources: {requests: {cpu: 500m, memory: 256Mi}, limits: {memory: 1Gi}}
      - name: image
        buildImage: {context: ., dockerfile: Dockerfile, image: "${REGISTRY}/demo/myweb", tags: ["alpha-${BUILD_NUMBER}", latest], credential: team-registry}
  - name: Deploy
    when: "TARGET == 'prod' && commit.branch == 'main'"
    tasks:
      - {name: sign-off, approve: {message: "Ship ${BUILD_NUMBER}?"}}
      - name: rollout
        deployManifests: {paths: [deploy/*.yaml], cluster: prod, namespace: web, pullCredential: team-registry, wait: 5m}
finally:
  - {name: report, image: curlimages/curl, script: 'curl -d "$WINDLASS_STATUS" "$HOOK"', secrets: [{name: HOOK, from: chat-hook}]}
"#;

#[test]
fn the_example_of_the_guide_is_read() {
    assert_eq!(problems(DESIGN), "");
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest_right_one() {
    let text = "name: a\nstages:\n  - name: s\n    tasks:\n      - name: t\n        scirpt: make\n";
    let error = read(text.as_bytes(), "pipeline.yaml").unwrap_err().to_string();
    assert_eq!(error, "pipeline.yaml:6:9: stages[0].tasks[0]: unknown key \"scirpt\", did you mean \"script\"?");
}

/// A pipeline with one task whose lines are given.
pub(crate) fn task(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("        {line}\n")).collect();
    format!("name: a\nstages:\n  - name: s\n    tasks:\n      - name: t\n{lines}")
}

#[test]
fn conditions_are_checked_when_they_are_read() {
    for (when, wrong) in [
        ("TARGET ==", true),
        ("params.X == 'a'", true),
        ("commit.brnch == 'main'", true),
        ("commit.branch == 'main' && trigger.kind != 'push'", false),
        ("commit.branch.startsWith('release/')", false),
        ("['a', 'b'].exists(x, x == commit.branch)", false),
        ("[1].map(x, [x, x]) == []", true),
        ("has(commit.branch)", false),
        ("!!!!!!true", false),
        ("tasks['t'].state == 'failed'", true),
        ("tasks.t.state == 'failed'", true),
        ("commit.branch in ['main']", false),
        ("strtsWith('a')", true),
    ] {
        let found = problems(&task(&format!("script: make\nwhen: {}", serde_json::to_string(when).unwrap())));
        println!("{when}: {found}");
        assert_eq!(!found.is_empty(), wrong, "{when}: {found}");
    }
}
