//! What the parts of one engine share.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Notify, mpsc, watch};

use super::archive::{Archive, Replayed};
use super::control::SocketFile;
use super::credential_tests::Tests;
use super::driver::Driver;
use super::executors::Executors;
use super::feed::{Feed, FeedEnd};
use super::message::{INBOX, Message};
use super::names::Names;
use super::queue::Queue;
use super::request::StoredRequest;
use super::retention::Retention;
use super::slots::Slots;
use super::telemetry::Waiting;
use super::vault::{RunVault, Vault};
use crate::action::Actions;
use crate::audit::{AuditEntry, Change};
use crate::blob::{BlobSettings, Saving};
use crate::clock::SharedClock;
use crate::error::{Error, ErrorKind, Result};
use crate::executor::{Executor, ExecutorError};
use crate::log::LogLimits;
use crate::pipeline::ExecutorName;
use crate::run::{Input, RunId, RunState, Seq};
use crate::secret::SecretProviders;
use crate::store::{Batch, DataDir, StoreError};

/// The setting under which the clock is kept.
pub(crate) const CLOCK_SETTING: &str = "clock";
/// How often the clock is saved while events are written, in milliseconds: so much of elapsed time a boot of the machine
/// can make uncertain.
const CLOCK_INTERVAL_MS: u64 = 60_000;

/// What the parts of one engine share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) archive: Archive,
    pub(crate) clock: SharedClock,
    pub(crate) executors: Executors,
    pub(crate) default_executor: ExecutorName,
    pub(crate) actions: Actions,
    #[cfg(feature = "git")]
    pub(crate) mirrors: crate::source::Mirrors,
    pub(crate) base_url: Option<String>,
    pub(crate) log_limits: LogLimits,
    /// How much of caches and artifacts is kept.
    pub(crate) blob_settings: BlobSettings,
    /// The caches that are being saved.
    pub(crate) saving: Saving,
    pub(crate) slots: Slots,
    pub(crate) queue: Mutex<Queue>,
    /// The same runs as metrics show them.
    pub(super) waiting: Waiting,
    /// Becomes true when the engine is closed: drivers stop, steps go on.
    pub(crate) closing: watch::Sender<bool>,
    /// Rises with each commit, for those who follow everything that is committed.
    pub(crate) commits: watch::Sender<u64>,
    /// Told when a workspace is kept, so that its end is watched for.
    pub(crate) kept_changed: Arc<Notify>,
    /// Told when an artifact is stored that ends by itself.
    pub(crate) artifact_kept: Notify,
    pub(crate) names: Names,
    /// What is kept of old runs; `None` for all of them.
    pub(crate) retention: Option<Retention>,
    /// The credentials that the engine keeps itself.
    pub(crate) vault: Arc<Vault>,
    /// Where credentials are looked for: there first.
    pub(crate) secrets: SecretProviders,
    /// How credentials are tried.
    pub(crate) credential_tests: Tests,
    /// Held by whoever changes the credentials of the installation or their keys.
    pub(crate) sealing: tokio::sync::Mutex<()>,
    #[cfg(feature = "docker")]
    pub(crate) certificates: crate::registry::Certificates,
    /// The clusters that are known by name.
    #[cfg(feature = "kubernetes")]
    pub(crate) clusters: Arc<super::clusters::ClusterBook>,
    /// Whoever deletes runs holds it with others, from before the commit until their logs are gone. A backup holds it alone.
    pub(crate) deleting: tokio::sync::RwLock<()>,
    /// Held while a run is read from the store and given a driver, so that none gets two.
    taking_up: tokio::sync::Mutex<()>,
    live: Mutex<HashMap<RunId, Live>>,
    /// Runs that this engine cannot drive any further.
    stuck: Mutex<BTreeSet<RunId>>,
    /// Rises whenever a run is over, or has lost its driver.
    pub(crate) departures: watch::Sender<u64>,
    runtime: tokio::runtime::Handle,
    hold: Weak<Hold>,
    /// The elapsed milliseconds at which the clock was saved last.
    clock_saved: AtomicU64,
}

