use std::process::Stdio;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::*;
use crate::clock::SharedClock;
use crate::executor::local::test_clock;
use crate::executor::{Command, Executor, RunScope};
use crate::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use crate::run::{RunId, StepKey};
use crate::testing::executor_conformance::Factory;

/// Runs scripts and programs in the plainest way.
#[derive(Debug)]
struct Plain;

#[async_trait]
impl SimpleExecutor for Plain {
    async fn run(&self, step: StepSpec, context: StepContext) -> Result<StepEnd, ExecutorError> {
        let argv = match &step.command {
            Command::Script { text, .. } => vec!["sh".to_owned(), "-ec".to_owned(), format!("exec 2>&1\n{text}")],
            Command::Program { argv } => argv.clone(),
        };
        let output = context.workspace().parent().unwrap().join(format!("output-{}", step.key.slug()));
        let mut child = tokio::process::Command::new(&argv[0])
            .args(&argv[1..])
            .envs(&step.env)
            .env("WORKSPACE", context.workspace())
            .env("WINDLASS_OUTPUT", &output)
            .current_dir(context.workspace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(crate::executor::local::io("starting a process"))?;
        let mut stdout = child.stdout.take().unwrap();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = tokio::select! {
                read = stdout.read(&mut buffer) => read.unwrap(),
                () = context.cancelled(), if child.id().is_some() => {
                    child.kill().await.unwrap();
                    continue;
                }
            };
            if read == 0 {
                break;
            }
            context.log(&buffer[..read])?;
        }
        let status = child.wait().await.unwrap();
        if let Ok(output) = std::fs::read(output) {
            context.set_output(output);
        }
        Ok(status.code().map_or(StepEnd::Signal(9), StepEnd::Code))
    }
}

#[derive(Debug)]
struct Folder(TempDir, SharedClock);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), test_clock())
    }
}

impl Factory for Folder {
    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(Simple::new(Plain, self.0.path(), self.1.clone()).unwrap())
    }

    fn clock(&self) -> SharedClock {
        self.1.clone()
    }
}

crate::executor_conformance!(Folder::new();
    exit_codes, arguments_reach_the_program, standard_input_is_empty, offsets, growing, awkward_bytes, long_line, much_output,
    early_first_byte, forgotten, started_once, started_again_after_the_end, parallel_steps, ended_long_ago, unknown_step,
    stop_before_start, shared_workspace, isolated_workspaces, own_empty_workspace, source_is_copied, lost_workspace,
    files_in_and_out, archives_cannot_leave, paths_cannot_leave, links_cannot_lead_out, released_runs, swept_runs,
    kept_files_are_adopted, keeping_ends_the_run, kept_again, kept_and_released, kept_and_swept, nothing_to_keep,
    adopted_again, nothing_to_adopt
);

/// Answers each task in its own way.
#[derive(Debug)]
struct Scripted;

#[async_trait]
impl SimpleExecutor for Scripted {
    async fn run(&self, step: StepSpec, context: StepContext) -> Result<StepEnd, ExecutorError> {
        context.log("ready\n")?;
        match step.key.task.as_str() {
            "polite" => {
                context.cancelled().await;
                assert!(context.is_cancelled());
                Ok(StepEnd::Code(3))
            }
            "deaf" => std::future::pending().await,
            "panics" => panic!("on purpose"),
            _ => Err(ExecutorError::Unsupported { what: "this".to_owned(), advice: "try that".to_owned() }),
        }
    }
}

async fn started(task: &str) -> (TempDir, SharedClock, Simple<Scripted>, StepKey) {
    let (folder, clock) = (tempfile::tempdir().unwrap(), test_clock());
    let executor = Simple::new(Scripted, folder.path(), clock.clone()).unwrap();
    let run = RunId::new(clock.new_id());
    executor
        .prepare(&RunScope { run, generation: 1, existing: false, source: None, adopt: None, outlines: Vec::new() })
        .await
        .unwrap();
    let key = StepKey { run, task: TaskId::new(task), attempt: 1 };
    let step = StepSpec {
        key: key.clone(),
        generation: 1,
        resumed: false,
        command: Command::Program { argv: vec!["x".to_owned()] },
        env: Default::default(),
        secrets: Default::default(),
        image: None,
        resources: Resources::default(),
        container: Default::default(),
        isolation: Isolation::Run,
        workspace: WorkspaceUse::Shared,
    };
    executor.start(&step).await.unwrap();
    (folder, clock, executor, key)
}

#[tokio::test]
async fn a_cancelled_step_ends_in_its_own_way() {
    let (_folder, _clock, executor, key) = started("polite").await;
    executor.stop(&key, std::time::Duration::from_secs(30)).await.unwrap();
    assert_eq!(executor.wait(&key).await.unwrap().end, StepEnd::Code(3));
}

#[tokio::test]
async fn a_step_that_does_not_listen_is_dropped_after_the_grace() {
    let (_folder, _clock, executor, key) = started("deaf").await;
    executor.stop(&key, std::time::Duration::from_millis(20)).await.unwrap();
    assert_eq!(executor.wait(&key).await.unwrap().end, StepEnd::Signal(9));
}

#[tokio::test]
async fn errors_and_panics_reach_who_waits() {
    let (_folder, _clock, executor, key) = started("errs").await;
    assert!(matches!(executor.wait(&key).await, Err(ExecutorError::Unsupported { .. })));
    assert!(executor.wait(&key).await.unwrap_err().to_string().contains("try that"), "the second time too");
    let (_folder, _clock, executor, key) = started("panics").await;
    assert!(matches!(executor.wait(&key).await, Err(ExecutorError::Infrastructure { code: "executorBroken", .. })));
}

#[tokio::test]
async fn after_a_crash_a_running_step_is_lost() {
    let (folder, clock, _executor, key) = started("deaf").await;
    let next = Simple::new(Scripted, folder.path(), clock).unwrap();
    assert!(matches!(next.wait(&key).await, Err(ExecutorError::Lost { .. })));
}
