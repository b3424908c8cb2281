//! An executor of one's own: steps run in a clean room, where nothing of the host's environment reaches them.
//!
//! [`SimpleExecutor`] asks for one function; [`Simple`] adds start tokens, logs, workspaces and stops. A remote host or a
//! batch system is the same: send the script there, pass on what comes back, say how it ended.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use windlass::clock::SystemClock;
use windlass::executor::{self, ExecutorError, Simple, SimpleExecutor, StepContext, StepSpec};
use windlass::run::StepEnd;
use windlass::{Engine, Pipeline, RunRequest, Stage, Task};

/// Runs steps with `sh`, in an environment that holds what the pipeline gives and three variables more.
#[derive(Debug)]
struct CleanRoom;

#[async_trait]
impl SimpleExecutor for CleanRoom {
    async fn run(&self, step: StepSpec, context: StepContext) -> Result<StepEnd, ExecutorError> {
        let output = tempfile::NamedTempFile::new().map_err(failed("making the file for outputs"))?;
        let (sender, mut receiver) = pipe::pipe().map_err(failed("making a pipe"))?;
        let mut child = start(&step, &context, output.path(), sender).map_err(failed("starting the step"))?;
        let mut group = Group::of(&child);

        // Both outputs of the step come through one pipe, in the order in which they were written.
        let mut buffer = vec![0; 64 * 1024];
        let mut asked_to_end = false;
        loop {
            tokio::select! {
                length = receiver.read(&mut buffer) => match length.map_err(failed("reading the step's output"))? {
                    0 => break,
                    length => context.log(&buffer[..length])?,
                },
                () = context.cancelled(), if !asked_to_end => {
                    asked_to_end = true;
                    group.signal(Signal::SIGTERM);
                }
            }
        }
        let status = child.wait().await.map_err(failed("waiting for the step"))?;
        group.has_ended();
        // A step may remove the file; then it hands on nothing.
        context.set_output(std::fs::read(output.path()).unwrap_or_default());
        Ok(end_of(status))
    }
}

/// The processes of a step. They are killed when the engine waits for the step no longer and drops the call.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        // They may have ended by themselves a moment before.
        let _ = self.0.map(|group| killpg(group, signal));
    }

    /// From here on the number may belong to somebody else.
    fn has_ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// Starts the step in a process group of its own.
fn start(step: &StepSpec, context: &StepContext, output: &Path, log: pipe::Sender) -> std::io::Result<Child> {
    let (program, arguments): (&str, Vec<&OsStr>) = match &step.command {
        executor::Command::Script { text, .. } => ("/bin/sh", vec!["-ec".as_ref(), text.as_ref()]),
        executor::Command::Program { argv } => (&argv[0], argv[1..].iter().map(AsRef::as_ref).collect()),
    };
    let log = log.into_blocking_fd()?;
    Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .envs(&step.env)
        .envs(context.secret_env())
        .env("WORKSPACE", context.workspace())
        .env("WINDLASS_OUTPUT", output)
        .current_dir(context.workspace())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
}

fn end_of(status: ExitStatus) -> StepEnd {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => StepEnd::Code(code),
        (None, signal) => StepEnd::Signal(signal.unwrap_or_default()),
    }
}

fn failed(doing: &str) -> impl FnOnce(std::io::Error) -> ExecutorError {
    move |source| ExecutorError::Io { doing: doing.to_owned(), source }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let data_dir = std::env::args().nth(1).unwrap_or_else(|| ".windlass".to_owned());
    // Beside the data directory, which belongs to the engine alone.
    let state = format!("{data_dir}-clean-room");
    let clean_room = Simple::new(CleanRoom, state, Arc::new(SystemClock::resume(None)))?;
    let engine = Engine::builder().data_dir(data_dir).executor("clean-room", clean_room).open().await?;

    let count = "echo \"COUNT=$(env | wc -l)\" >> \"$WINDLASS_OUTPUT\"";
    let pipeline = Pipeline::builder("clean")
        .executor("clean-room")
        .stage(
            Stage::sequential("Look")
                .task(Task::script("look", "env | sort; echo 'made here' > file"))
                .task(Task::script("count", count).output("COUNT"))
                .task(Task::script("tell", "cat file; echo \"$SEEN variables\"").env("SEEN", "${count.COUNT}")),
        )
        .build()?;
    let run = engine.start(&pipeline, RunRequest::manual()).await?;
    let outcome = run.wait().await?;
    for task in ["look", "tell"] {
        print!("{}", String::from_utf8_lossy(&run.logs(task).await?));
    }
    engine.close().await?;
    Ok(if outcome.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The promises that every executor makes, as the library tests them; those left out are about capabilities that this one
/// does not claim, or about shells other than `sh`.
#[cfg(test)]
mod tests {
    use windlass::clock::SharedClock;
    use windlass::executor::Executor;
    use windlass::testing::executor_conformance::Factory;

    use super::*;

    #[derive(Debug)]
    struct Folder(tempfile::TempDir, SharedClock);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap(), Arc::new(SystemClock::resume(None)))
        }
    }

    impl Factory for Folder {
        fn executor(&self) -> Arc<dyn Executor> {
            Arc::new(Simple::new(CleanRoom, self.0.path(), self.1.clone()).unwrap())
        }

        fn clock(&self) -> SharedClock {
            self.1.clone()
        }
    }

    windlass::executor_conformance!(Folder::new();
        exit_codes, signals, arguments_reach_the_program, secrets_reach_the_step, secret_files_go_with_the_step, standard_input_is_empty, output_order, offsets, growing,
        awkward_bytes, long_line, much_output, early_first_byte, forgotten, started_once, started_again_after_the_end,
        parallel_steps, ended_long_ago, unknown_step, graceful_stop, stop_before_start, shared_workspace,
        isolated_workspaces, own_empty_workspace, outputs, source_is_copied, lost_workspace, files_in_and_out,
        archives_cannot_leave, paths_cannot_leave, links_cannot_lead_out, released_runs, swept_runs
    );
}
