//! The installation's pods as the cluster tells of them: one watch for all runs.
//!
//! It is a faster way to know, never the only one. Whoever waits looks for himself from time to time, and that something is
//! gone is only believed after a look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// What the watch told last.
#[derive(Debug)]
pub(super) struct Pods {
    known: Arc<Known>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Known {
    pods: Mutex<HashMap<String, Arc<Pod>>>,
    changes: watch::Sender<u64>,
}

impl Known {
    fn pods(&self) -> MutexGuard<'_, HashMap<String, Arc<Pod>>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, event: Event<Pod>) {
        match event {
            Event::Init | Event::InitDone => {}
            Event::Apply(pod) | Event::InitApply(pod) => {
                let name = pod.metadata.name.clone().unwrap_or_default();
                self.pods().insert(name, Arc::new(pod));
            }
            Event::Delete(pod) => {
                self.pods().remove(pod.metadata.name.as_deref().unwrap_or_default());
            }
        }
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pods {
    /// Begins to watch what the selector chooses.
    pub(super) fn watch(api: Api<Pod>, selector: &str) -> Self {
        let (changes, _) = watch::channel(0);
        let known = Arc::new(Known { pods: Mutex::default(), changes });
        let config = watcher::Config::default().labels(selector);
        let told = Arc::clone(&known);
        let task = tokio::spawn(async move {
            let mut events = watcher(api, config).default_backoff().boxed();
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => told.take(event),
                    Err(error) => tracing::debug!(%error, "the watch of pods broke off, and begins again"),
                }
            }
        });
        Self { known, task: task.abort_handle() }
    }

    /// What is known of a pod.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Pod>> {
        self.known.pods().get(name).cloned()
    }

    /// Keeps what somebody saw himself, unless more is known already.
    pub(super) fn saw(&self, pod: Pod) {
        let name = pod.metadata.name.clone().unwrap_or_default();
        self.known.pods().entry(name).or_insert_with(|| Arc::new(pod));
    }

    /// Tells of changes from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.known.changes.subscribe()
    }
}