/// The hold on the data directory. Drivers and their jobs share it, also those on blocking threads that nobody can abort, so
/// that no other engine gets the directory while something of this one still writes. Handles of runs do not.
#[derive(Debug)]
pub(crate) struct Hold {
    /// Goes before the data directory can be another engine's.
    _socket: Option<SocketFile>,
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "held, and only read for a backup"))]
    data_dir: DataDir,
    /// Dropped with the hold, which wakes who waits for that.
    _gone: watch::Sender<()>,
}

impl Hold {
    /// The hold, and something that tells when it is gone.
    pub(crate) fn new(data_dir: DataDir, socket: Option<SocketFile>) -> (Arc<Self>, watch::Receiver<()>) {
        let (gone, told) = watch::channel(());
        (Arc::new(Self { _socket: socket, data_dir, _gone: gone }), told)
    }

    /// The data directory.
    #[cfg(feature = "sqlite")]
    pub(crate) fn data_dir(&self) -> &DataDir {
        &self.data_dir
    }
}

/// A run that has a driver.
#[derive(Clone, Debug)]
struct Live {
    sender: mpsc::Sender<Message>,
    feed: Arc<Feed>,
}

/// What [`Core`] is made of.
pub(crate) struct Parts {
    pub(crate) archive: Archive,
    pub(crate) clock: SharedClock,
    pub(crate) executors: Executors,
    pub(crate) default_executor: ExecutorName,
    pub(crate) actions: Actions,
    #[cfg(feature = "git")]
    pub(crate) mirrors: crate::source::Mirrors,
    pub(crate) base_url: Option<String>,
    pub(crate) log_limits: LogLimits,
    pub(crate) blob_settings: BlobSettings,
    pub(crate) max_tasks: usize,
    pub(crate) queue: Queue,
    pub(crate) retention: Option<Retention>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) secrets: SecretProviders,
    pub(crate) credential_tests: Tests,
    #[cfg(feature = "docker")]
    pub(crate) certificates: crate::registry::Certificates,
    #[cfg(feature = "kubernetes")]
    pub(crate) clusters: Arc<super::clusters::ClusterBook>,
    pub(crate) hold: Weak<Hold>,
}

