//! Pipelines that live and change.

use super::kit::{Kept, World, document, eventually, over_each_store, until_running};
use super::pipeline;
use crate::audit::Change;
use crate::engine::{PipelineDeletion, Rerun, RunRequest, Running, Runs};
use crate::error::ErrorKind;
use crate::pipeline::{Action, PipelineName, Task, TaskName};
use crate::run::RunStatus;
use crate::store::PipelineFilter;
use crate::testing::Script;

over_each_store!(
    a_new_pipeline_starts_with_four_empty_stages,
    of_two_editors_the_second_is_told,
    saving_what_is_there_already_is_no_new_version,
    an_old_definition_becomes_the_newest_one,
    versions_go_on_when_a_name_is_used_again,
    a_copy_has_everything_but_the_triggers,
    an_inactive_pipeline_cannot_be_run,
    an_unknown_name_is_told_with_the_nearest_right_one,
    a_pipeline_is_not_renamed_by_saving_it,
    a_draft_is_saved_and_a_mistake_is_not,
    a_run_remembers_the_version_that_it_runs,
    a_definition_is_saved_and_run_or_neither,
    the_latest_run_is_found_and_stopped,
    a_pipeline_with_unfinished_runs_is_not_deleted,
    a_deletion_cancels_what_runs_and_waits_for_it,
    a_deletion_takes_the_runs_along_when_asked,
    nothing_starts_while_a_deletion_waits,
    a_deletion_that_was_interrupted_is_finished_by_the_next_one,
    pipelines_are_listed_in_pages,
);

async fn a_new_pipeline_starts_with_four_empty_stages(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    let stored = world.pipelines().create_new("web", "ana").await.unwrap();
    let stages: Vec<_> =
        stored.definition.stages.iter().map(|stage| (stage.name.as_str(), stage.tasks.len())).collect();
    assert_eq!(stages, [("Source", 0), ("Build", 0), ("Test", 0), ("Deploy", 0)]);
    assert_eq!((stored.version, stored.active, stored.changed_by.as_str()), (1, true, "ana"));
    assert_eq!(world.pipelines().get("web").await.unwrap(), stored);

    let error = world.pipelines().create_new("web", "ben").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "pipelineExists"));
    assert_eq!(world.pipelines().create_new("a/b", "ben").await.unwrap_err().code(), "invalidName");
    let created = Change::PipelineCreated { pipeline: "web".to_owned(), version: 1, copied_from: None };
    assert_eq!(world.changes().await, [("ana".to_owned(), created)]);
    world.engine.close().await.unwrap();
}

async fn of_two_editors_the_second_is_told(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    let opened = world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    let saved = world.pipelines().update(&document("web", "two"), opened.version, "ana").await.unwrap();
    assert_eq!(saved.version, 2);

    let error = world.pipelines().update(&document("web", "three"), opened.version, "ben").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "staleVersion"));
    let stale = error.stale_version().unwrap();
    assert_eq!((stale.expected, stale.found), (1, 2));
    assert_eq!((stale.saved_by.as_str(), stale.saved), ("ana", saved.changed));
    for said in ["version 2", "version 1", "\"ana\""] {
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(world.pipelines().get("web").await.unwrap(), saved);
    world.engine.close().await.unwrap();
}

async fn saving_what_is_there_already_is_no_new_version(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    let first = world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    assert_eq!(world.pipelines().update(&document("web", "one"), 1, "ben").await.unwrap(), first);
    // Whoever did not get the answer to a save may send it once more.
    let second = world.pipelines().update(&document("web", "two"), 1, "ben").await.unwrap();
    assert_eq!(world.pipelines().update(&document("web", "two"), 1, "ben").await.unwrap(), second);
    assert_eq!(world.pipelines().history("web", None, 0).await.unwrap().len(), 2);
    assert_eq!(world.changes().await.len(), 2);

    // The order of variables is something that people see.
    let env = |order| pipeline(&format!("name: env\nenv: {order}\nstages: []"));
    world.pipelines().create(&env("{A: '1', B: '2'}"), "ana").await.unwrap();
    assert_eq!(world.pipelines().update(&env("{B: '2', A: '1'}"), 1, "ana").await.unwrap().version, 2);
    world.engine.close().await.unwrap();
}

