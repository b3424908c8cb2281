//! Containers beside a step: made, waited for, listened to, and removed with it.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::models::{ContainerState, HealthStatusEnum};
use bollard::query_parameters::{LogsOptionsBuilder, StopContainerOptionsBuilder};
use bytes::Bytes;
use futures::{StreamExt, future};

use super::Shared;
use super::convert::{self, Site};
use super::create::{Draft, Found};
use super::image::{Fetching, Wanted};
use super::live::Live;
use super::login::Logins;
use super::names::{SERVICE, STEP};
use super::shape::Shape;
use crate::executor::{ExecutorError, MAX_SERVICE_LOG, StepService, StepSpec};
use crate::pipeline::HumanDuration;
use crate::run::StepKey;

/// How long a service may take to be ready unless it says otherwise.
const READY: Duration = Duration::from_secs(120);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// How much of its log is told of a service that is not ready.
const LINES: &str = "20";
/// How many seconds a service may take to end before it is killed.
const GRACE: i32 = 5;

impl Shared {
    /// Makes the step's services beside its container, and returns when all are ready.
    pub(super) async fn services(
        &self,
        site: &Site<'_>,
        step: &StepSpec,
        shape: &Shape,
        beside: &str,
    ) -> Result<(), ExecutorError> {
        let live = self.run(step.key.run);
        let mut made = Vec::new();
        for (at, service) in step.container.services.iter().enumerate() {
            let login = Logins::named(&service.image, service.credential.as_ref(), &step.secrets)?;
            let wanted = Wanted { login, ..Wanted::missing(&service.image) };
            self.image(&wanted, &|fetching| hear(&live, &step.key, &service.image, fetching)).await?;
            let name = site.names.service(step.key.run, &shape.word(), at);
            let body = convert::service(site, shape, service, beside);
            made.push((service, self.run_container(&Draft::new(site.run, &name, body)).await?.id));
        }
        for (service, id) in made {
            let name = &service.name;
            live.waits(&step.key, "waitingForService", format!("the service {name} is not ready yet"));
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

    /// Stops the services of a step, and tells what they said. The containers stay until the run's end, so that a crash in between
    /// loses nothing.
    pub(super) async fn service_logs(&self, step: &StepKey) -> Result<Bytes, ExecutorError> {
        self.run(step.run).serve_no_longer(step);
        let docker = self.connection.docker().await?;
        let services = self.services_with(step.run, &format!("{STEP}={}", step.slug())).await?;
        future::join_all(services.iter().map(|service| async {
            let options = StopContainerOptionsBuilder::new().t(GRACE).build();
            // One that is gone has said what it had to say.
            let _ = docker.stop_container(&service.id, Some(options)).await;
        }))
        .await;
        let mut text = String::new();
        for service in services {
            text += &said(docker, &service).await;
        }
        Ok(text.into())
    }

    /// Removes the services of a step that has ended.
    pub(super) async fn end_services(&self, step: &StepKey) -> Result<(), ExecutorError> {
        if !self.run(step.run).serve_no_longer(step) {
            return Ok(());
        }
        let services = self.services_with(step.run, &format!("{STEP}={}", step.slug())).await?;
        super::all(services, |service| async move { self.remove_container(&service.id).await }).await
    }
}

/// Passes on how far the image of a container is.
pub(super) fn hear(live: &Live, step: &StepKey, image: &str, fetching: Fetching) {
    match fetching {
        Fetching::Begins => live.waits(step, "pullingImage", format!("the image {image} is fetched")),
        Fetching::Line(line) => live.say(step, line),
    }
}

/// What a service said, each line with its name before it.
async fn said(docker: &Docker, service: &Found) -> String {
    let name = service.labels.get(SERVICE).map_or("", String::as_str);
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    let mut log = docker.logs(&service.id, Some(options));
    let mut kept: VecDeque<u8> = VecDeque::new();
    let mut cut = false;
    while let Some(Ok(piece)) = log.next().await {
        kept.extend(piece.into_bytes());
        let over = kept.len().saturating_sub(MAX_SERVICE_LOG);
        cut |= over > 0;
        kept.drain(..over);
    }
    let bytes: Vec<u8> = kept.into();
    let mut text = String::new();
    if cut {
        let _ = writeln!(text, "[{name}] … what it said before is left out");
    }
    for line in String::from_utf8_lossy(&bytes).lines() {
        let _ = writeln!(text, "[{name}] {line}");
    }
    text
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
