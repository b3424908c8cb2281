//! Running again, with scripted steps: what is asked of the executor, and what is refused.

use serde_json::Value;

use super::pipeline;
use super::site::{HOUR, Site, ended, started};
use crate::audit::Change;
use crate::engine::{Engine, Event, EventKind, Rerun, Run, RunRequest};
use crate::error::ErrorKind;
use crate::executor::Adopt;
use crate::pipeline::TaskName;
use crate::run::{RunStatus, TaskStatus};
use crate::store::{AuditFilter, Batch, PipelineChange, PipelineVersion, RunFilter};
use crate::testing::{Call, Script, ScriptedExecutor};

async fn events(run: &Run) -> Vec<Event> {
    let (mut stream, mut events) = (run.events().await.unwrap(), Vec::new());
    while let Some(event) = stream.next().await.unwrap() {
        events.push(event);
    }
    events
}

fn task(name: &str) -> TaskName {
    TaskName::new(name).unwrap()
}

/// Fails in its last task the first time.
const CHAIN: &str = r#"
name: chain
stages:
  - {name: Source, tasks: [{name: checkout, script: x}]}
  - {name: Build, tasks: [{name: build, script: x, outputs: [VERSION]}]}
  - {name: Test, tasks: [{name: test, script: x, env: {GOT: "${build.VERSION}"}}]}
"#;

fn chain(executor: ScriptedExecutor) -> ScriptedExecutor {
    executor.task("build", Script::succeeds().output("VERSION", "7")).task("test", Script::fails(1))
}

#[tokio::test]
async fn from_failed_on_takes_the_workspace_over_and_starts_only_what_did_not_succeed() {
    let site = Site::new(chain);
    let engine = site.open().await;
    let old = ended(&engine, CHAIN).await;
    site.script("test", Script::succeeds());
    let new = old.retry(Rerun::FromFailed, "ana").await.unwrap();
    let outcome = new.wait().await.unwrap();

    assert_eq!(outcome.status, RunStatus::Succeeded, "{outcome:#?}");
    let adopt = Adopt { run: old.id(), generation: 1 };
    assert_eq!(site.prepared(new.id()), [(1, false, Some(adopt))]);
    assert_eq!(["checkout", "build", "test"].map(|task| site.executor.started(task)), [1, 1, 2]);
    assert_eq!(outcome.task("build").unwrap().outputs["VERSION"], "7");
    assert_eq!(new.number(), old.number() + 1);
    assert!(engine.handle.core.archive.store.kept().await.unwrap().is_empty());

    let kinds: Vec<_> = events(&new).await.into_iter().map(|event| event.kind).collect();
    let place = |wanted: &dyn Fn(&EventKind) -> bool| kinds.iter().position(wanted).unwrap();
    let reused = |name: &'static str| {
        place(&move |kind| matches!(kind, EventKind::TaskReused { task, .. } if task.as_str() == name))
    };
    let finished = |name: &'static str| {
        place(&move |kind| matches!(kind, EventKind::TaskFinished { task, .. } if task.as_str() == name))
    };
    let run_started = place(&|kind| matches!(kind, EventKind::RunStarted));
    let order = [0, reused("checkout"), reused("build"), run_started];
    assert!(order.is_sorted() && order[3] == 3, "what is reused is said before the start: {kinds:#?}");
    let ends = [run_started, finished("checkout"), finished("build"), finished("test")];
    assert!(ends.is_sorted(), "each task ends in its turn: {kinds:#?}");
}

#[tokio::test]
async fn who_asked_and_which_run_is_repeated_is_kept() {
    let site = Site::new(chain);
    let engine = site.open().await;
    let old = ended(&engine, CHAIN).await;
    let new = old.retry(Rerun::AsItWas, "ana").await.unwrap();
    new.wait().await.unwrap();
    let listed = engine.runs(&RunFilter { limit: 1, ..RunFilter::default() }).await.unwrap().remove(0);
    assert_eq!((listed.id, listed.rerun_of, listed.actor.as_str()), (new.id(), Some(old.id()), "ana"));
    let filter = AuditFilter { run: Some(new.id()), ..AuditFilter::default() };
    let audited = engine.handle.core.archive.store.audit(&filter).await.unwrap().remove(0).entry;
    assert_eq!(audited.by, "ana");
    assert!(matches!(audited.change, Change::RunRequested { rerun_of, .. } if rerun_of == Some(old.id())));
}