async fn an_old_definition_becomes_the_newest_one(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    for (expected, script) in ["one", "two", "three"].into_iter().enumerate() {
        let document = document("web", script);
        match expected {
            0 => world.pipelines().create(&document, "ana").await.unwrap(),
            expected => world.pipelines().update(&document, expected as u64, "ben").await.unwrap(),
        };
    }
    let restored = world.pipelines().restore("web", 1, 3, "cleo").await.unwrap();
    assert_eq!((restored.version, &restored.definition), (4, &document("web", "one")));

    let history = world.pipelines().history("web", None, 0).await.unwrap();
    let seen: Vec<_> = history.iter().map(|version| (version.version, version.saved_by.as_str())).collect();
    assert_eq!(seen, [(4, "cleo"), (3, "ben"), (2, "ben"), (1, "ana")]);
    let page = world.pipelines().history("web", Some(3), 1).await.unwrap();
    assert_eq!(page.iter().map(|version| version.version).collect::<Vec<_>>(), [2]);
    assert_eq!(world.pipelines().version("web", 2).await.unwrap(), page[0]);

    let error = world.pipelines().restore("web", 9, 4, "cleo").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, "noSuchVersion"));
    assert!(error.to_string().contains('4'), "{error}");
    assert_eq!(world.pipelines().restore("web", 2, 3, "cleo").await.unwrap_err().code(), "staleVersion");
    world.engine.close().await.unwrap();
}

async fn versions_go_on_when_a_name_is_used_again(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    world.pipelines().update(&document("web", "two"), 1, "ana").await.unwrap();
    world.pipelines().delete("web", PipelineDeletion::default(), "ana").await.unwrap();
    assert_eq!(world.pipelines().get("web").await.unwrap_err().code(), "noSuchPipeline");
    assert_eq!(world.pipelines().history("web", None, 0).await.unwrap_err().code(), "noSuchPipeline");
    let again = world.pipelines().create(&document("web", "three"), "ana").await.unwrap();
    assert_eq!(again.version, 3);
    assert_eq!(world.pipelines().history("web", None, 0).await.unwrap().len(), 1);
    world.engine.close().await.unwrap();
}

async fn a_copy_has_everything_but_the_triggers(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    let original = pipeline(
        "name: web\nparameters: [{name: P, value: x}]\ntimeout: 1h\ntriggers: [{schedule: {everyMinutes: 30}}]\n\
         stages: [{name: S, tasks: [{name: t, script: x}]}]\nfinally: [{name: f, script: y}]",
    );
    world.pipelines().create(&original, "ana").await.unwrap();
    world.pipelines().deactivate("web", "ana").await.unwrap();
    let copy = world.pipelines().copy("web", "web-2", "ben").await.unwrap();
    let name = PipelineName::new("web-2").unwrap();
    assert_eq!(copy.definition, crate::Pipeline { name, triggers: Vec::new(), ..original });
    assert_eq!((copy.version, copy.active), (1, true));
    let copied_from = Some("web".to_owned());
    let said = Change::PipelineCreated { pipeline: "web-2".to_owned(), version: 1, copied_from };
    assert_eq!(world.changes().await.last().unwrap(), &("ben".to_owned(), said));

    assert_eq!(world.pipelines().copy("web", "web-2", "ben").await.unwrap_err().code(), "pipelineExists");
    assert_eq!(world.pipelines().copy("nothing", "web-3", "ben").await.unwrap_err().code(), "noSuchPipeline");
    world.engine.close().await.unwrap();
}

async fn an_inactive_pipeline_cannot_be_run(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    assert!(!world.pipelines().deactivate("web", "ana").await.unwrap().active);
    assert!(!world.pipelines().deactivate("web", "ben").await.unwrap().active);
    let error = world.pipelines().run("web", RunRequest::manual()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "pipelineInactive"));
    let saved = world.pipelines().save_and_run(&document("web", "two"), Some(1), RunRequest::manual()).await;
    assert_eq!(saved.unwrap_err().code(), "pipelineInactive");
    assert_eq!(world.pipelines().get("web").await.unwrap().version, 1);
    // It can be edited meanwhile.
    assert!(!world.pipelines().update(&document("web", "two"), 1, "ana").await.unwrap().active);

    assert!(world.pipelines().activate("web", "ana").await.unwrap().active);
    let run = world.pipelines().run("web", RunRequest::manual()).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
    let kinds: Vec<_> = world.changes().await.iter().map(|(_, change)| change.kind()).collect();
    let expected = ["pipelineCreated", "pipelineDeactivated", "pipelineUpdated", "pipelineActivated", "runRequested"];
    assert_eq!(kinds, expected);
    world.engine.close().await.unwrap();
}

