//! With real processes, SQLite and logs on disk.

use super::pipeline;
use crate::engine::{Engine, Event, EventKind, Run, RunRequest};
use crate::error::ErrorKind;
use crate::run::{RunStatus, Seq, TaskStatus};
use crate::store::RunFilter;

async fn open(folder: &tempfile::TempDir) -> Engine {
    Engine::builder().data_dir(folder.path().join("data")).open().await.unwrap()
}

async fn all_events(run: &Run) -> Vec<Event> {
    let mut stream = run.events().await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await.unwrap() {
        events.push(event);
    }
    events
}

const WHOLE: &str = r#"
name: whole
parameters:
  - {name: TARGET, dynamic: true, default: dev}
stages:
  - name: Build
    tasks:
      - {name: version, script: 'echo "VERSION=1.2.3" >> "$WINDLASS_OUTPUT"; echo building; echo made > built', outputs: [VERSION]}
      - {name: use, script: 'cat built; echo "got $GOT for $TARGET"', env: {GOT: "${version.VERSION}"}}
  - name: Test
    order: parallel
    tasks:
      - {name: unit, matrix: {PY: ["3.11", "3.12"]}, script: 'echo "py $PY"'}
      - {name: never, when: "TARGET == 'prod'", script: exit 9}
      - {name: flaky, allowFailure: true, script: exit 3}
finally:
  - {name: report, script: 'echo "ended $WINDLASS_STATUS"'}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_from_its_document_to_its_logs() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let run = engine.start(&pipeline(WHOLE), RunRequest::manual()).await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert_eq!(outcome.status, RunStatus::Succeeded, "{outcome:#?}");
    assert_eq!(run.logs("use").await.unwrap(), "made\ngot 1.2.3 for dev\n");
    assert_eq!(run.logs("unit[PY=3.12]").await.unwrap(), "py 3.12\n");
    assert_eq!(run.logs("report").await.unwrap(), "ended succeeded\n");
    assert_eq!(outcome.task("never").unwrap().status, TaskStatus::Skipped);
    let flaky = outcome.task("flaky").unwrap();
    assert_eq!((flaky.status, flaky.exit_code), (TaskStatus::Failed, Some(3)));
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_can_be_taken_up_after_any_number() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let run = engine.start(&pipeline(WHOLE), RunRequest::manual()).await.unwrap();
    let events = all_events(&run).await;
    assert!(matches!(events.first().unwrap().kind, EventKind::RunQueued { number: 1, .. }));
    assert!(matches!(events.last().unwrap().kind, EventKind::RunFinished { .. }));
    for (at, event) in events.iter().enumerate() {
        let mut rest = run.events_after(event.seq).await.unwrap();
        let next = rest.next().await.unwrap();
        assert_eq!(next.as_ref(), events.get(at + 1));
    }
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_engine_leaves_its_steps_to_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let document = r#"
name: long
stages:
  - name: S
    tasks:
      - {name: first, script: 'echo one; while [ ! -e "$GO" ]; do sleep 0.02; done; echo two', env: {GO: "$GO"}}
      - {name: second, script: echo three}
parameters: [{name: GO, dynamic: true}]
"#;
    let go = folder.path().join("go");
    let request = RunRequest::manual().parameter("GO", go.to_str().unwrap());
    let run = engine.start(&pipeline(document), request).await.unwrap();
    let id = run.id();
    let mut events = run.events().await.unwrap();
    while let Some(event) = events.next().await.unwrap() {
        if matches!(event.kind, EventKind::Log { .. }) {
            break;
        }
    }
    engine.close().await.unwrap();
    assert_eq!(run.wait().await.unwrap_err().code(), "engineClosed");

    std::fs::write(&go, "").unwrap();
    let engine = open(&folder).await;
    assert_eq!(engine.recovered(), [id]);
    let run = engine.run(id).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
    assert_eq!(run.logs("first").await.unwrap(), "one\ntwo\n");
    let recoveries =
        all_events(&run).await.into_iter().filter(|event| matches!(event.kind, EventKind::EngineRecovered)).count();
    assert_eq!(recoveries, 1);
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_is_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let error = Engine::builder().data_dir(folder.path().join("data")).open().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "locked"));
    engine.close().await.unwrap();
    open(&folder).await.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_ends_what_runs_and_then_finally_runs() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let document = r#"