#[tokio::test]
async fn as_it_was_does_everything_again_in_a_fresh_workspace() {
    let site = Site::new(chain);
    let engine = site.open().await;
    let old = ended(&engine, CHAIN).await;
    let new = old.retry(Rerun::AsItWas, "ana").await.unwrap();
    new.wait().await.unwrap();
    assert_eq!(site.prepared(new.id()), [(1, false, None)]);
    assert_eq!(["checkout", "build", "test"].map(|task| site.executor.started(task)), [2, 2, 2]);
    assert!(!site.released(old.id()), "the old workspace is still there for who wants to go on from it");
}

#[tokio::test]
async fn after_its_time_it_is_refused_and_the_task_to_repeat_from_is_named() {
    let site = Site::new(chain);
    let engine = site.open().await;
    let old = ended(&engine, CHAIN).await;
    site.clock.until_sleepers(1).await;
    site.clock.advance(25 * HOUR).await;
    site.until_released(old.id()).await;
    let error = old.retry(Rerun::FromFailed, "ana").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "workspaceNotKept"));
    for part in ["kept for 1day after its end", r#"Rerun::FromTask("checkout")"#] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let new = old.retry(Rerun::FromTask(task("checkout")), "ana").await.unwrap();
    new.wait().await.unwrap();
    assert_eq!(site.executor.started("checkout"), 2);
}

#[tokio::test]
async fn one_of_two_gets_the_workspace_and_the_other_is_told_who_has_it() {
    let site = Site::new(chain);
    let engine = site.open().await;
    let old = ended(&engine, CHAIN).await;
    let (one, two) = futures::join!(old.retry(Rerun::FromFailed, "ana"), old.retry(Rerun::FromFailed, "ben"));
    let (winner, error) = match (one, two) {
        (Ok(winner), Err(error)) | (Err(error), Ok(winner)) => (winner, error),
        (Ok(_), Ok(_)) => panic!("both got it"),
        (Err(one), Err(two)) => panic!("none got it: {one}; {two}"),
    };
    assert_eq!(error.code(), "workspaceNotKept");
    assert!(error.to_string().contains(&format!("taken over by run {}", winner.id())), "{error}");
    assert_eq!(engine.runs(&RunFilter::default()).await.unwrap().len(), 2, "the refused one left no run");
    winner.wait().await.unwrap();
}

#[tokio::test]
async fn without_work_in_the_workspace_a_fresh_one_does_as_well() {
    let site = Site::new(|executor| executor.task("test", Script::fails(1)));
    let engine = site.open().await;
    let document = r#"
name: p
keepWorkspace: 0s
stages:
  - name: S
    tasks: [{name: alone, workspace: none, script: x}, {name: test, script: x}]
"#;
    let old = ended(&engine, document).await;
    let new = old.retry(Rerun::FromFailed, "ana").await.unwrap();
    new.wait().await.unwrap();
    assert_eq!(site.prepared(new.id()), [(1, false, None)]);
    assert_eq!((site.executor.started("alone"), site.executor.started("test")), (1, 2));
}

#[tokio::test]
async fn a_workspace_that_was_never_kept_is_refused_with_that_reason() {
    let site = Site::new(chain);
    let engine = site.open().await;
    let old = ended(&engine, &CHAIN.replace("stages:", "keepWorkspace: 0s\nstages:")).await;
    let error = old.retry(Rerun::FromFailed, "ana").await.unwrap_err();
    assert_eq!(error.code(), "workspaceNotKept");
    assert!(error.to_string().contains("was not kept"), "{error}");
}

#[tokio::test]
async fn a_run_that_goes_on_is_not_run_again() {
    let site = Site::new(|executor| executor.task("checkout", Script::hangs()));
    let engine = site.open().await;
    let run = started(&engine, CHAIN).await;
    for mode in [Rerun::AsItWas, Rerun::AsItIs, Rerun::FromFailed, Rerun::FromTask(task("build"))] {
        assert_eq!(run.retry(mode, "ana").await.unwrap_err().code(), "runUnfinished");
    }
    engine.close().await.unwrap();
    assert_eq!(run.retry(Rerun::AsItWas, "ana").await.unwrap_err().code(), "engineClosed");
}