async fn an_unknown_name_is_told_with_the_nearest_right_one(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    world.pipelines().create_new("backend", "ana").await.unwrap();
    world.pipelines().create_new("frontend", "ana").await.unwrap();
    let error = world.pipelines().run("fronted", RunRequest::manual()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, "noSuchPipeline"));
    assert_eq!(error.to_string(), "there is no pipeline \"fronted\", did you mean \"frontend\"?");
    let error = world.pipelines().get("zzz").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no pipeline \"zzz\"");
    world.engine.close().await.unwrap();
}

async fn a_pipeline_is_not_renamed_by_saving_it(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    let error = world.pipelines().update(&document("website", "one"), 1, "ana").await.unwrap_err();
    assert_eq!(error.code(), "noSuchPipeline");
    assert!(error.to_string().contains("copy it, and delete the old one"), "{error}");
    world.engine.close().await.unwrap();
}

async fn a_draft_is_saved_and_a_mistake_is_not(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    // What only a start needs may be missing: a parameter's value, an executor, an action that this build has.
    let draft = pipeline(
        "name: draft\nparameters: [{name: TARGET, dynamic: true}]\nexecutor: cluster\n\
         stages: [{name: Empty}, {name: S, tasks: [{name: image, buildImage: {image: x}}]}]",
    );
    world.pipelines().create(&draft, "ana").await.unwrap();
    let error = world.pipelines().run("draft", RunRequest::manual()).await.unwrap_err();
    assert_eq!(error.code(), "invalidPipeline");

    let mut wrong = draft.clone();
    wrong.stages[1].tasks.push(Task::new(TaskName::new("unit").unwrap(), Action::Script(" ".to_owned())));
    wrong.stages[0].name = wrong.stages[1].name.clone();
    let error = world.pipelines().update(&wrong, 1, "ana").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "invalidPipeline"));
    let problems = error.problems().unwrap();
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["stages[1].name", "stages[1].tasks[1].script"], "{error}");
    assert!(problems.iter().all(|problem| problem.file.is_none() && problem.position.is_none()));
    // Nor one that nobody could read again.
    let huge = crate::Pipeline { description: Some("x".repeat(crate::pipeline::MAX_BYTES)), ..draft };
    assert_eq!(world.pipelines().update(&huge, 1, "ana").await.unwrap_err().code(), "invalidPipeline");
    assert_eq!(world.pipelines().get("draft").await.unwrap().version, 1);
    world.engine.close().await.unwrap();
}

async fn a_run_remembers_the_version_that_it_runs(kept: Kept) {
    let mut world = World::open(kept, |executor| executor).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    let first = world.pipelines().run("web", RunRequest::manual().actor("ben")).await.unwrap();
    world.pipelines().update(&document("web", "two"), 1, "ana").await.unwrap();
    let second = world.pipelines().run("web", RunRequest::manual()).await.unwrap();
    let own = world.engine.start(&document("web", "three"), RunRequest::manual()).await.unwrap();
    let mut versions = Vec::new();
    for run in [&first, &second, &own] {
        versions.push(run.wait().await.unwrap().pipeline_version);
    }
    assert_eq!(versions, [Some(1), Some(2), None]);
    world.reopen(|builder| builder).await;
    let summary = world.engine.run(second.id()).await.unwrap().summary().await.unwrap();
    assert_eq!(serde_json::to_value(&summary).unwrap()["pipelineVersion"], 2);
    let first = world.engine.run(first.id()).await.unwrap();
    for (how, version) in [(Rerun::AsItWas, 1), (Rerun::AsItIs, 2)] {
        let again = first.retry(how, "cleo").await.unwrap();
        assert_eq!(again.wait().await.unwrap().pipeline_version, Some(version));
    }
    world.engine.close().await.unwrap();
}

