//! What an instance of the executor knows of a run: a faster way to its containers, never the only one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::{Notify, OnceCell, broadcast};

use super::convert::KEEPER;
use super::news::News;
use crate::clock::SharedClock;
use crate::executor::container::{Container, Inner};
use crate::executor::{ExecutorError, ExecutorEvent};
use crate::run::{RunId, StepKey};

/// How often the lease of a pod is renewed.
const RENEWAL: Duration = Duration::from_secs(10 * 60);
/// How much is kept of what the cluster said before there was a step that wants to hear it.
const UNHEARD: usize = 64;

/// What this instance knows of all runs.
#[derive(Debug, Default)]
pub(super) struct Runs {
    known: Mutex<HashMap<RunId, Arc<Live>>>,
}

impl Runs {
    /// What is known of a run, from now on.
    pub(super) fn run(&self, run: RunId) -> Arc<Live> {
        Arc::clone(lock(&self.known).entry(run).or_default())
    }

    /// What is known of a run already.
    pub(super) fn known(&self, run: RunId) -> Option<Arc<Live>> {
        lock(&self.known).get(&run).cloned()
    }

    pub(super) fn forget(&self, run: RunId) {
        lock(&self.known).remove(&run);
    }

    /// Tells everybody whose step is somewhere.
    pub(super) fn tell_all(&self, line: &str) {
        let all: Vec<Arc<Live>> = lock(&self.known).values().cloned().collect();
        all.iter().for_each(|live| live.tell_all(line));
    }
}

/// Where a step is, or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) pod: String,
    pub(super) container: String,
    /// Whether the whole pod is the step's.
    pub(super) alone: bool,
}

impl Spot {
    /// Whether the news are of interest there. While the pod is started, that is also what the keeper does.
    fn is_meant(&self, news: &News, begun: bool) -> bool {
        let container = news.container.as_deref();
        let own = container.is_none_or(|name| name == self.container || self.alone || (name == KEEPER && !begun));
        news.pod == self.pod && own
    }
}

/// Who is to hear of which pods.
#[derive(Debug, Default)]
struct Ears {
    /// The steps, and whether their containers ran already.
    spots: HashMap<StepKey, (Spot, bool)>,
    /// What nobody wanted to hear yet.
    unheard: VecDeque<News>,
    /// What was told, so that it is not told again. The cluster repeats itself.
    said: HashSet<News>,
}

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
    /// Containers that the cluster said it has started, by their pod's uid.
    started: Mutex<HashSet<(String, String)>>,
    /// Woken by each of these.
    start: Notify,
    ears: Mutex<Ears>,
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
            started: Mutex::default(),
            start: Notify::new(),
            ears: Mutex::default(),
            events,
        }
    }
}

impl Live {
    /// The place of the container that steps know by this name.
    pub(super) fn warm(&self, name: &str) -> Arc<OnceCell<Container>> {
        Arc::clone(lock(&self.warm).entry(name.to_owned()).or_default())
    }

    /// Whether there is a container of this name.
    pub(super) fn is_warm(&self, name: &str) -> bool {
        lock(&self.warm).get(name).is_some_and(|cell| cell.initialized())
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

    /// The cluster says that it has started a container.
    pub(super) fn hear_start(&self, pod: &str, container: String) {
        lock(&self.started).insert((pod.to_owned(), container));
        self.start.notify_waiters();
    }

    /// Returns when the cluster has said so of this container. It may never do.
    pub(super) async fn heard_start(&self, pod: &str, container: &str) {
        let wanted = (pod.to_owned(), container.to_owned());
        loop {
            let start = self.start.notified();
            tokio::pin!(start);
            start.as_mut().enable();
            if lock(&self.started).contains(&wanted) {
                return;
            }
            start.await;
        }
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

    /// From now on whoever reads the step's log hears of this place, and of what happened there before, unless somebody heard it.
    pub(super) fn place(&self, step: &StepKey, spot: Spot) {
        let mut ears = lock(&self.ears);
        let begun = ears.spots.get(step).is_some_and(|(known, begun)| *begun && *known == spot);
        let (meant, other) = ears.unheard.drain(..).partition(|news| spot.is_meant(news, begun));
        ears.unheard = other;
        ears.spots.insert(step.clone(), (spot, begun));
        drop(ears);
        let meant: VecDeque<News> = meant;
        meant.into_iter().for_each(|news| self.say(step, news.line()));
    }

    /// The container of the step runs.
    pub(super) fn begun(&self, step: &StepKey) {
        if let Some((_, begun)) = lock(&self.ears).spots.get_mut(step) {
            *begun = true;
        }
    }

    /// Nobody is interested in the step's place any more.
    pub(super) fn leave(&self, step: &StepKey) {
        lock(&self.ears).spots.remove(step);
    }

    /// Tells those whom it concerns. When there is nobody yet, it is kept for a while.
    pub(super) fn hear(&self, news: News) {
        let mut ears = lock(&self.ears);
        if !ears.said.insert(news.without_time()) {
            return;
        }
        let meant =
            |(step, (spot, begun)): (&StepKey, &(Spot, bool))| spot.is_meant(&news, *begun).then(|| step.clone());
        let hearers: Vec<StepKey> = ears.spots.iter().filter_map(meant).collect();
        if hearers.is_empty() {
            let over = (ears.unheard.len() + 1).saturating_sub(UNHEARD);
            ears.unheard.drain(..over);
            ears.unheard.push_back(news);
            return;
        }
        drop(ears);
        hearers.iter().for_each(|step| self.say(step, news.line()));
    }

    fn tell_all(&self, line: &str) {
        let all: Vec<StepKey> = lock(&self.ears).spots.keys().cloned().collect();
        all.iter().for_each(|step| self.say(step, line.to_owned()));
    }

    /// Says something to whoever reads the step's log.
    fn say(&self, step: &StepKey, line: String) {
        self.tell(ExecutorEvent::Told { step: step.clone(), line });
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
