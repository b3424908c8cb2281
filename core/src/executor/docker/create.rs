//! Containers made, started, looked at and listed.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, NetworkConnectRequest};
use bollard::query_parameters::{CreateContainerOptionsBuilder, ListContainersOptionsBuilder};

use super::Shared;
use super::connect::{is_conflict, is_missing};
use super::host::attach;
use super::names::{KIND, Kind};
use crate::executor::ExecutorError;
use crate::executor::container::Streams;
use crate::run::RunId;

/// How often a container is made anew that another instance removes or makes at the same time.
const TRIES: u32 = 20;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// A container that is to run.
pub(super) struct Draft<'a> {
    /// The run whose it is.
    pub(super) run: RunId,
    pub(super) name: &'a str,
    pub(super) body: ContainerCreateBody,
    pub(super) platform: Option<&'a str>,
    /// What it joins beside the network in its body.
    pub(super) networks: &'a [String],
    /// Whether its standard streams are wanted.
    pub(super) attended: bool,
}

/// A container that runs.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) id: String,
    /// Its standard streams, when they were wanted and it was started here and now.
    pub(super) streams: Option<Streams>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(run: RunId, name: &'a str, body: ContainerCreateBody) -> Self {
        Self { run, name, body, platform: None, networks: &[], attended: false }
    }
}

impl Shared {
    /// A running container of this name, which is made unless it is there.
    pub(super) async fn run_container(&self, draft: &Draft<'_>) -> Result<Started, ExecutorError> {
        let docker = self.connection.docker().await?;
        let platform = draft.platform.unwrap_or_default();
        let options = CreateContainerOptionsBuilder::new().name(draft.name).platform(platform).build();
        let live = self.run(draft.run);
        for _ in 0..TRIES {
            // The usual case first: there is none yet.
            let (docker, options, body) = (docker.clone(), options.clone(), draft.body.clone());
            match live.make(async move { docker.create_container(Some(options), body).await }).await {
                Ok(made) => {
                    if let Some(started) = self.started(made.id, draft).await? {
                        return Ok(started);
                    }
                }
                Err(error) if is_conflict(&error) => {
                    if let Some(running) = self.running(draft).await? {
                        return Ok(running);
                    }
                }
                Err(error) => return Err(self.not_made(&draft.body, error)),
            }
            self.clock.sleep_until(self.clock.now().elapsed + PAUSE).await;
        }
        Err(ExecutorError::Infrastructure {
            code: "dockerRefused",
            message: format!("the container {} is removed or made by somebody else again and again", draft.name),
            advice: "look who else works with it".to_owned(),
        })
    }

    /// The container of this name, when it runs or can be started. One that has ended is removed.
    async fn running(&self, draft: &Draft<'_>) -> Result<Option<Started>, ExecutorError> {
        use bollard::models::ContainerStateStatusEnum as Status;
        let docker = self.connection.docker().await?;
        let found = match docker.inspect_container(draft.name, None).await {
            Ok(found) => found,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(self.connection.error("looking for a container", error)),
        };
        let id = found.id.unwrap_or_default();
        match found.state.and_then(|state| state.status) {
            Some(Status::RUNNING | Status::PAUSED) => Ok(Some(Started { id, streams: None })),
            Some(Status::CREATED) => self.started(id, draft).await,
            _ => self.remove_container(&id).await.map(|()| None),
        }
    }

    /// Starts a container; `None` when it went meanwhile.
    async fn started(&self, id: String, draft: &Draft<'_>) -> Result<Option<Started>, ExecutorError> {
        for network in draft.networks {
            match self.joined(&id, network).await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return self.remove_container(&id).await.and(Err(error)),
            }
        }
        let docker = self.connection.docker().await?;
        let streams = if draft.attended { attach(docker, &id).await } else { None };
        match docker.start_container(&id, None).await {
            Ok(()) => Ok(Some(Started { id, streams })),
            Err(error) => match missing_network(&error) {
                None if is_missing(&error) || is_conflict(&error) => Ok(None),
                None => {
                    let error = self.connection.error("starting a container", error);
                    self.remove_container(&id).await.and(Err(error))
                }
                Some(error) => self.remove_container(&id).await.and(Err(error)),
            },
        }
    }

    /// Joins a further network, since older engines take only one when a container is made; false when the container went. Of a
    /// network that is not there some engines tell only at the start.
    async fn joined(&self, id: &str, network: &str) -> Result<bool, ExecutorError> {
        let docker = self.connection.docker().await?;
        let request = NetworkConnectRequest { container: id.to_owned(), ..NetworkConnectRequest::default() };
        let Err(error) = docker.connect_network(network, request).await else { return Ok(true) };
        if error.to_string().contains("already exists in network") {
            // Another instance made it, and got as far as this.
            return Ok(true);
        }
        match missing_network(&error) {
            Some(error) => Err(error),
            None if is_missing(&error) => Ok(false),
            None => Err(self.connection.error(&format!("joining the network {network}"), error)),
        }
    }

    fn not_made(&self, body: &ContainerCreateBody, error: bollard::errors::Error) -> ExecutorError {
        let image = body.image.as_deref().unwrap_or_default();
        let message = error.to_string();
        if message.contains("does not match the specified platform") {
            return super::image::wrong_platform(image, &message);
        }
        self.connection.error(&format!("making a container of the image {image}"), error)
    }

    pub(super) async fn is_running(&self, id: &str) -> Result<bool, ExecutorError> {
        let docker = self.connection.docker().await?;
        match docker.inspect_container(id, None).await {
            Ok(found) => Ok(found.state.and_then(|state| state.running) == Some(true)),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(self.connection.error("looking at a container", error)),
        }
    }

    /// The ids of the run's containers, running or not.
    pub(super) async fn containers_of(&self, run: RunId) -> Result<Vec<String>, ExecutorError> {
        let found = self.containers(self.names()?.filter(Some(run))).await?;
        Ok(found.into_iter().map(|found| found.id).collect())
    }

    /// The services of the run that have this label, in the order of their names.
    pub(super) async fn services_with(&self, run: RunId, label: &str) -> Result<Vec<Found>, ExecutorError> {
        let mut filters = self.names()?.filter(Some(run));
        let labels = filters.entry("label".to_owned()).or_default();
        labels.extend([format!("{KIND}={}", Kind::Service.word()), label.to_owned()]);
        let mut found = self.containers(filters).await?;
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    async fn containers(&self, filters: HashMap<String, Vec<String>>) -> Result<Vec<Found>, ExecutorError> {
        let docker = self.connection.docker().await?;
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let found = docker.list_containers(Some(options)).await;
        let found = found.map_err(|error| self.connection.error("listing the run's containers", error))?;
        let found = found.into_iter().filter_map(|container| {
            let name = container.names.unwrap_or_default().into_iter().next().unwrap_or_default();
            Some(Found { id: container.id?, name, labels: container.labels.unwrap_or_default() })
        });
        Ok(found.collect())
    }
}

/// Whether what is missing is a network, and not the container.
fn missing_network(error: &bollard::errors::Error) -> Option<ExecutorError> {
    let bollard::errors::Error::DockerResponseServerError { status_code: 404, message } = error else { return None };
    let lower = message.to_ascii_lowercase();
    (lower.contains("network") && lower.contains("not found")).then(|| ExecutorError::BadStep {
        code: "networkNotFound",
        message: format!("the Docker engine does not have a network that the task names: {}", message.trim()),
        advice: "look whether the name is right, or make the network with `docker network create`".to_owned(),
    })
}

/// A container of ours that was found.
pub(super) struct Found {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) labels: HashMap<String, String>,
}
