//! Containers beside a step: made, waited for, and removed with it.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::models::{ContainerState, HealthStatusEnum};
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;

use super::Shared;
use super::convert::{self, Site};
use super::names::STEP;
use super::shape::Shape;
use crate::executor::{ExecutorError, StepService, StepSpec};
use crate::pipeline::{HumanDuration, PullPolicy};
use crate::run::StepKey;

/// How long a service may take to be ready unless it says otherwise.
const READY: Duration = Duration::from_secs(120);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// How much of its log is told of a service that is not ready.
const LINES: &str = "20";

impl Shared {
    /// Makes the step's services beside its container, and returns when all are ready.
    pub(super) async fn services(
        &self,
        site: &Site<'_>,
        step: &StepSpec,
        shape: &Shape,
        beside: &str,
    ) -> Result<(), ExecutorError> {
        let mut made = Vec::new();
        for (at, service) in step.container.services.iter().enumerate() {
            self.image(&service.image, None, PullPolicy::Missing, || ()).await?;
            let name = site.names.service(step.key.run, &shape.word(), at);
            let body = convert::service(site, shape, service, beside);
            made.push((service, self.run_container(&name, body, None).await?));
        }
        for (service, id) in made {
            self.ready(service, &id).await?;
        }
        Ok(())
    }

    async fn ready(&self, service: &StepService, id: &str) -> Result<(), ExecutorError> {
        let limit = service.health.as_ref().and_then(|health| health.timeout).map_or(READY, HumanDuration::get);
        let deadline = self.clock.now().elapsed + limit;
        loop {
            let docker = self.connection.docker().await?;
            let found = docker.inspect_container(id, None).await;
            let found = found.map_err(|error| self.connection.error("looking at a service", error))?;
            let state = found.state.unwrap_or_default();
            match readiness(&state) {
                Readiness::Ready => return Ok(()),
                Readiness::Ended => {
                    let why = format!("it ended with exit code {}", state.exit_code.unwrap_or_default());
                    return Err(self.not_ready(service, id, &why).await);
                }
                Readiness::NotYet if self.clock.now().elapsed >= deadline => {
                    return Err(self.not_ready(service, id, &format!("it was not after {} s", limit.as_secs())).await);
                }
                Readiness::NotYet => self.clock.sleep_until(self.clock.now().elapsed + PAUSE).await,
            }
        }
    }

    async fn not_ready(&self, service: &StepService, id: &str, why: &str) -> ExecutorError {
        let log = self.last_words(id).await;
        ExecutorError::BadStep {
            code: "serviceNotReady",
            message: format!(
                "the service {} of the image {} is not ready: {why}. Its log: {log}",
                service.name, service.image
            ),
            advice: "look at its log, its environment and its health check".to_owned(),
        }
    }

    async fn last_words(&self, id: &str) -> String {
        let Ok(docker) = self.connection.docker().await else { return String::new() };
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(LINES).build();
        let pieces: Vec<_> = docker.logs(id, Some(options)).collect().await;
        pieces.into_iter().filter_map(Result::ok).map(|piece: LogOutput| piece.to_string()).collect()
    }

    /// Removes the services of a step that has ended.
    pub(super) async fn end_services(&self, step: &StepKey) -> Result<(), ExecutorError> {
        if !self.run(step.run).take_served(step) {
            return Ok(());
        }
        let label = format!("{STEP}={}", step.slug());
        let services = self.labelled(step.run, &label).await?;
        super::all(services, |id| async move { self.remove_container(&id).await }).await
    }
}

enum Readiness {
    Ready,
    NotYet,
    Ended,
}

fn readiness(state: &ContainerState) -> Readiness {
    if state.running != Some(true) {
        return Readiness::Ended;
    }
    match state.health.as_ref().and_then(|health| health.status) {
        None | Some(HealthStatusEnum::EMPTY | HealthStatusEnum::NONE | HealthStatusEnum::HEALTHY) => Readiness::Ready,
        Some(HealthStatusEnum::STARTING | HealthStatusEnum::UNHEALTHY) => Readiness::NotYet,
    }
}
