//! The Docker engine of the environment: whether steps can run in its containers.

use std::sync::Arc;

use super::Check;
use crate::clock::SystemClock;
use crate::executor::{DockerEndpoint, DockerExecutor, ExecutorError};

/// Asks the engine for its version. A machine without one is in order: steps run elsewhere.
pub(super) async fn look() -> Check {
    let clock = Arc::new(SystemClock::resume(None));
    match DockerExecutor::new(DockerEndpoint::Environment, "doctor", clock).check().await {
        Ok(found) => Check::fine("docker", found),
        Err(ExecutorError::Infrastructure { message, advice, .. } | ExecutorError::BadStep { message, advice, .. }) => {
            Check::warning("docker", message, advice)
        }
        Err(error) => Check::warning("docker", error, "steps on the docker executor cannot run"),
    }
}