async fn a_definition_is_saved_and_run_or_neither(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    let asking = pipeline("name: web\nparameters: [{name: TARGET, dynamic: true}]\nstages: []");
    let request = RunRequest::manual().actor("ana");
    let error = world.pipelines().save_and_run(&asking, None, request.clone()).await.unwrap_err();
    assert_eq!(error.code(), "invalidPipeline");
    assert!(world.changes().await.is_empty());
    assert_eq!(world.pipelines().get("web").await.unwrap_err().code(), "noSuchPipeline");

    let given = request.clone().parameter("TARGET", "dev");
    let run = world.pipelines().save_and_run(&asking, None, given).await.unwrap();
    assert_eq!(run.wait().await.unwrap().pipeline_version, Some(1));
    let run = world.pipelines().save_and_run(&document("web", "x"), Some(1), request.clone()).await.unwrap();
    assert_eq!(run.wait().await.unwrap().pipeline_version, Some(2));
    // What is there already is run as it is.
    let run = world.pipelines().save_and_run(&document("web", "x"), Some(2), request.clone()).await.unwrap();
    assert_eq!((run.wait().await.unwrap().pipeline_version, run.number()), (Some(2), 3));
    let stale = world.pipelines().save_and_run(&document("web", "y"), Some(1), request).await;
    assert_eq!(stale.unwrap_err().code(), "staleVersion");

    let changes = world.changes().await;
    let said: Vec<_> = changes.iter().map(|(by, change)| (by.as_str(), change.kind())).collect();
    let (created, updated, run) = (("ana", "pipelineCreated"), ("ana", "pipelineUpdated"), ("ana", "runRequested"));
    assert_eq!(said, [created, run, updated, run, run]);
    world.engine.close().await.unwrap();
}

async fn the_latest_run_is_found_and_stopped(kept: Kept) {
    let world = World::open(kept, |executor| executor.task("work", Script::hangs())).await;
    assert_eq!(world.pipelines().latest_run("web").await.unwrap_err().code(), "noSuchPipeline");
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    assert!(world.pipelines().latest_run("web").await.unwrap().is_none());
    assert_eq!(world.pipelines().stop_latest("web", "ana", "").await.unwrap_err().code(), "nothingToStop");

    let first = world.pipelines().run("web", RunRequest::manual()).await.unwrap();
    let second = world.pipelines().run("web", RunRequest::manual()).await.unwrap();
    assert_eq!(world.pipelines().latest_run("web").await.unwrap().unwrap().id(), second.id());
    for run in [&second, &first] {
        let stopped = world.pipelines().stop_latest("web", "ben", "enough").await.unwrap();
        assert_eq!(stopped.id(), run.id());
        assert_eq!(stopped.wait().await.unwrap().status, RunStatus::Cancelled);
    }
    assert_eq!(world.pipelines().stop_latest("web", "ana", "").await.unwrap_err().code(), "nothingToStop");
    assert_eq!(world.pipelines().latest_run("web").await.unwrap().unwrap().id(), second.id());
    world.engine.close().await.unwrap();
}

async fn a_pipeline_with_unfinished_runs_is_not_deleted(kept: Kept) {
    let clock = std::sync::Arc::new(crate::clock::SystemClock::resume(None));
    let one = |builder: crate::EngineBuilder| {
        builder.run_limits(crate::run::queue::RunLimits { runs: 1, per_pipeline: None })
    };
    let hanging = |executor: crate::testing::ScriptedExecutor| executor.task("work", Script::hangs());
    let world = World::open_with(kept, clock, hanging, one).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    let going = world.pipelines().run("web", RunRequest::manual()).await.unwrap();
    until_running(&world, &going).await;
    let waiting = world.pipelines().run("web", RunRequest::manual()).await.unwrap();

    let how = PipelineDeletion { running: Running::Refuse, runs: Runs::Delete };
    let error = world.pipelines().delete("web", how, "ana").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "pipelineRunning"));
    for said in ["web#1 (running)", "web#2 (queued)"] {
        assert!(error.to_string().contains(said), "{error}");
    }
    going.cancel("ana", "").await.unwrap();
    going.wait().await.unwrap();
    let error = world.pipelines().delete("web", how, "ana").await.unwrap_err();
    assert!(!error.to_string().contains("web#1"), "{error}");
    waiting.cancel("ana", "").await.unwrap();
    waiting.wait().await.unwrap();
    world.pipelines().delete("web", how, "ana").await.unwrap();
    assert!(world.numbers("web").await.is_empty());
    world.engine.close().await.unwrap();
}