impl Core {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            archive: parts.archive,
            clock: parts.clock,
            executors: parts.executors,
            default_executor: parts.default_executor,
            actions: parts.actions,
            #[cfg(feature = "git")]
            mirrors: parts.mirrors,
            base_url: parts.base_url,
            log_limits: parts.log_limits,
            blob_settings: parts.blob_settings,
            saving: Saving::default(),
            slots: Slots::new(parts.max_tasks),
            queue: Mutex::new(parts.queue),
            waiting: Waiting::new(),
            closing: watch::Sender::new(false),
            commits: watch::Sender::new(0),
            kept_changed: Arc::default(),
            artifact_kept: Notify::new(),
            names: Names::default(),
            retention: parts.retention,
            secrets: parts.secrets,
            vault: parts.vault,
            credential_tests: parts.credential_tests,
            sealing: tokio::sync::Mutex::default(),
            #[cfg(feature = "docker")]
            certificates: parts.certificates,
            #[cfg(feature = "kubernetes")]
            clusters: parts.clusters,
            deleting: tokio::sync::RwLock::default(),
            taking_up: tokio::sync::Mutex::default(),
            live: Mutex::default(),
            stuck: Mutex::default(),
            departures: watch::Sender::new(0),
            runtime: tokio::runtime::Handle::current(),
            hold: parts.hold,
            clock_saved: AtomicU64::new(0),
        })
    }

    /// Where the credentials of a run are looked for: first among those that it brought along.
    pub(super) fn secrets_of(&self, run: RunId, request: &StoredRequest) -> SecretProviders {
        if request.secrets.is_empty() {
            return self.secrets.clone();
        }
        let own = RunVault { vault: self.vault.clone(), run, names: request.secrets.clone() };
        self.secrets.after(Arc::new(own))
    }

    pub(crate) fn executor(&self, name: &ExecutorName) -> Result<Arc<dyn Executor>, ExecutorError> {
        self.executors.find(name)
    }

    /// Writes a batch, and tells those who follow everything that there is something new. Everything that the engine
    /// commits goes through here.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.archive.store.commit(batch).await?;
        self.commits.send_modify(|count| *count += 1);
        Ok(())
    }

    /// An entry of the audit trail, made now.
    pub(crate) fn audited(&self, by: &str, change: Change) -> AuditEntry {
        AuditEntry { at: self.clock.now(), by: by.to_owned(), change }
    }

    /// Writes a batch of a run that goes on, and with it now and then the clock.
    pub(crate) async fn append(&self, mut batch: Batch) -> Result<(), StoreError> {
        let now = self.clock.now().elapsed.as_millis();
        let saved = self.clock_saved.load(Ordering::Relaxed);
        if now.saturating_sub(saved) >= CLOCK_INTERVAL_MS {
            self.clock_saved.store(now, Ordering::Relaxed);
            batch.settings.extend(self.clock.to_save().map(|clock| (CLOCK_SETTING.to_owned(), clock)));
        }
        self.commit(batch).await
    }

    /// Runs a short job of the engine; it ends by itself when the runtime ends.
    pub(crate) fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(job));
    }

    /// Tells everybody who works for the engine to stop. Steps go on.
    pub(crate) fn start_closing(&self) {
        self.closing.send_replace(true);
        self.waiting.close();
    }

    /// The page of a run in the portal.
    pub(crate) fn run_url(&self, run: RunId) -> Option<String> {
        self.base_url.as_deref().map(|base| format!("{}/runs/{run}", base.trim_end_matches('/')))
    }

    /// The runtime on which the engine was opened.
    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    /// The hold on the data directory; `None` once the engine was closed.
    pub(crate) fn hold(&self) -> Option<Arc<Hold>> {
        self.hold.upgrade().filter(|_| !*self.closing.borrow())
    }

    /// The hold on the data directory, for as long as something is written.
    ///
    /// # Errors
    /// `engineClosed`.
    pub(crate) fn writing(&self, operation: &'static str) -> Result<Arc<Hold>> {
        let closed = || Error::new(ErrorKind::Conflict, "engineClosed", operation, "the engine was closed");
        self.hold().ok_or_else(closed)
    }

    /// Does something to its end, also when whoever asked for it goes away meanwhile.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let done = self.runtime.spawn(job).await;
        done.unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, "jobDied", operation, error.to_string())))
    }

    /// Sends slots to the drivers that were waiting for them.
    pub(crate) fn hand_out(&self, granted: Vec<(RunId, usize)>) {
        for (run, count) in granted {
            let sender = self.live().get(&run).map(|live| live.sender.clone());
            if let Some(sender) = sender {
                // A full inbox is waited for beside: whoever gives slots back must not wait for who gets them.
                self.spawn(async move { drop(sender.send(Message::Slots(count)).await) });
            }
        }
    }

    /// The feed of a run that has a driver.
    pub(crate) fn feed(&self, run: RunId) -> Option<Arc<Feed>> {
        self.live().get(&run).map(|live| live.feed.clone())
    }

    /// Where the driver of a run is told things.
    pub(crate) fn sender(&self, run: RunId) -> Option<mpsc::Sender<Message>> {
        self.live().get(&run).map(|live| live.sender.clone())
    }

    /// Starts the driver of a run that is not driven yet.
    pub(crate) fn drive(
        self: &Arc<Self>,
        request: StoredRequest,
        state: RunState,
        last: Seq,
        first: Vec<Input>,
    ) -> (mpsc::Sender<Message>, Arc<Feed>) {
        let run = state.run();
        let mut live = self.live();
        if let Some(known) = live.get(&run) {
            let (sender, feed) = (known.sender.clone(), known.feed.clone());
            drop(live);
            for input in first {
                let sender = sender.clone();
                self.spawn(async move { drop(sender.send(Message::Input(input)).await) });
            }
            return (sender, feed);
        }
        let (sender, inbox) = mpsc::channel(INBOX);
        let feed = Arc::new(Feed::new(last));
        live.insert(run, Live { sender: sender.clone(), feed: feed.clone() });
        let Some(hold) = self.hold() else {
            live.remove(&run);
            feed.end(FeedEnd::Closed);
            return (sender, feed);
        };
        drop(live);
        let driver = Driver::new(self.clone(), hold, request, state, last, feed.clone(), (sender.clone(), inbox));
        self.spawn(driver.drive(first.into_iter().map(Message::Input).collect()));
        (sender, feed)
    }

    /// Drives a run that is only in the store so far.
    pub(crate) async fn drive_stored(
        self: &Arc<Self>,
        run: RunId,
        first: Vec<Input>,
    ) -> Result<(mpsc::Sender<Message>, Arc<Feed>)> {
        let _alone = self.taking_up.lock().await;
        if let (Some(sender), Some(feed)) = (self.sender(run), self.feed(run)) {
            for input in first {
                drop(sender.send(Message::Input(input)).await);
            }
            return Ok((sender, feed));
        }
        let Replayed { request, state, last, .. } = self.archive.replay(run, None).await?;
        Ok(self.drive(request, state, last, first))
    }

    /// The run needs no place in the queue any more; others may go.
    pub(crate) fn run_finished(self: &Arc<Self>, run: RunId) {
        self.queue().finished(run);
        self.departures.send_modify(|count| *count += 1);
        self.waiting.leave(run);
        self.admit();
    }

    /// The driver of a run has ended.
    pub(crate) fn run_left(self: &Arc<Self>, run: RunId, feed: &Feed, end: FeedEnd) {
        let released = end == FeedEnd::Released;
        if matches!(end, FeedEnd::Broken(_)) {
            self.stuck().insert(run);
        }
        self.live().remove(&run);
        feed.end(end);
        if released {
            self.run_finished(run);
            if let Some(retention) = &self.retention {
                retention.run_ended(run);
            }
        }
        self.departures.send_modify(|count| *count += 1);
    }

    /// The runs that go on: let go by the queue, and not over with everything that they held.
    pub(crate) fn going(&self) -> BTreeSet<RunId> {
        let live: Vec<RunId> = self.live().keys().copied().collect();
        let queue = self.queue();
        let mut going: BTreeSet<RunId> = queue.active().collect();
        going.extend(live.into_iter().filter(|run| !queue.is_waiting(*run)));
        drop(queue);
        for stuck in self.stuck().iter() {
            going.remove(stuck);
        }
        going
    }

    /// The runs that this engine cannot drive any further.
    pub(crate) fn stuck(&self) -> MutexGuard<'_, BTreeSet<RunId>> {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go the runs whose turn it is.
    pub(crate) fn admit(self: &Arc<Self>) {
        if *self.closing.borrow() {
            return;
        }
        let admission = self.queue().admit();
        let started = admission.start.into_iter().map(|run| (run, Input::Admitted));
        let cancelled = admission.cancel.into_iter().map(|run| {
            let reason = "a newer run of the same concurrency group takes its place".to_owned();
            (run, Input::Cancel { by: "windlass".to_owned(), reason })
        });
        let rejected = admission.reject.into_iter().map(|run| {
            let reason = "its concurrency group is full, and its pipeline says `onConflict: reject`".to_owned();
            (run, Input::Cancel { by: "windlass".to_owned(), reason })
        });
        for (run, input) in started.chain(cancelled).chain(rejected) {
            let core = self.clone();
            self.spawn(async move { core.tell(run, input).await });
        }
    }

    /// Tells a run something, and gives it a driver when it has none.
    async fn tell(self: &Arc<Self>, run: RunId, input: Input) {
        if let Some(sender) = self.sender(run)
            && sender.send(Message::Input(input.clone())).await.is_ok()
        {
            return;
        }
        if let Err(error) = self.drive_stored(run, vec![input]).await {
            tracing::error!(%run, %error, "the run cannot be started");
            self.run_finished(run);
        }
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> MutexGuard<'_, HashMap<RunId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
