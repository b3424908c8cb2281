//! Steps of the run that run where other states are: what this container keeps of them.

use futures::StreamExt;
use tokio::io::AsyncWriteExt;

use super::host::{Output, Streams};
use super::invocation::escaped;
use super::protocol::Notice;
use super::{Container, Inner, Took, infrastructure, odd_answer};
use crate::executor::shell::quoted;
use crate::executor::{ExecutorError, StepExit};
use crate::run::StepKey;

impl Container {
    /// Takes the step's token here for the container of this name, which has states of its own.
    pub(in crate::executor) async fn assign(&self, key: &StepKey, name: &str) -> Result<Took, ExecutorError> {
        self.take(&key.slug(), &format!("taken\n0 0 {name}.")).await
    }

    /// Writes down that something with the step is done. False when it was already.
    pub(in crate::executor) async fn mark(&self, key: &StepKey, what: &str) -> Result<bool, ExecutorError> {
        Ok(self.take(&format!("{}.{what}", key.slug()), "done").await? == Took::Started)
    }

    /// Whether that was written down.
    pub(in crate::executor) async fn is_marked(&self, key: &StepKey, what: &str) -> Result<bool, ExecutorError> {
        let slug = key.slug();
        match self.inner.ask(|_| |id| format!("probe {id} {slug}.{what}\n")).await? {
            (_, Notice::State(_, state)) => Ok(state != super::State::None),
            _ => Err(odd_answer()),
        }
    }

    async fn take(&self, slug: &str, lines: &str) -> Result<Took, ExecutorError> {
        let lines = quoted(lines);
        match self.inner.ask(|_| |id| format!("assign {id} {slug} {lines}\n")).await? {
            (_, Notice::Began(_)) => Ok(Took::Started),
            (_, Notice::Taken(_)) => Ok(Took::Taken),
            _ => Err(odd_answer()),
        }
    }

    /// Keeps here how a step ended that was assigned elsewhere. Not to be repeated once it was done.
    pub(in crate::executor) async fn settle(&self, key: &StepKey, exit: &StepExit) -> Result<(), ExecutorError> {
        let slug = key.slug();
        let (oom, has_output) = (exit.end == crate::run::StepEnd::OutOfMemory, !exit.output.is_empty());
        let lines =
            format!("{}\n{} {} {}.", exit.end.exit_code(), exit.log_length, u8::from(oom), u8::from(has_output));
        let output = escaped(&exit.output);
        let text = |id| format!("settle {id} {slug} {} {output}\n", quoted(&lines));
        self.inner.ask(|_| text).await.map(drop)
    }

    /// Under which it is written down that a snapshot was taken.
    pub(in crate::executor) const SNAPSHOT: &str = "before";

    /// Writes down which files are in the workspace before the step.
    pub(in crate::executor) async fn snapshot(&self, key: &StepKey) -> Result<(), ExecutorError> {
        let list = self.list(key);
        let workspace = quoted(&self.inner.place.workspace);
        self.execute(self.shell(&format!("cd {workspace} && $b find . >{list}"))).await?;
        self.mark(key, Self::SNAPSHOT).await.map(drop)
    }

    /// The files that were there before the step and are not any more, one a line. Names with line breaks are left out.
    pub(in crate::executor) async fn removed_since(&self, key: &StepKey) -> Result<Vec<u8>, ExecutorError> {
        let list = self.list(key);
        let workspace = quoted(&self.inner.place.workspace);
        let missing = "NR == FNR { here[$0] = 1; next } !($0 in here)";
        self.run_program(self.shell(&format!("cd {workspace} && $b find . | $b awk '{missing}' - {list}")), &[]).await
    }

    fn list(&self, key: &StepKey) -> String {
        quoted(&format!("{}/{}.files", self.inner.place.states, key.slug()))
    }

    /// Removes files of the workspace, as [`removed_since`](Self::removed_since) names them.
    pub(in crate::executor) async fn remove_files(&self, names: Vec<u8>) -> Result<(), ExecutorError> {
        if names.is_empty() {
            return Ok(());
        }
        let workspace = quoted(&self.inner.place.workspace);
        let text = format!(
            "cd {workspace} || exit 1
while IFS= read -r one && [ -n \"$one\" ]; do
  case $one in */../*|*/..|[!.]*) continue ;; esac
  $b rm -rf \"$one\"
done"
        );
        let mut lines = names;
        lines.push(b'\n');
        self.run_program(self.shell(&text), &lines).await.map(drop)
    }

    fn shell(&self, text: &str) -> Vec<String> {
        let busybox = &self.inner.place.busybox;
        vec![busybox.clone(), "sh".to_owned(), "-c".to_owned(), format!("b={}\n{text}", quoted(busybox))]
    }

    /// Runs a program of ours to its end. What it complains about is the error.
    pub(in crate::executor) async fn execute(&self, argv: Vec<String>) -> Result<(), ExecutorError> {
        self.run_program(argv, &[]).await.map(drop)
    }

    /// The same with something to read, and what it writes.
    async fn run_program(&self, argv: Vec<String>, given: &[u8]) -> Result<Vec<u8>, ExecutorError> {
        let Streams { mut input, mut output } = self.inner.host.exec(argv).await.map_err(Inner::told)?;
        let (mut written, mut complaints) = (Vec::new(), Vec::new());
        let give = async {
            // A program that does not read to the end says why.
            let _ = input.write_all(given).await;
            let _ = input.shutdown().await;
            drop(input);
        };
        let listen = async {
            while let Some(Ok(piece)) = output.next().await {
                match piece {
                    Output::Out(bytes) => written.extend_from_slice(&bytes),
                    Output::Err(bytes) => complaints.extend_from_slice(&bytes),
                }
            }
        };
        futures::join!(give, listen);
        if complaints.is_empty() {
            return Ok(written);
        }
        let why = String::from_utf8_lossy(&complaints).trim().to_owned();
        Err(infrastructure("helperFailed", format!("a program of the helper failed: {why}"), "see what it says"))
    }
}
