//! Executors as an embedder gives them, and those that are there without a word.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "docker")]
use super::DOCKER;
#[cfg(feature = "kubernetes")]
use super::KUBERNETES;
use super::LOCAL;
use crate::clock::SharedClock;
use crate::engine::executors::Executors;
#[cfg(feature = "kubernetes")]
use crate::engine::executors::over_clusters;
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "docker")]
use crate::executor::{DockerEndpoint, DockerExecutor, HelperImage};
use crate::executor::{Executor, ExecutorError, LocalExecutor};
#[cfg(feature = "kubernetes")]
use crate::executor::{KubernetesExecutor, PodSettings};
use crate::pipeline::ExecutorName;
use crate::store::DataDir;

/// An executor as the embedder gives it.
pub(super) enum Given {
    /// As it is.
    Ready(Arc<dyn Executor>),
    /// One that gets a folder in the data directory and the engine's clock when the engine is opened.
    Later(Box<MakeExecutor>),
    /// One over a cluster that the engine keeps.
    #[cfg(feature = "kubernetes")]
    Cluster(ClusterPods),
}

/// Pods of a cluster, by its name or the only one, and what is set about them.
#[cfg(feature = "kubernetes")]
pub(super) struct ClusterPods {
    pub(super) cluster: Option<String>,
    pub(super) set_up: Box<SetUpPods>,
}

#[cfg(feature = "kubernetes")]
pub(super) type SetUpPods = dyn FnOnce(KubernetesExecutor) -> KubernetesExecutor + Send + Sync;

#[cfg(feature = "kubernetes")]
impl ClusterPods {
    /// Those of an engine that was told of no executors.
    fn plain(cluster: Option<String>) -> Given {
        let set_up = Box::new(|pods: KubernetesExecutor| pods.pods(PodSettings::of_environment()));
        Given::Cluster(Self { cluster, set_up })
    }
}

/// What executors are made of when the engine is opened.
pub(super) struct Makings<'a> {
    pub(super) data_dir: &'a DataDir,
    pub(super) clock: &'a SharedClock,
    #[cfg(feature = "kubernetes")]
    pub(super) clusters: &'a Arc<crate::engine::clusters::ClusterBook>,
}

pub(super) type MakeExecutor = dyn FnOnce(&Path, SharedClock) -> Result<Arc<dyn Executor>, ExecutorError> + Send + Sync;

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(executor) => executor.fmt(f),
            Self::Later(_) => f.write_str("Later"),
            #[cfg(feature = "kubernetes")]
            Self::Cluster(pods) => f.debug_tuple("Cluster").field(&pods.cluster).finish(),
        }
    }
}

impl Given {
    /// The executor of this name in a data directory.
    fn make(self, name: &str, of: &Makings<'_>) -> Result<Arc<dyn Executor>> {
        let folder = of.data_dir.executor_state(executor_name(name)?.as_str());
        Ok(match self {
            Self::Ready(executor) => executor,
            Self::Later(make) => make(&folder, of.clock.clone())?,
            #[cfg(feature = "kubernetes")]
            Self::Cluster(ClusterPods { cluster, set_up }) => {
                let installation = folder.join("installation");
                let clock = of.clock.clone();
                Arc::new(set_up(KubernetesExecutor::kept_in(of.clusters.clone(), cluster, installation, clock)))
            }
        })
    }
}

/// Nothing is asked of the Docker engine before a run wants it.
#[cfg(feature = "docker")]
fn docker(data_dir: &DataDir, clock: &SharedClock) -> DockerExecutor {
    let installation = data_dir.executor_state(DOCKER).join("installation");
    DockerExecutor::kept_in(DockerEndpoint::Environment, installation, clock.clone())
        .helper(HelperImage::of_environment())
}

fn executor_name(name: &str) -> Result<ExecutorName> {
    ExecutorName::new(name).map_err(|error| Error::new(ErrorKind::Invalid, "invalidName", "open", error.to_string()))
}

/// The executors by name.
fn named(executors: Vec<(String, Given)>, makings: &Makings<'_>) -> Result<BTreeMap<ExecutorName, Arc<dyn Executor>>> {
    let named = executors.into_iter();
    named.map(|(name, given)| Ok((executor_name(&name)?, given.make(&name, makings)?))).collect()
}

impl Makings<'_> {
    /// The executors of an engine, and the name of the one that runs have which name none. Without any that the embedder gave, those
    /// that are always there.
    pub(super) fn executors(
        &self,
        mut given: Vec<(String, Given)>,
        default: Option<String>,
        pass_env: &[String],
    ) -> Result<(Executors, ExecutorName)> {
        #[cfg(feature = "kubernetes")]
        let of_cluster = given.is_empty().then(|| over_clusters(self.data_dir, self.clock, self.clusters));
        #[cfg(not(feature = "kubernetes"))]
        let of_cluster = None;
        // On Windows a run that names no executor is told that this one is not there, rather than given another one.
        let first = given.first().map_or(LOCAL, |(name, _)| name).to_owned();
        if given.is_empty() {
            given = self.without_a_word(pass_env)?;
        }
        let default = executor_name(default.as_deref().unwrap_or(&first))?;
        Ok((Executors::new(named(given, self)?, of_cluster), default))
    }

    fn without_a_word(&self, pass_env: &[String]) -> Result<Vec<(String, Given)>> {
        let local = LocalExecutor::inheriting(self.data_dir.executor_state(LOCAL), self.clock.clone(), pass_env);
        let local = match local {
            // An engine is of use without it, for example over containers.
            Err(ExecutorError::Unsupported { .. }) if cfg!(not(unix)) => None,
            made => Some((LOCAL.to_owned(), Given::Ready(Arc::new(made?) as Arc<dyn Executor>))),
        };
        let others: Vec<(String, Given)> = vec![
            #[cfg(feature = "docker")]
            (DOCKER.to_owned(), Given::Ready(Arc::new(docker(self.data_dir, self.clock)))),
            #[cfg(feature = "kubernetes")]
            (KUBERNETES.to_owned(), ClusterPods::plain(None)),
        ];
        Ok(local.into_iter().chain(others).collect())
    }
}
