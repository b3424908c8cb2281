//! The installation's pods as the cluster tells of them: one watch for all runs.
//!
//! It is a faster way to know, never the only one. Whoever waits looks for himself from time to time, and that something is
//! gone is only believed after a look.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::events::{self, Ear};
use super::live::Runs;
use super::names::run_of;
use super::news;
use super::reach::{Way, status};
use crate::clock::SharedClock;

/// The pause before a watch is begun that was given up.
const PAUSE: Duration = Duration::from_secs(1);

/// What the watch told last.
#[derive(Debug)]
pub(super) struct Pods {
    known: Arc<Known>,
    tasks: Vec<AbortHandle>,
}

#[derive(Debug)]
pub(super) struct Known {
    pods: Mutex<HashMap<String, Arc<Pod>>>,
    changes: watch::Sender<u64>,
    runs: Arc<Runs>,
}

impl Known {
    fn pods(&self) -> MutexGuard<'_, HashMap<String, Arc<Pod>>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, event: Event<Pod>) {
        match event {
            Event::Init | Event::InitDone => {}
            Event::Apply(pod) | Event::InitApply(pod) => {
                let (name, pod) = (pod.metadata.name.clone().unwrap_or_default(), Arc::new(pod));
                let before = self.pods().insert(name, Arc::clone(&pod));
                self.tell(before.as_deref(), &pod);
            }
            Event::Delete(pod) => {
                self.pods().remove(pod.metadata.name.as_deref().unwrap_or_default());
            }
        }
        self.changes.send_modify(|count| *count += 1);
    }

    /// Takes what a watch tells, which begins again by itself, until the cluster does not know us any more.
    async fn follow(&self, way: &Way, events: impl Stream<Item = Result<Event<Pod>, watcher::Error>> + Send) {
        let mut events = pin!(events.default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.take(event),
                Err(error) => {
                    tracing::debug!(%error, "the watch of pods broke off, and begins again");
                    if is_unauthorized(&error) {
                        return way.give_up().await;
                    }
                }
            }
        }
    }

    /// Tells those whose steps are there what became of a pod.
    fn tell(&self, before: Option<&Pod>, now: &Pod) {
        let Some(live) = run_of(&now.metadata).and_then(|run| self.runs.known(run)) else { return };
        news::of_change(before, now).into_iter().for_each(|news| live.hear(news));
    }

    /// What is known of a pod.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Pod>> {
        self.pods().get(name).cloned()
    }
}

/// Whether the credential is not what it was.
fn is_unauthorized(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => status(error) == Some(401),
        watcher::Error::WatchError(told) => told.code == 401,
        watcher::Error::NoResourceVersion => false,
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Pods {
    /// Begins to watch what the selector chooses.
    pub(super) fn watch(way: Arc<Way>, selector: &str, runs: Arc<Runs>, clock: SharedClock) -> Self {
        let (changes, _) = watch::channel(0);
        let known = Arc::new(Known { pods: Mutex::default(), changes, runs });
        let config = watcher::Config::default().labels(selector);
        let told = Arc::clone(&known);
        let task = tokio::spawn(async move {
            loop {
                if let Ok(api) = way.pods().await {
                    told.follow(&way, watcher(api, config.clone())).await;
                }
                clock.sleep_until(clock.now().elapsed + PAUSE).await;
            }
        });
        Self { known, tasks: vec![task.abort_handle()] }
    }

    /// Hears as well what the cluster says of these pods.
    pub(super) async fn hearing(mut self, ear: Ear) -> Self {
        let begun = ear.begin().await;
        let task = tokio::spawn(events::follow(ear, Arc::clone(&self.known), begun));
        self.tasks.push(task.abort_handle());
        self
    }

    /// What is known of a pod.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Pod>> {
        self.known.get(name)
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
