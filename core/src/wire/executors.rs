//! The executors that come with Windlass, as data.

#[cfg(feature = "docker")]
mod docker;
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(any(feature = "docker", feature = "kubernetes"))]
mod policy;

use serde::Deserialize;

#[cfg(feature = "docker")]
pub use self::docker::{DockerOptions, EndpointOptions, ImageOptions, LoginOptions};
#[cfg(feature = "kubernetes")]
pub use self::kubernetes::KubernetesOptions;
#[cfg(any(feature = "docker", feature = "kubernetes"))]
pub use self::policy::ContainerPolicyOptions;
use crate::engine::EngineBuilder;
use crate::error::{Error, ErrorKind, Result};
use crate::executor::LocalExecutor;

/// What a [`LocalExecutor`] is told. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LocalOptions {
    /// Variables of this process that steps get. See [`LocalExecutor::inheriting`].
    pub pass_env: Vec<String>,
}

impl LocalOptions {
    /// Registers an executor that was told all of it.
    pub fn register(self, builder: EngineBuilder, name: impl Into<String>) -> EngineBuilder {
        let names = self.pass_env;
        builder.executor_with(name, move |folder, clock| LocalExecutor::inheriting(folder, clock, &names))
    }
}

/// Registers an executor that comes with Windlass by its kind: `local` with [`LocalOptions`], `docker` with `DockerOptions`,
/// `kubernetes` with `KubernetesOptions`.
///
/// # Errors
/// `badOption`; `unsupported` for a kind that this build does not have.
pub fn register_executor(
    builder: EngineBuilder,
    kind: &str,
    name: impl Into<String>,
    options: &str,
) -> Result<EngineBuilder> {
    match kind {
        "local" => Ok(super::read::<LocalOptions>(options, "open")?.register(builder, name)),
        #[cfg(feature = "docker")]
        "docker" => super::read::<DockerOptions>(options, "open")?.register(builder, name),
        #[cfg(feature = "kubernetes")]
        "kubernetes" => Ok(super::read::<KubernetesOptions>(options, "open")?.register(builder, name)),
        other => {
            let message = format!("this build of Windlass has no executor of the kind {other:?}");
            Err(Error::new(ErrorKind::Unsupported, "unsupported", "open", message))
        }
    }
}
