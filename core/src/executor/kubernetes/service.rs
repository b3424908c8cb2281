//! Containers beside a step. Pure.

use k8s_openapi::api::core::v1::{ExecAction, Probe};

use crate::pipeline::{HealthCheck, HumanDuration};

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