async fn a_deletion_cancels_what_runs_and_waits_for_it(kept: Kept) {
    let world = World::open(kept, |executor| executor.task("work", Script::hangs())).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(world.pipelines().run("web", RunRequest::manual()).await.unwrap());
    }
    let other = world.engine.start(&document("other", "one"), RunRequest::manual()).await.unwrap();
    let how = PipelineDeletion { running: Running::Cancel, runs: Runs::Keep };
    world.pipelines().delete("web", how, "ben").await.unwrap();

    assert_eq!(world.pipelines().get("web").await.unwrap_err().code(), "noSuchPipeline");
    assert_eq!(world.numbers("web").await, [3, 2, 1]);
    for run in &runs {
        assert_eq!(run.summary().await.unwrap().status, RunStatus::Cancelled);
    }
    assert!(!other.status().await.unwrap().is_final());
    let changes = world.changes().await;
    let by_ben = changes.iter().filter(|(by, _)| by == "ben").map(|(_, change)| change.kind());
    assert_eq!(by_ben.collect::<Vec<_>>(), ["runCancelled", "runCancelled", "runCancelled", "pipelineDeleted"]);
    world.engine.close().await.unwrap();
}

async fn a_deletion_takes_the_runs_along_when_asked(kept: Kept) {
    let mut world = World::open(kept, |executor| executor.task("work", Script::succeeds().log("hello"))).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    // More than are deleted in one write.
    for _ in 0..120 {
        world.pipelines().run("web", RunRequest::manual()).await.unwrap();
    }
    let other = world.engine.start(&document("other", "one"), RunRequest::manual()).await.unwrap();
    other.wait().await.unwrap();
    let how = PipelineDeletion { running: Running::Cancel, runs: Runs::Delete };
    world.pipelines().delete("web", how, "ben").await.unwrap();
    assert!(world.numbers("web").await.is_empty());
    assert_eq!(std::fs::read_dir(world.logs()).unwrap().count(), 1);
    assert_eq!(other.logs("work").await.unwrap(), "hello\n");
    let changes = world.changes().await;
    assert_eq!(changes.iter().filter(|(by, change)| by == "ben" && change.kind() == "runDeleted").count(), 120);
    assert_eq!(changes.last().unwrap().1.kind(), "pipelineDeleted");

    // Numbers are not used twice, also by another engine.
    let run = world.engine.start(&document("web", "one"), RunRequest::manual()).await.unwrap();
    assert_eq!(run.number(), 121);
    run.wait().await.unwrap();
    run.delete("ben").await.unwrap();
    world.reopen(|builder| builder).await;
    let run = world.engine.start(&document("web", "one"), RunRequest::manual()).await.unwrap();
    assert_eq!(run.number(), 122);
    world.engine.close().await.unwrap();
}

async fn nothing_starts_while_a_deletion_waits(kept: Kept) {
    // The step takes no notice of the signal, so that the deletion has to wait.
    let world = World::open(kept, |executor| executor.task("work", Script::hangs().ignores_signal())).await;
    let document = pipeline("name: web\nstages: [{name: S, tasks: [{name: work, grace: 300ms, script: x}]}]");
    world.pipelines().create(&document, "ana").await.unwrap();
    let run = world.pipelines().run("web", RunRequest::manual()).await.unwrap();
    until_running(&world, &run).await;
    let pipelines = world.pipelines();
    let deletion = tokio::spawn(async move {
        let how = PipelineDeletion { running: Running::Cancel, runs: Runs::Delete };
        pipelines.delete("web", how, "ben").await
    });
    let cancelled = async || world.changes().await.iter().any(|(_, change)| change.kind() == "runCancelled");
    eventually("the cancelled run", cancelled).await;
    let refused = world.pipelines().run("web", RunRequest::manual()).await.unwrap_err();
    assert_eq!(refused.code(), "pipelineInactive", "{refused}");
    assert_eq!(world.engine.start(&document, RunRequest::manual()).await.unwrap_err().code(), "pipelineInactive");
    deletion.await.unwrap().unwrap();
    assert_eq!(world.pipelines().run("web", RunRequest::manual()).await.unwrap_err().code(), "noSuchPipeline");
    assert!(world.numbers("web").await.is_empty());
    // The name is free again.
    world.engine.start(&document, RunRequest::manual()).await.unwrap();
    world.engine.close().await.unwrap();
}

async fn a_deletion_that_was_interrupted_is_finished_by_the_next_one(kept: Kept) {
    let mut world = World::open(kept, |executor| executor.task("work", Script::hangs())).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(world.pipelines().run("web", RunRequest::manual()).await.unwrap());
    }
    // The half of a deletion: some runs are cancelled, one of them is gone.
    for run in &runs[..2] {
        run.cancel("ben", "its pipeline is being deleted").await.unwrap();
        run.wait().await.unwrap();
    }
    runs[0].delete("ben").await.unwrap();
    world.reopen(|builder| builder).await;

    let how = PipelineDeletion { running: Running::Cancel, runs: Runs::Delete };
    world.pipelines().delete("web", how, "ben").await.unwrap();
    assert!(world.numbers("web").await.is_empty());
    assert_eq!(world.pipelines().delete("web", how, "ben").await.unwrap_err().code(), "noSuchPipeline");
    world.engine.close().await.unwrap();
}