#[tokio::test]
async fn what_succeeded_beside_the_failure_is_not_done_again_either() {
    let site = Site::new(|executor| executor.attempts("bad", [Script::fails(1)]));
    let engine = site.open().await;
    let document = r#"
name: p
stages:
  - name: Together
    order: parallel
    failFast: false
    tasks:
      - {name: good, script: x}
      - {name: bad, script: x}
      - {name: fine, script: x}
  - {name: After, tasks: [{name: after, script: x}]}
"#;
    let old = ended(&engine, document).await;
    site.script("bad", Script::succeeds());
    let new = old.retry(Rerun::FromFailed, "ana").await.unwrap();
    assert!(new.wait().await.unwrap().succeeded());
    let started = ["good", "bad", "fine", "after"].map(|task| site.executor.started(task));
    assert_eq!(started, [1, 2, 1, 1]);
}

#[tokio::test]
async fn a_repetition_can_be_repeated_and_the_workspace_goes_from_run_to_run() {
    let site = Site::new(chain);
    let engine = site.open().await;
    let first = ended(&engine, CHAIN).await;
    let second = first.retry(Rerun::FromFailed, "ana").await.unwrap();
    assert_eq!(second.wait().await.unwrap().status, RunStatus::Failed);
    site.script("test", Script::succeeds());
    let third = second.retry(Rerun::FromFailed, "ana").await.unwrap();
    let outcome = third.wait().await.unwrap();
    assert!(outcome.succeeded());
    assert_eq!(site.prepared(third.id()), [(1, false, Some(Adopt { run: second.id(), generation: 1 }))]);
    assert_eq!(["checkout", "build", "test"].map(|task| site.executor.started(task)), [1, 1, 3]);
    assert_eq!(outcome.task("build").unwrap().outputs["VERSION"], "7");
    assert!(site.released(second.id()) && site.released(first.id()), "nothing of them is left behind");
    let again = second.retry(Rerun::AsItWas, "ana").await.unwrap();
    again.wait().await.unwrap();
    assert_eq!(site.prepared(again.id()), [(1, false, None)], "the first one's workspace is not wanted again");
}

#[tokio::test]
async fn a_repetition_that_is_cancelled_in_the_queue_leaves_nothing_behind() {
    let site = Site::new(|executor| chain(executor).task("hang", Script::hangs()));
    let engine = site.open().await;
    let group = "concurrency: {group: g, limit: 1, onConflict: queue}\nstages:";
    let old = ended(&engine, &CHAIN.replace("stages:", group)).await;
    let blocker = format!("name: other\n{group} [{{name: S, tasks: [{{name: hang, script: x}}]}}]");
    let blocker = started(&engine, &blocker).await;
    let new = old.retry(Rerun::FromFailed, "ana").await.unwrap();
    new.cancel("ana", "enough").await.unwrap();
    assert_eq!(new.wait().await.unwrap().status, RunStatus::Cancelled);
    assert!(site.prepared(new.id()).is_empty() && site.released(old.id()));
    blocker.cancel("ana", "").await.unwrap();
    blocker.wait().await.unwrap();
}

