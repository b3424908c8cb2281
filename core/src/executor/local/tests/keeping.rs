//! What is on disk when a workspace is kept and taken over, at each place where that can be cut off.

use std::fs;
use std::path::Path;

use super::support::{Local, finish, script};
use crate::executor::{Adopt, Executor, ExecutorError, LocalExecutor, RunScope};
use crate::run::{RunId, StepEnd};
use crate::testing::executor_conformance::Factory;

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

impl Local {
    fn run_folder(&self, run: RunId) -> std::path::PathBuf {
        self.root.path().join("data dir").join(run.to_string())
    }

    /// A run with a file in its workspace.
    async fn worked(&self) -> (LocalExecutor, RunId) {
        let (executor, run) = self.ready().await;
        assert_eq!(finish(&executor, &script(run, "work", "echo text > file", None)).await.0, StepEnd::Code(0));
        (executor, run)
    }

    /// The scope of a new run that takes over.
    fn adopting(&self, old: RunId) -> RunScope {
        let adopt = Some(Adopt { run: old, generation: 1 });
        RunScope {
            run: RunId::new(self.clock().new_id()),
            generation: 1,
            existing: false,
            source: None,
            adopt,
            outlines: Vec::new(),
        }
    }
}

#[tokio::test]
async fn nothing_but_the_workspace_is_kept() {
    let local = Local::new();
    let (executor, run) = local.worked().await;
    let folder = local.run_folder(run);
    fs::create_dir(folder.join("workspace-2")).unwrap();
    fs::write(folder.join(".draft.1.0"), "").unwrap();
    assert!(executor.keep(run, 1).await.unwrap());
    assert_eq!(names(&folder), ["workspace-1"]);
    assert_eq!(names(&folder.join("workspace-1")), ["file"]);
    assert!(!executor.keep(run, 2).await.unwrap());
    assert!(!folder.exists(), "what is not kept is gone");
}

#[tokio::test]
async fn taking_over_leaves_nothing_of_the_old_run() {
    let local = Local::new();
    let (executor, run) = local.worked().await;
    assert!(executor.keep(run, 1).await.unwrap());
    let scope = local.adopting(run);
    executor.prepare(&scope).await.unwrap();
    assert!(!local.run_folder(run).exists());
    let look = script(scope.run, "look", "cat file", None);
    assert_eq!(finish(&executor, &look).await, (StepEnd::Code(0), "text\n".to_owned()));
}

#[tokio::test]
async fn a_crash_before_the_move_leaves_it_to_the_next_engine() {
    let local = Local::new();
    let (executor, run) = local.worked().await;
    assert!(executor.keep(run, 1).await.unwrap());
    let scope = local.adopting(run);
    fs::create_dir_all(local.run_folder(scope.run).join("steps")).unwrap();
    let fresh = local.local();
    fresh.prepare(&scope).await.unwrap();
    assert_eq!(names(&local.run_folder(scope.run).join("workspace-1")), ["file"]);
}

#[tokio::test]
async fn a_crash_after_the_move_changes_nothing_and_the_rest_is_removed() {
    let local = Local::new();
    let (executor, run) = local.worked().await;
    assert!(executor.keep(run, 1).await.unwrap());
    let scope = local.adopting(run);
    let new = local.run_folder(scope.run);
    fs::create_dir_all(new.join("steps")).unwrap();
    fs::rename(local.run_folder(run).join("workspace-1"), new.join("workspace-1")).unwrap();
    local.local().prepare(&scope).await.unwrap();
    assert_eq!(names(&new.join("workspace-1")), ["file"]);
    assert!(!local.run_folder(run).exists());
}

#[tokio::test]
async fn a_second_run_that_wants_it_too_is_told_where_it_was() {
    let local = Local::new();
    let (executor, run) = local.worked().await;
    assert!(executor.keep(run, 1).await.unwrap());
    executor.prepare(&local.adopting(run)).await.unwrap();
    let late = local.adopting(run);
    let error = executor.prepare(&late).await.unwrap_err();
    assert!(matches!(&error, ExecutorError::WorkspaceLost { run: lost, .. } if *lost == run), "{error:?}");
    assert!(error.to_string().contains("workspace-1"), "{error}");
    assert!(!local.run_folder(late.run).exists(), "nothing was made");
}
