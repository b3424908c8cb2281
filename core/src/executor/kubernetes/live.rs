//! What an instance of the executor knows of a run: a faster way to its containers, never the only one.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::{Notify, OnceCell, broadcast};

use crate::clock::SharedClock;
use crate::executor::container::{Container, Inner};
use crate::executor::{ExecutorError, ExecutorEvent};
use crate::run::{RunId, StepKey};

/// How often the lease of a pod is renewed.
const RENEWAL: Duration = Duration::from_secs(10 * 60);

/// What this instance knows of a run.
#[derive(Debug)]
pub(super) struct Live {
    /// Containers by the name that steps know.
    warm: Mutex<HashMap<String, Arc<OnceCell<Container>>>>,
    /// In which of them steps are.
    steps: Mutex<HashMap<StepKey, Container>>,
    /// Steps that were stopped before anything of their run could run.
    stopped: Mutex<HashSet<String>>,
    /// Woken by each of these.
    pub(super) stop: Notify,
    /// The pod with the workspace, once it is known to be there.
    pub(super) home: tokio::sync::Mutex<Option<HomePod>>,
    /// Held while containers are added to the run's pod.
    pub(super) adding: tokio::sync::Mutex<()>,
    /// Held while files are handed back by steps in pods of their own.
    pub(super) handing_back: tokio::sync::Mutex<HashSet<StepKey>>,
    events: broadcast::Sender<ExecutorEvent>,
}

/// The pod with a run's workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HomePod {
    pub(super) run: RunId,
    pub(super) generation: u32,
    pub(super) pod: String,
    pub(super) uid: String,
    /// Whether nothing but the workspace is left of the run.
    pub(super) kept: bool,
}

impl Default for Live {
    fn default() -> Self {
        let (events, _) = broadcast::channel(256);
        Self {
            warm: Mutex::default(),
            steps: Mutex::default(),
            stopped: Mutex::default(),
            stop: Notify::new(),
            home: tokio::sync::Mutex::default(),
            adding: tokio::sync::Mutex::default(),
            handing_back: tokio::sync::Mutex::default(),
            events,
        }
    }
}

impl Live {
    /// The place of the container that steps know by this name.
    pub(super) fn warm(&self, name: &str) -> Arc<OnceCell<Container>> {
        Arc::clone(lock(&self.warm).entry(name.to_owned()).or_default())
    }

    /// Forgets a container that is gone.
    pub(super) fn cool(&self, name: &str) {
        lock(&self.warm).remove(name);
    }

    pub(super) fn step(&self, step: &StepKey) -> Option<Container> {
        lock(&self.steps).get(step).cloned()
    }

    pub(super) fn put_step(&self, step: &StepKey, container: Container) {
        lock(&self.steps).insert(step.clone(), container);
    }

    /// By its slug.
    pub(super) fn put_stopped(&self, slug: impl Into<String>) {
        lock(&self.stopped).insert(slug.into());
        self.stop.notify_waiters();
    }

    pub(super) fn is_stopped(&self, step: &StepKey) -> bool {
        let stopped = lock(&self.stopped);
        !stopped.is_empty() && stopped.contains(&step.slug())
    }

    pub(super) fn observe(&self) -> BoxStream<'static, ExecutorEvent> {
        stream::unfold(self.events.subscribe(), |mut events| async move {
            loop {
                match events.recv().await {
                    Ok(event) => return Some((event, events)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }

    pub(super) fn tell(&self, event: ExecutorEvent) {
        // Nobody may listen.
        let _ = self.events.send(event);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says from time to time that the container's pod is wanted, as long as somebody here knows it.
pub(super) async fn renew(container: Weak<Inner>, clock: SharedClock) {
    loop {
        let Some(inner) = container.upgrade() else { return };
        if let Err(ExecutorError::Lost { .. }) = Container::from(inner).renew().await {
            return;
        }
        clock.sleep_until(clock.now().elapsed + RENEWAL).await;
    }
}