async fn pipelines_are_listed_in_pages(kept: Kept) {
    let world = World::open(kept, |executor| executor).await;
    for name in ["web", "api", "docs", "Zoo"] {
        world.pipelines().create_new(name, "ana").await.unwrap();
    }
    world.pipelines().deactivate("docs", "ana").await.unwrap();
    let names = async |filter: PipelineFilter| {
        let page = world.pipelines().list(&filter).await.unwrap();
        page.into_iter().map(|listing| listing.name).collect::<Vec<_>>()
    };
    let all = PipelineFilter::default();
    assert_eq!(names(all.clone()).await, ["Zoo", "api", "docs", "web"]);
    assert_eq!(names(PipelineFilter { limit: 2, ..all.clone() }).await, ["Zoo", "api"]);
    assert_eq!(names(PipelineFilter { after: Some("api".to_owned()), ..all.clone() }).await, ["docs", "web"]);
    assert_eq!(names(PipelineFilter { active: Some(false), ..all }).await, ["docs"]);
    world.engine.close().await.unwrap();
}

/// Starts race a deletion: each of them is either refused, or its run is seen by the deletion.
#[tokio::test(flavor = "multi_thread")]
async fn no_start_slips_through_a_deletion() {
    let kept = Kept::InMemory(super::test_store::TestStore::in_memory());
    let world = World::open(kept, |executor| executor.task("work", Script::hangs())).await;
    for round in 0..20 {
        let name = format!("web-{round}");
        world.pipelines().create(&document(&name, "one"), "ana").await.unwrap();
        let starts = (0..8).map(|_| {
            let (pipelines, name) = (world.pipelines(), name.clone());
            tokio::spawn(async move { pipelines.run(&name, RunRequest::manual()).await })
        });
        let starts: Vec<_> = starts.collect();
        let how = PipelineDeletion { running: Running::Cancel, runs: Runs::Delete };
        world.pipelines().delete(&name, how, "ben").await.unwrap();
        for start in starts {
            if let Err(error) = start.await.unwrap() {
                assert!(["pipelineInactive", "noSuchPipeline"].contains(&error.code()), "{error}");
            }
        }
        assert!(world.numbers(&name).await.is_empty());
    }
    world.engine.close().await.unwrap();
}

/// A portal that goes away in the middle of a request has started a run like any other.
#[tokio::test]
async fn a_start_whose_caller_goes_away_is_a_start() {
    let kept = Kept::InMemory(super::test_store::TestStore::in_memory());
    let world = World::open(kept, |executor| executor).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    let pipelines = world.pipelines();
    let mut start = Box::pin(pipelines.run("web", RunRequest::manual()));
    // As far as it goes without waiting for anybody.
    assert!(futures::poll!(start.as_mut()).is_pending());
    drop(start);
    let ended = async || {
        let latest = world.pipelines().latest_run("web").await.unwrap();
        match latest {
            Some(run) => run.status().await.unwrap() == RunStatus::Succeeded,
            None => false,
        }
    };
    eventually("the end of the run", ended).await;
    assert_eq!(world.pipelines().run("web", RunRequest::manual()).await.unwrap().number(), 2);
    world.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_closed_engine_changes_nothing() {
    let kept = Kept::InMemory(super::test_store::TestStore::in_memory());
    let world = World::open(kept, |executor| executor).await;
    world.pipelines().create(&document("web", "one"), "ana").await.unwrap();
    world.engine.close().await.unwrap();
    let pipelines = world.pipelines();
    let codes = [
        pipelines.create_new("b", "ana").await.unwrap_err().code(),
        pipelines.update(&document("web", "two"), 1, "ana").await.unwrap_err().code(),
        pipelines.deactivate("web", "ana").await.unwrap_err().code(),
        pipelines.run("web", RunRequest::manual()).await.unwrap_err().code(),
        pipelines.delete("web", PipelineDeletion::default(), "ana").await.unwrap_err().code(),
        world.engine.prune().await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["engineClosed"; 6]);
}
