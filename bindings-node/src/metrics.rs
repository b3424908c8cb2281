//! The metrics of all engines of this process.

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use windlass::telemetry::Metrics;

use crate::error::guarded_now;

/// Metrics as text.
#[napi]
pub struct NativeMetrics {
    metrics: Metrics,
}

/// Records metrics from now on.
#[napi]
pub fn record_metrics() -> Result<NativeMetrics> {
    guarded_now("metrics", || Ok(NativeMetrics { metrics: Metrics::listen()? }))
}

#[napi]
impl NativeMetrics {
    /// All of them.
    #[napi]
    pub fn text(&self) -> Result<String> {
        guarded_now("metrics", || Ok(self.metrics.text()))
    }
}
