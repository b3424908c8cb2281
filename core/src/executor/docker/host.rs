//! A container of a Docker engine, as the room of containers wants it.

use std::sync::Arc;

use async_trait::async_trait;
use bollard::Docker;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::AttachContainerOptionsBuilder;
use futures::StreamExt;

use super::connect::{Connection, is_bad_request, is_conflict, is_missing};
use crate::executor::ExecutorError;
use crate::executor::container::{ContainerHost, HostError, Output, Presence, Streams};

/// What is read at once of a program's output.
const BUFFER: usize = 256 * 1024;

/// A container by its id.
#[derive(Debug)]
pub(super) struct DockerHost {
    pub(super) connection: Arc<Connection>,
    pub(super) id: String,
}

#[async_trait]
impl ContainerHost for DockerHost {
    async fn exec(&self, argv: Vec<String>) -> Result<Streams, HostError> {
        let docker = self.connection.docker().await.map_err(HostError::Unreachable)?;
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv),
            ..CreateExecOptions::default()
        };
        let exec = docker.create_exec(&self.id, options).await.map_err(|error| self.told(error))?;
        let options = StartExecOptions { output_capacity: Some(BUFFER), ..StartExecOptions::default() };
        match docker.start_exec(&exec.id, Some(options)).await.map_err(|error| self.told(error))? {
            StartExecResults::Attached { output, input } => Ok(Streams { input, output: output.map(piece).boxed() }),
            StartExecResults::Detached => Err(HostError::Unreachable(ExecutorError::Infrastructure {
                code: "dockerRefused",
                message: "the Docker engine started a program without its streams".to_owned(),
                advice: "see the log of the Docker engine".to_owned(),
            })),
        }
    }

    async fn look(&self) -> Result<Presence, HostError> {
        let docker = self.connection.docker().await.map_err(HostError::Unreachable)?;
        match docker.inspect_container(&self.id, None).await {
            Ok(found) => {
                let state = found.state.unwrap_or_default();
                if state.running == Some(true) {
                    return Ok(Presence::There);
                }
                let memory = if state.oom_killed == Some(true) { ", out of memory" } else { "" };
                let code = state.exit_code.unwrap_or_default();
                Ok(Presence::Gone(format!("its container was stopped (exit code {code}{memory})")))
            }
            Err(error) if is_missing(&error) => Ok(Presence::Gone("its container was removed".to_owned())),
            Err(error) => Err(HostError::Unreachable(self.connection.error("looking at the container", error))),
        }
    }
}

/// The standard streams of a container that was not started yet; `None` when they cannot be had, and an exec does instead.
pub(super) async fn attach(docker: &Docker, id: &str) -> Option<Streams> {
    let options = AttachContainerOptionsBuilder::new().stream(true).stdin(true).stdout(true).stderr(true).build();
    match docker.attach_container(id, Some(options)).await {
        Ok(AttachContainerResults { output, input }) => Some(Streams { input, output: output.map(piece).boxed() }),
        Err(error) => {
            tracing::debug!(%error, "the streams of a container cannot be attached");
            None
        }
    }
}

fn piece(piece: Result<LogOutput, bollard::errors::Error>) -> std::io::Result<Output> {
    match piece {
        Ok(LogOutput::StdErr { message }) => Ok(Output::Err(message)),
        Ok(other) => Ok(Output::Out(other.into_bytes())),
        Err(error) => Err(std::io::Error::other(error)),
    }
}

impl DockerHost {
    /// A container that is missing or stopped is gone; a paused one is not.
    fn told(&self, error: bollard::errors::Error) -> HostError {
        if is_missing(&error) {
            return HostError::Gone("its container was removed".to_owned());
        }
        let stopped = is_conflict(&error) && error.to_string().contains("is not running");
        if stopped {
            return HostError::Gone("its container was stopped".to_owned());
        }
        let refused = is_bad_request(&error);
        let error = self.connection.error("starting a program in the container", error);
        if refused { HostError::Refused(error) } else { HostError::Unreachable(error) }
    }
}
