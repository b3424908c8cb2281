//! What a fresh instance makes of what a crash left.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{Local, finish, living, said, script};
use crate::executor::{Executor, ExecutorError, RunScope};
use crate::run::StepEnd;
use crate::testing::executor_conformance::Factory;

/// The shim's process id, once it wrote it.
fn shim(local: &Local, key: &crate::run::StepKey) -> Pid {
    let token = fs::read_to_string(local.folder(key).join("token")).unwrap();
    Pid::from_raw(token.lines().next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_step_whose_shim_was_killed_is_lost_and_leaves_nothing() {
    for fresh in [false, true] {
        let local = Local::new();
        let (executor, run) = local.ready().await;
        let step = script(run, "killed", "echo ready; sleep 1000", None);
        executor.start(&step).await.unwrap();
        said(&executor, &step.key, "ready").await;
        kill(shim(&local, &step.key), Signal::SIGKILL).unwrap();
        let executor = if fresh { local.local() } else { executor };
        let lost = executor.wait(&step.key).await;
        assert!(matches!(lost, Err(ExecutorError::Lost { .. })), "{lost:?}");
        assert_eq!(living(&run.to_string()), [0; 0]);
        executor.start(&step).await.unwrap();
        let lost = executor.wait(&step.key).await;
        assert!(matches!(lost, Err(ExecutorError::Lost { .. })), "a lost step was started again: {lost:?}");
    }
}

#[tokio::test]
async fn torn_tokens_are_lost_steps() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    for (number, text) in ["", "999", "999999\n", "999999\n0", "999999\n0."].iter().enumerate() {
        let step = script(run, &format!("torn {number}"), "true", None);
        let folder = local.folder(&step.key);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("token"), text).unwrap();
        executor.start(&step).await.unwrap();
        let lost = executor.wait(&step.key).await;
        assert!(matches!(lost, Err(ExecutorError::Lost { .. })), "{text:?}: {lost:?}");
    }
}

#[tokio::test]
async fn a_number_that_another_process_has_now_is_not_the_shim() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let step = script(run, "reused", "true", None);
    fs::create_dir(local.folder(&step.key)).unwrap();
    fs::write(local.folder(&step.key).join("token"), format!("{}\n", std::process::id())).unwrap();
    let lost = executor.wait(&step.key).await;
    assert!(matches!(lost, Err(ExecutorError::Lost { .. })), "{lost:?}");
    executor.stop(&step.key, std::time::Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_folder_without_a_token_is_a_step_that_can_start() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let step = script(run, "crashed", "echo fine", None);
    fs::create_dir(local.folder(&step.key)).unwrap();
    fs::write(local.folder(&step.key).join("script"), "half a scri").unwrap();
    let waiting = tokio::spawn({
        let (fresh, key) = (local.local(), step.key.clone());
        async move { fresh.wait(&key).await }
    });
    assert_eq!(finish(&executor, &step).await, (StepEnd::Code(0), "fine\n".to_owned()));
    assert_eq!(waiting.await.unwrap().unwrap().end, StepEnd::Code(0), "who waited before the start hears it too");
}

#[tokio::test]
async fn a_half_made_workspace_is_not_taken_for_a_whole_one() {
    let local = Local::new();
    let (executor, run) = (local.local(), crate::run::RunId::new(local.clock().new_id()));
    let folder = local.root.path().join("data dir").join(run.to_string());
    fs::create_dir_all(folder.join(".draft.1.0")).unwrap();
    fs::write(folder.join(".draft.1.0/half"), "").unwrap();
    let mut scope = RunScope { run, generation: 1, existing: true, source: None, adopt: None, outlines: Vec::new() };
    assert!(matches!(executor.prepare(&scope).await, Err(ExecutorError::WorkspaceLost { .. })));
    scope.existing = false;
    executor.prepare(&scope).await.unwrap();
    assert_eq!(finish(&executor, &script(run, "look", "ls -A", None)).await, (StepEnd::Code(0), String::new()));
    scope.generation = 2;
    scope.existing = true;
    assert!(matches!(executor.prepare(&scope).await, Err(ExecutorError::WorkspaceLost { .. })));
}

#[tokio::test]
async fn a_run_that_was_released_meanwhile_is_lost_to_who_waits() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let step = script(run, "waits", "echo ready; sleep 1000", None);
    executor.start(&step).await.unwrap();
    said(&executor, &step.key, "ready").await;
    let waiting = tokio::spawn({
        let (executor, key) = (executor.clone(), step.key.clone());
        async move { executor.wait(&key).await }
    });
    executor.release(run).await.unwrap();
    let ended = waiting.await.unwrap();
    assert!(ended.is_err() || ended.is_ok_and(|exit| exit.end == StepEnd::Signal(15)));
}

#[tokio::test]
async fn after_a_restart_of_the_machine_a_step_that_may_have_run_is_not_started() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    let mut step = script(run, "unsure", "echo again", None);
    let mut done = script(run, "done", "exit 3", None);
    assert_eq!(finish(&executor, &done).await.0, StepEnd::Code(3));
    let boot = local.folder(&step.key).parent().and_then(|steps| steps.parent()).unwrap().join("boot");
    fs::write(&boot, "another boot").unwrap();

    (step.resumed, done.resumed) = (true, true);
    let refused = executor.start(&step).await;
    assert!(matches!(refused, Err(ExecutorError::Lost { .. })), "{refused:?}");
    assert_eq!(finish(&executor, &done).await.0, StepEnd::Code(3), "its end is written");
    let next = script(run, "next attempt", "echo fresh", None);
    assert_eq!(finish(&executor, &next).await, (StepEnd::Code(0), "fresh\n".to_owned()));
}
