//! What an instance knows of a run: a faster way to its containers, never the only one.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bollard::errors::Error;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::{OnceCell, RwLock, broadcast, watch};
use tokio::task::AbortHandle;

use crate::executor::ExecutorEvent;
use crate::executor::container::Container;
use crate::run::{StepKey, WaitReason};

/// What this instance knows of a run.
#[derive(Debug)]
pub(super) struct Live {
    /// Containers by their name.
    warm: Mutex<HashMap<String, Arc<OnceCell<Warm>>>>,
    /// In which of them steps are.
    steps: Mutex<HashMap<StepKey, Container>>,
    /// The steps whose services are to go on.
    served: Mutex<HashSet<StepKey>>,
    /// The steps that were stopped: whatever their start waits for, it waits no longer.
    halts: watch::Sender<HashMap<StepKey, Halt>>,
    /// Held by whoever has asked the Docker engine to make something of the run, until it has answered.
    making: Arc<RwLock<()>>,
    /// The volumes, once they are known to be there.
    pub(super) volumes: tokio::sync::Mutex<Option<Volumes>>,
    events: broadcast::Sender<ExecutorEvent>,
    watching: OnceLock<Watching>,
}

/// How far the stop of a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Halt {
    /// It goes on.
    Wanted,
    /// It has taken the step's token, or failed to.
    Done,
}

/// A task that listens to the engine, as long as this is kept.
#[derive(Debug)]
struct Watching(AbortHandle);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The volumes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Volumes {
    pub(super) generation: u32,
    pub(super) workspace: String,
    /// `None` when only the workspace is left.
    pub(super) states: Option<String>,
}

/// A running container.
#[derive(Clone, Debug)]
pub(super) struct Warm {
    pub(super) id: String,
    pub(super) container: Container,
}

impl Default for Live {
    fn default() -> Self {
        let (events, _) = broadcast::channel(256);
        let (halts, _) = watch::channel(HashMap::new());
        Self {
            warm: Mutex::default(),
            steps: Mutex::default(),
            served: Mutex::default(),
            halts,
            making: Arc::default(),
            volumes: tokio::sync::Mutex::default(),
            events,
            watching: OnceLock::new(),
        }
    }
}

impl Live {
    pub(super) fn warm(&self) -> MutexGuard<'_, HashMap<String, Arc<OnceCell<Warm>>>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn steps(&self) -> MutexGuard<'_, HashMap<StepKey, Container>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn served(&self) -> MutexGuard<'_, HashSet<StepKey>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The step's services are to go on until it ends.
    pub(super) fn serve(&self, step: &StepKey) {
        self.served().insert(step.clone());
    }

    /// Nobody needs the step's services any more. Whether anybody did.
    pub(super) fn serve_no_longer(&self, step: &StepKey) -> bool {
        self.served().remove(step)
    }

    /// The step that has this short name, as long as its services are to go on.
    pub(super) fn served_step(&self, slug: &str) -> Option<StepKey> {
        self.served().iter().find(|step| step.slug() == slug).cloned()
    }

    /// The step is being stopped, or was.
    pub(super) fn halt(&self, step: &StepKey, halt: Halt) {
        self.halts.send_modify(|halts| {
            let known = halts.entry(step.clone()).or_insert(halt);
            *known = halt.max(*known);
        });
    }

    /// Returns when the stop of the step has come so far.
    pub(super) async fn halted(&self, step: &StepKey, wanted: Halt) {
        let mut halts = self.halts.subscribe();
        let far_enough = |halts: &HashMap<StepKey, Halt>| halts.get(step).is_some_and(|halt| *halt >= wanted);
        if halts.wait_for(far_enough).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Has something made to its end, also when nobody waits for it any more: the Docker engine makes it in any case, and what is
    /// made after a look at all that there is would be left over.
    pub(super) async fn make<T: Send + 'static>(
        &self,
        making: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let guard = Arc::clone(&self.making).read_owned().await;
        let made = tokio::spawn(async move {
            let made = making.await;
            drop(guard);
            made
        });
        made.await.unwrap_or_else(|error| Err(Error::IOError { err: error.into() }))
    }

    /// Returns when nothing of the run is being made.
    pub(super) async fn made(&self) {
        drop(self.making.write().await);
    }

    /// Does something as long as the run is known here.
    pub(super) fn watch(&self, start: impl FnOnce() -> AbortHandle) {
        self.watching.get_or_init(|| Watching(start()));
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

    /// Says for what a step waits.
    pub(super) fn waits(&self, step: &StepKey, code: &str, message: String) {
        let reason = WaitReason::new(code, message);
        self.tell(ExecutorEvent::Waiting { step: step.clone(), reason });
    }

    /// Says something to whoever reads the step's log.
    pub(super) fn say(&self, step: &StepKey, line: impl Into<String>) {
        self.tell(ExecutorEvent::Told { step: step.clone(), line: line.into() });
    }

    pub(super) fn tell(&self, event: ExecutorEvent) {
        // Nobody may listen.
        let _ = self.events.send(event);
    }
}