name: endless
stages:
  - {name: S, tasks: [{name: hang, grace: 1s, script: 'echo up; setsid sleep 1000 & sleep 1000'}, {name: after, script: exit 1}]}
finally: [{name: tidy, script: 'echo "$WINDLASS_STATUS"'}]
"#;
    let run = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    let mut events = run.events().await.unwrap();
    while let Some(event) = events.next().await.unwrap() {
        if matches!(event.kind, EventKind::Log { .. }) {
            break;
        }
    }
    run.cancel("ana", "enough").await.unwrap();
    let outcome = run.wait().await.unwrap();
    assert_eq!(outcome.status, RunStatus::Cancelled);
    assert_eq!(outcome.task("hang").unwrap().status, TaskStatus::Cancelled);
    assert_eq!(outcome.task("after").unwrap().status, TaskStatus::Skipped);
    assert_eq!(run.logs("tidy").await.unwrap(), "cancelled\n");
    assert_eq!(run.cancel("ana", "again").await.unwrap_err().code(), "runEnded");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let document = "name: red\nstages: [{name: S, tasks: [{name: t, script: no-such-program-here}]}]";
    let run = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    let outcome = run.wait().await.unwrap();
    let task = outcome.task("t").unwrap();
    assert_eq!((outcome.status, task.exit_code), (RunStatus::Failed, Some(127)));
    let cause = task.cause.as_ref().unwrap();
    assert_eq!(cause.code, "commandNotFound");
    assert!(cause.message.contains("no-such-program-here"), "{cause:?}");
    assert!(!cause.advice.is_empty());
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_numbered_listed_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let document = pipeline("name: p\nstages: [{name: S, tasks: [{name: t, script: 'true'}]}]");
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(engine.start(&document, RunRequest::manual()).await.unwrap());
    }
    for run in &runs {
        run.wait().await.unwrap();
    }
    let listed = engine.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(listed.iter().map(|run| run.number).collect::<Vec<_>>(), [3, 2, 1]);
    assert!(listed.iter().all(|run| run.digest.status == RunStatus::Succeeded && run.last > Seq::ZERO));
    assert_eq!(engine.find("p#2").await.unwrap().id(), runs[1].id());
    assert_eq!(engine.find("latest").await.unwrap().id(), runs[2].id());
    assert_eq!(engine.find("p#latest").await.unwrap().id(), runs[2].id());
    assert_eq!(engine.find("q#latest").await.unwrap_err().code(), "noSuchRun");
    assert_eq!(engine.find("p#9").await.unwrap_err().code(), "noSuchRun");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_build_cannot_do_is_refused_before_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let document = pipeline(
        "name: p\nstages: [{name: S, tasks: [{name: chart, publishChart: {path: web, repository: 'oci://x'}}]}]",
    );
    let error = engine.start(&document, RunRequest::manual()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unsupported, "unsupportedAction"));
    assert!(error.to_string().contains("Helm"), "{error}");
    let error = engine.start(&document, RunRequest::manual().parameter("X", "1")).await.unwrap_err();
    assert_eq!(error.code(), "invalidPipeline");
    assert!(engine.runs(&RunFilter::default()).await.unwrap().is_empty());
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_from_any_offset_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let document =
        "name: p\nstages: [{name: S, tasks: [{name: t, script: 'echo one; sleep 0.05; echo two; printf three'}]}]";
    let run = engine.start(&pipeline(document), RunRequest::manual()).await.unwrap();
    let whole = b"one\ntwo\nthree";
    for from in [0, 2, 4, 13] {
        let mut stream = run.follow_log("t", 1, from).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        assert_eq!((bytes.as_slice(), stream.offset()), (&whole[from as usize..], 13));
    }
    assert_eq!(run.follow_log("nobody", 0, 0).await.unwrap_err().code(), "noSuchTask");
    engine.close().await.unwrap();
}
