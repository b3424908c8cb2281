//! Where steps run: the contract, and the executors that come with Windlass.

#[cfg(any(feature = "docker", feature = "kubernetes", test))]
#[cfg_attr(not(any(feature = "docker", feature = "kubernetes")), expect(dead_code, reason = "only tests use it"))]
mod container;
mod contract;
#[cfg(feature = "docker")]
pub(crate) mod docker;
mod error;
mod folder;
#[cfg(any(feature = "docker", feature = "kubernetes"))]
mod installation;
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(unix)]
mod local;
#[cfg(not(unix))]
#[path = "local/unsupported.rs"]
mod local;
mod pack;
#[cfg(any(feature = "docker", feature = "kubernetes"))]
mod policy;
mod secrets;
#[cfg(any(unix, feature = "docker", feature = "kubernetes", test))]
mod shell;
mod simple;
pub(crate) mod stream;

pub use contract::*;
#[cfg(feature = "docker")]
pub use docker::{DockerEndpoint, DockerExecutor, HelperImage};
pub use error::ExecutorError;
#[cfg(feature = "kubernetes")]
pub use kubernetes::{KubernetesExecutor, PodSettings};
pub use local::LocalExecutor;
#[cfg(feature = "git")]
pub(crate) use pack::pack;
#[cfg(any(feature = "docker", feature = "kubernetes"))]
pub use policy::ContainerPolicy;
pub use secrets::StepSecrets;
pub use simple::{Simple, SimpleExecutor, StepContext};
