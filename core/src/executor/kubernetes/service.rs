//! Containers beside a step: when they are ready, and what they said.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use futures::{AsyncBufRead, AsyncBufReadExt};
use k8s_openapi::api::core::v1::{ContainerStatus, ExecAction, Pod, Probe};
use kube::api::{LogParams, Patch, PatchParams};
use serde_json::json;

use super::Shared;
use super::convert::{self, SERVICES};
use super::live::HomePod;
use super::names::{GENERATION, step_head};
use crate::executor::{ExecutorError, MAX_SERVICE_LOG, StepService};
use crate::pipeline::{HealthCheck, HumanDuration};
use crate::run::StepKey;

/// How long a service may take to be ready unless it says otherwise.
const READY: Duration = Duration::from_secs(120);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// How long services get to end once their step has.
const GRACE: Duration = Duration::from_secs(5);
/// At a pod: the time until which is told what services said that would not end.
const UNTIL: &str = "windlass.dev/services-until";

/// How the cluster sees that a service is ready.
pub(super) fn probe(health: &HealthCheck) -> Probe {
    let command = ["sh", "-c", &health.command].map(str::to_owned).to_vec();
    let seconds = health.interval.map_or(1, |interval: HumanDuration| interval.get().as_secs().max(1));
    Probe {
        exec: Some(ExecAction { command: Some(command) }),
        period_seconds: i32::try_from(seconds).ok(),
        timeout_seconds: Some(10),
        failure_threshold: Some(3),
        ..Probe::default()
    }
}

impl Shared {
    /// Returns when a service is ready.
    pub(super) async fn ready(
        &self,
        service: &StepService,
        container: &str,
        pod: &HomePod,
    ) -> Result<(), ExecutorError> {
        let limit = service.health.as_ref().and_then(|health| health.timeout).map_or(READY, HumanDuration::get);
        let deadline = self.clock.now().elapsed + limit;
        loop {
            let found = self.pod(pod).await?;
            let statuses = found.status.and_then(|status| status.container_statuses).unwrap_or_default();
            let own = statuses.into_iter().find(|status| status.name == container);
            let over = own.as_ref().and_then(|own| own.state.as_ref()?.terminated.clone());
            let why = match (own, over) {
                (_, Some(over)) => format!("it ended with exit code {}", over.exit_code),
                (Some(own), None) if own.ready => return Ok(()),
                _ if self.clock.now().elapsed >= deadline => format!("it was not after {} s", limit.as_secs()),
                _ => {
                    self.pause(PAUSE).await;
                    continue;
                }
            };
            return Err(self.not_ready(service, (container, &pod.pod), &why).await);
        }
    }

