//! Steps that are processes: the whole contract.

use std::process::Stdio;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::*;
use crate::clock::SharedClock;
use crate::executor::local::test_clock;
use crate::executor::{Command, Executor};
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
            .map_err(crate::executor::error::io("starting a process"))?;
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
