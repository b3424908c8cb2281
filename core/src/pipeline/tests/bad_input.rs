//! Each way in which a document can be wrong, and what is said about it.

use insta::assert_snapshot;

use super::reading::{problems, task};
use crate::pipeline::*;

#[test]
fn keys() {
    assert_snapshot!(problems(&task("scirpt: make\nimage: x\nimage: y\nwhatIsThis: 1")));
}

#[test]
fn actions() {
    assert_snapshot!(problems(
        "name: a
stages:
  - name: s
    tasks:
      - {name: none}
      - {name: two, script: make, approve: {}}
      - {name: empty, script: ''}
      - {name: nothing-to-copy, syncFiles: {host: h, credential: c}}
      - {name: job, runJob: {path: a, manifest: {}}}
      - {name: shell, approve: {}, shell: bash}
      - {name: half, checkout: {ref: main}}
"
    ));
}

#[test]
fn names() {
    let long = "x".repeat(300);
    assert_snapshot!(problems(&format!(
        "name: a/b
parameters: [{{name: 1X, value: a}}, {{name: A, value: a}}, {{name: A, value: b}}, {{name: BUILD_ID, value: c}}]
stages:
  - name: s
    tasks:
      - {{name: \"a\\nb\", script: x}}
      - {{name: {long}, script: x}}
      - {{name: ' edge', script: x}}
      - {{name: twice, script: x}}
  - name: s
    tasks:
      - {{name: twice, script: x}}
      - {{script: x}}
      - {{name: ok, script: x, needs: [' edge']}}
"
    )));
}

#[test]
fn needs() {
    assert_snapshot!(problems(
        "name: a
stages:
  - name: one
    order: parallel
    tasks:
      - {name: a, script: x, needs: [b]}
      - {name: b, script: x, needs: [c]}
      - {name: c, script: x, needs: [a]}
      - {name: self, script: x, needs: [self]}
      - {name: far, script: x, needs: [later]}
      - {name: nobody, script: x, needs: [latr, last, a, a]}
  - name: two
    tasks:
      - {name: later, script: x}
finally:
  - {name: last, script: x, needs: [a]}
"
    ));
}

#[test]
fn variables() {
    assert_snapshot!(problems(
        "name: a
parameters: [{name: TARGET, value: x}]
env: {SHARED: 'a-${one.KEY}', WORKSPACE: x, 'A=B': x}
concurrency: {group: 'g-$BUILD_NUMBER-$TARGTE'}
stages:
  - name: one
    tasks:
      - {name: one, script: 'echo $ANYTHING is fine', image: 'x:$TARGTE', outputs: [KEY]}
      - {name: home, script: x, image: '$HOME/x', env: {A: '${PATH}', B: '$A', C: '$SHARED'}}
      - {name: syntax, script: x, env: {A: '$(id)', B: '${', C: 'a$', D: '$1', E: '${}', F: '${a b}', G: '${hash:x}'}}
      - {name: axis, script: x, image: '$PY $PZ', matrix: {PY: ['1']}}
      - {name: chart, deployChart: {release: r, chart: c, values: {deep: [{er: '$NOBODY'}], bad: '$('}}}
      - {name: fine, script: x, env: {A: '${NOBODY:-x} $$HOME ${one.KEY} $CI_COMMIT_SHA'}}
"
    ));
}

#[test]
fn outputs() {
    assert_snapshot!(problems(
        "name: a
stages:
  - name: one
    order: parallel
    tasks:
      - {name: plain, script: x, outputs: [KEY]}
      - {name: many, script: x, outputs: [KEY], matrix: {PY: ['3.11', '3.12']}}
      - {name: maybe, script: x, outputs: [KEY, KEY], when: 'true'}
      - {name: beside, script: x, image: '${plain.KEY}'}
  - name: two
    when: 'false'
    tasks:
      - {name: wrong, script: x, image: '${plain.KYE} ${plian.KEY} ${many.KEY} ${maybe.KEY} ${wrong.KEY}'}
      - {name: right, script: x, outputs: [KEY], image: '${plain.KEY} ${many[PY=3.11].KEY} ${many.KEY:-x} ${maybe.KEY:-y}'}
      - {name: instance, script: x, image: '${many[PY=3.10].KEY}'}
      - {name: same, script: x, image: '${right.KEY}'}
  - name: three
    tasks:
      - {name: skipped, script: x, image: '${right.KEY}'}
finally:
  - {name: end, script: x, image: '${plain.KEY} ${plain.KEY:-x}'}
"
    ));
}

#[test]
fn conditions() {
    assert_snapshot!(problems(
        "name: a
parameters: [{name: TARGET, value: x}]
stages:
  - name: one
    when: TARGTE == 'prod'
    tasks:
      - {name: syntax, script: x, when: 'TARGET =='}
      - {name: field, script: x, when: 'commit.brnch == params.TARGTE'}
      - {name: task, script: x, when: \"tasks['fild'].state == 'failed'\", outputs: [K]}
      - {name: order, script: x, when: \"tasks['late'].state == '' || tasks['task'].outputs.L == ''\"}
      - {name: dynamic, script: x, when: 'tasks[TARGET].state == TARGET'}
      - {name: function, script: x, when: 'TARGET.startWith(\"a\")'}
      - {name: loop, script: x, when: \"['a'].exists(a, ['b'].exists(b, a == b))\"}
      - {name: empty, script: x, when: ' '}
      - {name: late, script: x, matrix: {PY: ['1']}, when: PY == '1'}
"
    ));
    let deep = format!("{}true{}", "(".repeat(500), ")".repeat(500));
    assert_snapshot!("deep_condition", problems(&task(&format!("script: x\nwhen: {deep}"))));
}

#[test]
fn durations_and_types() {
    assert_snapshot!(problems(
        "name: 5
description: [x]
parameters: {A: x}
timeout: -5m
keepWorkspace: 10
finallyTimeout: 0s
stages:
  - name: one
    order: paralel
    failFast: 'no'
    tasks:
      - name: t
        script: 5
        env: {A: 1, B: true, C: null, D: [x]}
        matrix: {PY: [3.11, 3.10], NONE: [], SAME: [a, a]}
        retry: {attempts: 0, on: [failure, faliure], backoff: soon}
        timeout: 1 fortnight
        grace: 99999years
        resources: {limits: {cpu: 2, memory: lots}}
        caches: [{key: k, paths: []}]
      - just a text
      - name: n
        checkout: https://example.com
"
    ));
}

#[test]
fn parameters() {
    assert_snapshot!(problems(
        "name: a
parameters:
  - {name: A}
  - {name: B, value: x, default: y, choices: [z]}
  - {name: C, dynamic: true, value: x}
  - {name: D, dynamic: true, default: dve, choices: [dev, prod, dev]}
  - {name: E, dynamic: yes}
stages: []
"
    ));
}

#[test]
fn triggers() {
    assert_snapshot!(problems(
        "name: a
triggers:
  - {schedule: {everyMinutes: 60}}
  - {schedule: {everyHours: 2, minute: 75, timeZone: 'Europe/ Berlin'}}
  - {schedule: {everyMinutes: 5, daily: '08:30'}}
  - {schedule: {minute: 5, cron: '* * * * *'}}
  - {schedule: {}}
  - {schedule: {daily: '8:30'}}
  - {schedule: {weekly: {day: firday, at: '24:00'}}}
  - {schedule: {monthly: {day: 32, at: '10:00'}}}
  - {schedule: {cron: '* * *'}}
  - {schedule: {cron: '61 * * * MONDAY'}}
  - {event: pull}
  - {evnt: push}
  - {event: push, schedule: {everyMinutes: 5}}
stages: []
"
    ));
}

#[test]
fn a_matrix_with_too_many_instances() {
    let values: Vec<String> = (0..17).map(|n| format!("'{n}'")).collect();
    let values = values.join(", ");
    assert_snapshot!(problems(&task(&format!("script: x\nmatrix: {{A: [{values}], B: [{values}]}}"))), @"7:9: stages[0].tasks[0].matrix: the matrix has 289 instances, 256 are the most");
    let same = "script: x\nmatrix: {A: ['1', '1,B=2'], B: ['2,B=2', '2']}";
    assert_snapshot!(problems(&task(same)), @"7:9: stages[0].tasks[0].matrix: two instances would have the same name; take , and = out of the values");
}

#[test]
fn documents_that_are_no_tree() {
    let bomb: String = std::iter::once("a0: &a0 [x, x]\n".to_owned())
        .chain((1..30).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)))
        .collect();
    let flow = format!("name: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    let block = format!("name:\n  {}x", "- ".repeat(10_000));
    let lines: String = (0..2_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    let all: Vec<String> = [
        "",
        "  \n\n",
        "# only a comment\n",
        "---\n",
        "name: a\n---\nname: b\n",
        "just a text",
        "- a\n- b\n",
        "name: a\n\tstages: []\n",
        "name: [a\n",
        "name: *nobody\n",
        "? [a]\n: b\n",
        "name: !custom a\n",
        "base: &b {x: 1}\nname: a\n<<: *b\n",
        "a: &a [*a]\n",
        &bomb,
        &flow,
        &block,
        &lines,
        "name: \"\\q\"\n",
    ]
    .iter()
    .map(|text| problems(text))
    .collect();
    assert_snapshot!(all.join("\n-\n"));
}

#[test]
fn json_documents() {
    let json = |text: &str| match read(text.as_bytes(), "pipeline.json") {
        Ok(_) => "fine".to_owned(),
        Err(problems) => problems.to_string(),
    };
    let deep = format!("{{\"name\": {}", "[".repeat(10_000));
    let all: Vec<String> = [
        "{}",
        "{\"name\": \"a\", \"stages\": [],}",
        "{\"name\": \"a\" /* no */}",
        "{'name': 'a'}",
        "{\"name\": \"a\",\n \"name\": 5, \"stages\": null}",
        "{\"name\": \"a\", \"stages\": []}",
        "{\"name\": \"a\", \"stages\": []} x",
        "{name: 1}",
        "[",
        "{\"name\": NaN}",
        "\"",
        &deep,
        "\u{feff}{\r\n\"name\": \"a\",\r\n\"stags\": []\r\n}",
    ]
    .iter()
    .map(|text| json(text))
    .collect();
    assert_snapshot!(all.join("\n-\n"));
}

#[test]
fn a_mark_in_front_and_windows_line_ends_are_fine() {
    let text = format!("\u{feff}{}", super::reading::DESIGN.replace('\n', "\r\n"));
    assert_eq!(problems(&text), "");
}

#[test]
fn a_problem_is_one_plain_line_whatever_was_written() {
    let text = task("script: x\nimage: \"${a\\n\\e[31m.K}\"\nwhen: \"'\\n\\e[31m\"");
    let shown = problems(&text);
    assert!(!shown.contains('\u{1b}'), "{shown}");
    assert_eq!(shown.lines().count(), 2, "{shown}");
}

#[test]
fn a_key_as_long_as_a_book_is_refused_at_once() {
    let shown = problems(&format!("{}: 1\nname: a\nstages: []\n", "k".repeat(900)));
    assert!(shown.contains("unknown key \"kkk") && shown.len() < 400, "{shown}");
}

#[test]
fn not_utf8() {
    let text = |bytes: &[u8]| read(bytes, "p.yaml").unwrap_err().to_string();
    assert_snapshot!(text(b"name: a\ndescription: caf\xe9\n"), @"p.yaml: not UTF-8: byte 0xe9 at offset 24 (line 2); save the file as UTF-8");
    assert_snapshot!(text(b"\xff\xfen\0a\0"), @"p.yaml: not UTF-8: byte 0xff at offset 0 (line 1); it looks like UTF-16; save the file as UTF-8");
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |path: &std::path::Path| {
        read_file(path).unwrap_err().to_string().replace(&folder.path().display().to_string(), "DIR")
    };
    let big = folder.path().join("big.yaml");
    std::fs::File::create(&big).unwrap().set_len(50 * 1024 * 1024).unwrap();
    assert_snapshot!(shown(&big), @"DIR/big.yaml: the document is 50.0 MiB big; a pipeline may have 16 MiB");
    assert_snapshot!(shown(folder.path()), @"DIR: this is a directory; name the file of the pipeline in it");
    assert_snapshot!(shown(&folder.path().join("none.yaml")), @"DIR/none.yaml: there is no such file");
    let good = folder.path().join("good.yaml");
    std::fs::write(&good, "name: a\nstages: []\n").unwrap();
    assert_eq!(read_file(&good).unwrap().name.as_str(), "a");
}

#[test]
fn a_document_of_a_size_that_is_just_allowed_is_read() {
    let text = format!("name: a\nstages: []\n#{}\n", "x".repeat(MAX_BYTES - 30));
    assert_eq!(problems(&text), "");
    assert!(problems(&format!("{text}{text}")).contains("may have 16 MiB"));
}

#[test]
fn aliases_within_the_budget_are_fine() {
    let text = "name: a
stages:
  - name: s
    tasks:
      - {name: a, script: x, env: &env {A: b}}
      - {name: b, script: x, env: *env}
";
    let pipeline = read(text.as_bytes(), "p.yaml").unwrap();
    assert_eq!(pipeline.stages[0].tasks[0].env, pipeline.stages[0].tasks[1].env);
}

#[test]
fn no_more_problems_are_kept_than_anybody_reads() {
    let keys: String = (0..5000).map(|n| format!("k{n}: 1\n")).collect();
    let problems = read(keys.as_bytes(), "p.yaml").unwrap_err();
    assert_eq!(problems.count(), MAX_PROBLEMS + 1);
    assert_snapshot!(problems.iter().last().unwrap(), @"p.yaml: … and 4002 more problems");
}
