//! The executors of an engine, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::builder::LOCAL;
#[cfg(feature = "kubernetes")]
use super::clusters::ClusterBook;
#[cfg(feature = "kubernetes")]
use crate::clock::SharedClock;
use crate::error::{Error, ErrorKind};
use crate::executor::{Executor, ExecutorError};
#[cfg(feature = "kubernetes")]
use crate::executor::{KubernetesExecutor, PodSettings};
use crate::pipeline::ExecutorName;
#[cfg(feature = "kubernetes")]
use crate::store::DataDir;

/// Names that mean another executor than a cluster of this name.
#[cfg(feature = "kubernetes")]
const RESERVED: [&str; 3] = [LOCAL, "docker", super::builder::KUBERNETES];

type Known = BTreeMap<ExecutorName, Arc<dyn Executor>>;
/// Makes the executor over a cluster; `None` for a name that is another executor's.
pub(super) type OfCluster = dyn Fn(&str) -> Option<(ExecutorName, Arc<dyn Executor>)> + Send + Sync;

/// The executors of an engine, by name.
pub(crate) struct Executors {
    known: RwLock<Known>,
    /// Unset where the embedder says itself which executors there are.
    #[cfg_attr(not(feature = "kubernetes"), expect(dead_code, reason = "only clusters make executors"))]
    of_cluster: Option<Box<OfCluster>>,
}

impl fmt::Debug for Executors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Executors").field(&self.names()).finish()
    }
}

impl Executors {
    pub(super) fn new(known: Known, of_cluster: Option<Box<OfCluster>>) -> Self {
        Self { known: RwLock::new(known), of_cluster }
    }

    /// The executor of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<dyn Executor>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(super) fn has(&self, name: &ExecutorName) -> bool {
        self.get(name.as_str()).is_some()
    }

    /// The executor of this name, or which there are.
    pub(super) fn find(&self, name: &ExecutorName) -> Result<Arc<dyn Executor>, ExecutorError> {
        self.get(name.as_str()).ok_or_else(|| ExecutorError::Unsupported {
            what: format!("the executor {:?}", name.as_str()),
            advice: format!("this engine has {}; give it the executor when it is opened", self.names()),
        })
    }

    /// What is said of a name that is no executor's: `noSuchExecutor`, or `unsupported` of local steps where they cannot be.
    pub(super) fn missing(&self, name: &ExecutorName, operation: &'static str) -> Error {
        let cannot_be = cfg!(not(unix)) && name.as_str() == LOCAL;
        let advice = match name.as_str() {
            LOCAL if cannot_be => {
                "; steps cannot run as processes of this system: name another executor, or run Windlass in WSL"
            }
            "docker" if !cfg!(feature = "docker") => "; that one needs a build with the feature `docker`",
            "kubernetes" if !cfg!(feature = "kubernetes") => "; that one needs a build with the feature `kubernetes`",
            _ => "",
        };
        let message =
            format!("there is no executor {:?} here; this engine has {}{advice}", name.as_str(), self.names());
        match cannot_be {
            true => Error::new(ErrorKind::Unsupported, "unsupported", operation, message),
            false => Error::new(ErrorKind::Invalid, "noSuchExecutor", operation, message),
        }
    }

    /// All names, for messages.
    pub(super) fn names(&self) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.keys().map(ExecutorName::as_str).collect::<Vec<_>>().join(", ")
    }

    /// All of them as they are now.
    pub(super) fn all(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A cluster was added: it is an executor at once, and one of its name from before is no longer used for what starts.
    #[cfg(feature = "kubernetes")]
    pub(super) fn cluster_added(&self, name: &str) {
        if let Some((name, executor)) = self.of_cluster.as_ref().and_then(|make| make(name)) {
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(name, executor);
        }
    }
}

/// Makes executors over the clusters of a book, each by the cluster's name. None of them is asked anything.
#[cfg(feature = "kubernetes")]
pub(super) fn over_clusters(data_dir: &DataDir, clock: &SharedClock, book: &Arc<ClusterBook>) -> Box<OfCluster> {
    let (root, clock, book) = (data_dir.path().to_path_buf(), clock.clone(), book.clone());
    Box::new(move |name| {
        if RESERVED.contains(&name) {
            return None;
        }
        let installation = DataDir::executor_state_in(&root, name).join("installation");
        let pods = KubernetesExecutor::kept_in(book.clone(), Some(name.to_owned()), installation, clock.clone());
        let executor: Arc<dyn Executor> = Arc::new(pods.pods(PodSettings::of_environment()));
        Some((ExecutorName::new(name).ok()?, executor))
    })
}
