//! Metrics as text, in the form that Prometheus and its like fetch.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use crate::error::{Error, ErrorKind, Result};

/// The bounds in which durations are counted, in seconds: from a step that does nothing to a day.
const SECONDS: [f64; 12] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0];

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// The metrics of all engines of this process, as text. A portal gives it out under an address of its own, such as `/metrics`.
///
/// ```
/// # fn main() -> windlass::Result<()> {
/// let metrics = windlass::telemetry::Metrics::listen()?; // before the engine is opened
/// let page = metrics.text();
/// # assert_eq!(page, "");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Records metrics from now on. What was opened before is not told later. Again in the same process it is the same.
    ///
    /// # Errors
    /// `metricsTaken` when the program has a recorder of its own for the façade `metrics`.
    pub fn listen() -> Result<Self> {
        if let Some(handle) = RECORDER.get() {
            return Ok(Self(handle.clone()));
        }
        let built = PrometheusBuilder::new().set_buckets(&SECONDS).and_then(|builder| builder.install_recorder());
        let handle = built.map_err(|error| refused(&error))?;
        Ok(Self(RECORDER.get_or_init(|| handle).clone()))
    }

    /// All of them, in the text format of Prometheus. What was recorded since the last time is added up meanwhile.
    pub fn text(&self) -> String {
        self.0.render()
    }
}

fn refused(error: &BuildError) -> Error {
    let message = format!("metrics cannot be recorded, since this program records them by itself: {error}");
    Error::new(ErrorKind::Conflict, "metricsTaken", "metrics", message)
}