#[tokio::test]
async fn an_executor_that_is_not_there_any_more_is_named() {
    let site = Site::new(chain);
    let engine = site.open().await;
    let old = ended(&engine, CHAIN).await;
    engine.close().await.unwrap();
    let engine = site.open_with("other").await;
    let old = engine.run(old.id()).await.unwrap();
    for mode in [Rerun::AsItWas, Rerun::FromFailed, Rerun::FromTask(task("checkout"))] {
        let error = old.retry(mode, "ana").await.unwrap_err();
        assert_eq!(error.code(), "noSuchExecutor");
        assert!(error.to_string().contains("\"scripted\"") && error.to_string().contains("other"), "{error}");
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn from_a_task_on_does_it_and_what_follows_in_a_fresh_workspace() {
    let site = Site::new(chain);
    let engine = site.open().await;
    let document = CHAIN.replace("{name: checkout, script: x}", "{name: checkout, script: x, workspace: none}");
    let old = ended(&engine, &document).await;
    let new = old.retry(Rerun::FromTask(task("build")), "ana").await.unwrap();
    new.wait().await.unwrap();
    assert_eq!(site.prepared(new.id()), [(1, false, None)]);
    assert_eq!(["checkout", "build", "test"].map(|task| site.executor.started(task)), [1, 2, 2]);
    assert_eq!(old.retry(Rerun::FromTask(task("nobody")), "ana").await.unwrap_err().code(), "noSuchTask");
}

#[tokio::test]
async fn from_a_task_on_is_refused_where_an_earlier_one_filled_the_workspace() {
    let site = Site::new(chain);
    let engine = site.open().await;
    let old = ended(&engine, CHAIN).await;
    let error = old.retry(Rerun::FromTask(task("test")), "ana").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "workspaceNeeded"));
    for part in [r#"what "checkout" left there"#, r#"Rerun::FromTask("checkout")"#] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn from_the_first_task_on_does_those_beside_it_again_as_well() {
    let site = Site::new(|executor| executor.task("test", Script::fails(1)));
    let engine = site.open().await;
    let document = r#"
name: p
stages:
  - {name: Ask, tasks: [{name: lookup, workspace: none, script: x}]}
  - {name: Source, order: parallel, tasks: [{name: one, script: x}, {name: two, script: x}]}
  - {name: Test, tasks: [{name: test, script: x}]}
"#;
    let old = ended(&engine, document).await;
    assert_eq!(old.retry(Rerun::FromTask(task("two")), "ana").await.unwrap_err().code(), "workspaceNeeded");
    let new = old.retry(Rerun::FromTask(task("one")), "ana").await.unwrap();
    new.wait().await.unwrap();
    let started = ["lookup", "one", "two", "test"].map(|task| site.executor.started(task));
    assert_eq!(started, [1, 2, 2, 2]);
}

#[tokio::test]
async fn a_run_in_which_nothing_failed_has_nothing_to_go_on_from() {
    let site = Site::new(|executor| chain(executor).task("test", Script::succeeds()));
    let engine = site.open().await;
    let good = ended(&engine, CHAIN).await;
    assert_eq!(good.retry(Rerun::FromFailed, "ana").await.unwrap_err().code(), "nothingFailed");
    let new = good.retry(Rerun::FromTask(task("checkout")), "ana").await.unwrap();
    assert!(new.wait().await.unwrap().succeeded());
}

/// As it is stored: with one parameter less, and one that is new.
async fn store(engine: &Engine, document: &str, version: u64, active: bool) {
    let pipeline = pipeline(document);
    let definition: Value = serde_json::to_value(&pipeline).unwrap();
    let (name, at) = (pipeline.name.to_string(), engine.handle.core.clock.now());
    let new = PipelineVersion { name: name.clone(), version, definition, at, by: String::new() };
    let change = if version == 1 { PipelineChange::Create(new) } else { PipelineChange::Update(new) };
    let pipelines = vec![change, PipelineChange::SetActive { name, active }];
    engine.handle.core.commit(Batch { pipelines, ..Batch::default() }).await.unwrap();
}

#[tokio::test]
async fn as_it_is_takes_the_stored_pipeline_and_the_inputs_that_still_exist() {
    let site = Site::new(|executor| executor);
    let engine = site.open().await;
    let parameters = |names: &[&str]| {
        let all: Vec<_> = names.iter().map(|name| format!("{{name: {name}, dynamic: true, default: d}}")).collect();
        format!("name: p\nparameters: [{}]\nstages: [{{name: S, tasks: [{{name: t, script: x}}]}}]", all.join(", "))
    };
    let request = RunRequest::manual().parameter("KEPT", "1").parameter("GONE", "2");
    let old = engine.start(&pipeline(&parameters(&["KEPT", "GONE"])), request).await.unwrap();
    old.wait().await.unwrap();
    let error = old.retry(Rerun::AsItIs, "ana").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, "noSuchPipeline"));
    assert!(error.to_string().contains("as it was"), "{error}");

    store(&engine, &parameters(&["KEPT", "NEW"]), 1, false).await;
    assert_eq!(old.retry(Rerun::AsItIs, "ana").await.unwrap_err().code(), "pipelineInactive");
    store(&engine, &parameters(&["KEPT", "NEW"]), 2, true).await;
    let new = old.retry(Rerun::AsItIs, "ana").await.unwrap();
    assert!(new.wait().await.unwrap().succeeded());
    let steps = site.executor.calls().into_iter().filter_map(|call| match call {
        Call::Start(step) if step.key.run == new.id() => Some(step.env),
        _ => None,
    });
    let env = steps.last().unwrap();
    let given = ["KEPT", "GONE", "NEW"].map(|name| env.get(name).map(String::as_str));
    assert_eq!(given, [Some("1"), None, Some("d")]);
    let again = old.retry(Rerun::AsItWas, "ana").await.unwrap();
    assert_eq!(again.wait().await.unwrap().task("t").unwrap().status, TaskStatus::Succeeded);
}