    async fn not_ready(&self, service: &StepService, (container, pod): (&str, &str), why: &str) -> ExecutorError {
        let parameters =
            LogParams { container: Some(container.to_owned()), tail_lines: Some(20), ..LogParams::default() };
        let log = match self.way.pods().await {
            Ok(pods) => pods.logs(pod, &parameters).await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        ExecutorError::BadStep {
            code: "serviceNotReady",
            message: format!(
                "the service {} of the image {} is not ready: {why}. Its log: {log}",
                service.name, service.image
            ),
            advice: "look at its log, its environment and its health check".to_owned(),
        }
    }

    /// Ends all containers of a pod for good, and leaves the pod with their logs until the run ends.
    pub(super) async fn end_pod(&self, pod: &str) -> Result<(), ExecutorError> {
        let change = json!({"spec": {"activeDeadlineSeconds": 1}});
        match self.way.pods().await?.patch(pod, &PatchParams::default(), &Patch::Merge(change)).await {
            Err(error) if !super::reach::is_missing(&error) => {
                Err(self.way.error(&format!("ending the pod {pod}"), &error).await)
            }
            _ => Ok(()),
        }
    }

    /// Stops the services of a step, and tells what they said. Of one that takes no notice of the signal it is always told what it
    /// had said when it was asked for first.
    pub(super) async fn service_logs(&self, step: &StepKey) -> Result<Bytes, ExecutorError> {
        let Some(pod) = self.pod_of_step(step).await? else { return Ok(Bytes::new()) };
        let name = pod.metadata.name.clone().unwrap_or_default();
        self.quiet_services(step, &pod).await;
        let deadline = self.clock.now().elapsed + GRACE;
        let still_run = loop {
            let Some(now) = self.look(&name).await? else { return Ok(Bytes::new()) };
            let still_run = !running_services(&now).is_empty();
            if !still_run || self.clock.now().elapsed >= deadline {
                break still_run;
            }
            self.pause(PAUSE).await;
        };
        let annotations = pod.metadata.annotations.unwrap_or_default();
        let services: Vec<String> =
            annotations.get(SERVICES).and_then(|names| serde_json::from_str(names).ok()).unwrap_or_default();
        let mut logs = Vec::new();
        for at in 0..services.len() {
            logs.push(self.said(&name, &convert::service_name(at)).await?);
        }
        let until = match (annotations.get(UNTIL), still_run) {
            (Some(until), _) => Some(until.clone()),
            (None, false) => None,
            (None, true) => Some(self.fix_end(&name, &logs).await?),
        };
        let mut text = String::new();
        services.iter().zip(&logs).for_each(|(service, log)| log.tell(service, until.as_deref(), &mut text));
        Ok(text.into())
    }

    async fn pod_of_step(&self, step: &StepKey) -> Result<Option<Pod>, ExecutorError> {
        let found = self.pods_of(Some(step.run)).await?;
        let names = self.names()?;
        Ok(found.into_iter().find(|pod| {
            let labels = pod.metadata.labels.as_ref();
            let generation = labels.and_then(|labels| labels.get(GENERATION)?.parse().ok());
            let own = generation.map(|generation| names.step_pod(step, generation));
            own.is_some() && pod.metadata.name == own
        }))
    }

    /// Sends each service the signal to end.
    async fn quiet_services(&self, step: &StepKey, pod: &Pod) {
        let generation = pod.metadata.labels.as_ref().and_then(|labels| labels.get(GENERATION)?.parse().ok());
        let generation = generation.unwrap_or_default();
        let at = HomePod {
            run: step.run,
            generation,
            pod: pod.metadata.name.clone().unwrap_or_default(),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            kept: false,
        };
        let head = step_head(step, generation);
        let signals = running_services(pod).into_iter().map(|container| {
            let connection = self.connection(step.run, (&head, &at), &container);
            async move {
                let argv = convert::terminate();
                if let Err(error) = connection.execute(argv).await {
                    tracing::debug!(%error, "a service was not told to end");
                }
            }
        });
        futures::future::join_all(signals).await;
    }

    /// Writes down the time of what was said last, so that it is told until then for ever.
    async fn fix_end(&self, pod: &str, logs: &[Said]) -> Result<String, ExecutorError> {
        let last = logs.iter().filter_map(|log| log.lines.back()).map(|(at, _)| at.clone()).max();
        let last = last.unwrap_or_default();
        let change = json!({"metadata": {"annotations": {UNTIL: last}}});
        match self.way.pods().await?.patch(pod, &PatchParams::default(), &Patch::Merge(change)).await {
            Ok(_) => Ok(last),
            Err(error) => Err(self.way.error("writing down what the services of a step said", &error).await),
        }
    }

    async fn said(&self, pod: &str, container: &str) -> Result<Said, ExecutorError> {
        let parameters = LogParams { container: Some(container.to_owned()), timestamps: true, ..LogParams::default() };
        match self.way.pods().await?.log_stream(pod, &parameters).await {
            Ok(log) => Ok(Said::read(log).await),
            // It never ran.
            Err(error) if super::reach::status(&error).is_some() => Ok(Said::default()),
            Err(error) => Err(self.way.error("reading what a service said", &error).await),
        }
    }
}

/// The containers of services in a pod that run.
fn running_services(pod: &Pod) -> Vec<String> {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let runs = |status: &&ContainerStatus| {
        let state = status.state.as_ref();
        convert::is_service(&status.name) && state.is_some_and(|state| state.running.is_some())
    };
    statuses.filter(runs).map(|status| status.name.clone()).collect()
}

/// What a service said.
#[derive(Debug, Default)]
struct Said {
    /// Each with its time, which can be compared as text.
    lines: VecDeque<(String, String)>,
    /// Whether there were more.
    cut: bool,
}

impl Said {
    /// The last bytes of a log whose lines begin with their times.
    async fn read(log: impl AsyncBufRead) -> Self {
        let mut log = std::pin::pin!(log);
        let (mut said, mut size) = (Self::default(), 0);
        let mut line = Vec::new();
        while let Ok(1..) = log.read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line);
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let (at, text) = text.split_once(' ').unwrap_or((text, ""));
            size += text.len() + 1;
            said.lines.push_back((at.to_owned(), text.to_owned()));
            while size > MAX_SERVICE_LOG {
                let Some((_, first)) = said.lines.pop_front() else { break };
                size -= first.len() + 1;
                said.cut = true;
            }
            line.clear();
        }
        said
    }

    fn tell(&self, service: &str, until: Option<&str>, text: &mut String) {
        if self.cut {
            let _ = writeln!(text, "[{service}] … what it said before is left out");
        }
        for (_, line) in self.lines.iter().filter(|(at, _)| until.is_none_or(|until| at.as_str() <= until)) {
            let _ = writeln!(text, "[{service}] {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_service_said_later_than_that_is_left_out() {
        let log = "2026-11-29T06:31:47.1Z one\n2026-11-29T06:31:47.2Z two words\n2026-11-29T06:31:47.3Z three";
        let said = Said::read(log.as_bytes()).await;
        let told = |until| {
            let mut text = String::new();
            said.tell("db", until, &mut text);
            text
        };
        assert_eq!(told(None), "[db] one\n[db] two words\n[db] three\n");
        assert_eq!(told(Some("2026-11-29T06:31:47.2Z")), "[db] one\n[db] two words\n");
    }

    #[tokio::test]
    async fn only_the_last_megabytes_are_kept() {
        let line = format!("2026-11-29T06:31:47.1Z {}\n", "x".repeat(99_999));
        let said = Said::read(line.repeat(50).as_bytes()).await;
        assert_eq!(said.lines.len(), MAX_SERVICE_LOG / 100_000);
        let mut text = String::new();
        said.tell("db", None, &mut text);
        assert!(text.starts_with("[db] … what it said before is left out\n"), "{}", &text[..80]);
    }
}
