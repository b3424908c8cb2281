//! One connection to a launcher: requests out, notices and frames in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::host::{ContainerHost, HostError, Output, Streams};
use super::place::Place;
use super::protocol::{self, Ended, Frame, Notice, RequestId};
use crate::clock::SharedClock;
use crate::executor::ExecutorError;

/// A launcher that does not answer for so long is given up, and another one is asked.
const PATIENCE: Duration = Duration::from_secs(20);
/// Requests on their way.
const QUEUE: usize = 64;

/// A connection to a launcher. It ends with the last clone of its `Arc`.
#[derive(Debug)]
pub(super) struct Link {
    requests: mpsc::Sender<Bytes>,
    shared: Arc<Shared>,
    clock: SharedClock,
    next: AtomicU64,
    task: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<Table>,
    /// Woken by every end of a step, and by the end of the connection.
    ended: Notify,
}

#[derive(Debug, Default)]
struct Table {
    broken: bool,
    notices: HashMap<RequestId, oneshot::Sender<Notice>>,
    frames: HashMap<RequestId, oneshot::Sender<Frame>>,
    /// The steps that this launcher started, with their ends once they are told.
    steps: HashMap<String, Option<Ended>>,
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn break_off(&self) {
        let mut table = self.table();
        table.broken = true;
        table.notices.clear();
        table.frames.clear();
        drop(table);
        self.ended.notify_waiters();
    }
}

/// The connection is broken, or the launcher does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl Link {
    /// Starts a launcher and returns when it listens.
    pub(super) async fn open(
        host: &dyn ContainerHost,
        place: &Place,
        clock: &SharedClock,
    ) -> Result<Arc<Self>, HostError> {
        Self::over(host.exec(place.launcher()).await?, place, clock).await
    }

    /// The same over the streams of a launcher that knows nothing yet.
    pub(super) async fn over(streams: Streams, place: &Place, clock: &SharedClock) -> Result<Arc<Self>, HostError> {
        let Streams { input, output } = streams;
        let (requests, outgoing) = mpsc::channel::<Bytes>(QUEUE);
        let shared = Arc::new(Shared::default());
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(carry(input, output, outgoing, Arc::clone(&shared), ready)).abort_handle();
        let link = Self { requests, shared, clock: Arc::clone(clock), next: AtomicU64::new(1), task };
        let _ = link.requests.send(place.program().into()).await;
        match link.within(is_ready).await {
            Ok(()) => Ok(Arc::new(link)),
            Err(Broken) => Err(HostError::Unreachable(no_launcher())),
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.shared.table().broken
    }

    /// A request that is answered by a notice.
    pub(super) async fn ask(&self, text: impl FnOnce(RequestId) -> String) -> Result<Notice, Broken> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.enlist(|table| table.notices.insert(id, sender).is_none())?;
        self.send(text(id)).await?;
        self.within(receiver).await
    }

    /// The same without a limit: the answer takes as long as it takes.
    pub(super) async fn ask_long(&self, text: impl FnOnce(RequestId) -> String) -> Result<Notice, Broken> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.enlist(|table| table.notices.insert(id, sender).is_none())?;
        self.send(text(id)).await?;
        receiver.await.map_err(|_| Broken)
    }

    /// A request that is answered by a frame.
    pub(super) async fn fetch(&self, text: impl FnOnce(RequestId) -> String) -> Result<Frame, Broken> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.enlist(|table| table.frames.insert(id, sender).is_none())?;
        self.send(text(id)).await?;
        self.within(receiver).await
    }

    fn enlist(&self, insert: impl FnOnce(&mut Table) -> bool) -> Result<(), Broken> {
        let mut table = self.shared.table();
        if table.broken || !insert(&mut table) { Err(Broken) } else { Ok(()) }
    }

    async fn send(&self, text: String) -> Result<(), Broken> {
        self.requests.send(text.into()).await.map_err(|_| Broken)
    }

    async fn within<T>(&self, answer: oneshot::Receiver<T>) -> Result<T, Broken> {
        let deadline = self.clock.now().elapsed + PATIENCE;
        tokio::select! {
            answer = answer => answer.map_err(|_| Broken),
            () = self.clock.sleep_until(deadline) => {
                self.shared.break_off();
                self.task.abort();
                Err(Broken)
            }
        }
    }

    /// From now on the step's end is told by a notice.
    pub(super) fn expect(&self, slug: &str) {
        self.shared.table().steps.entry(slug.to_owned()).or_insert(None);
    }

    /// The step is of no interest any more.
    pub(super) fn forget(&self, slug: &str) {
        self.shared.table().steps.remove(slug);
    }

    /// What is known of a step without asking.
    pub(super) fn told(&self, slug: &str) -> Told {
        let table = self.shared.table();
        match table.steps.get(slug) {
            _ if table.broken => Told::Nothing,
            None => Told::Nothing,
            Some(None) => Told::Going,
            Some(Some(ended)) => Told::Ended(*ended),
        }
    }

    /// Returns when some step has ended since this was called, or the connection has.
    pub(super) fn some_end(&self) -> impl Future<Output = ()> + '_ {
        let mut notified = Box::pin(self.shared.ended.notified());
        notified.as_mut().enable();
        notified
    }
}

/// What a launcher told of a step by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It did not start it; others may have.
    Nothing,
    /// It started it.
    Going,
    /// It started it, and it ended.
    Ended(Ended),
}

fn no_launcher() -> ExecutorError {
    ExecutorError::Infrastructure {
        code: "launcherFailed",
        message: "the launcher in the container did not answer".to_owned(),
        advice: "look whether the helper image has a static busybox for the platform of the task's image, and whether the machine is overloaded".to_owned(),
    }
}

type Input = std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>;
type Incoming = futures::stream::BoxStream<'static, std::io::Result<Output>>;

/// Carries both directions until one of them ends.
async fn carry(
    mut input: Input,
    output: Incoming,
    mut outgoing: mpsc::Receiver<Bytes>,
    shared: Arc<Shared>,
    ready: oneshot::Sender<()>,
) {
    let write = async {
        while let Some(request) = outgoing.recv().await {
            if input.write_all(&request).await.is_err() || input.flush().await.is_err() {
                return;
            }
        }
    };
    let read = listen(output, &shared, ready);
    tokio::select! {
        () = write => {}
        () = read => {}
    }
    shared.break_off();
}

async fn listen(mut output: Incoming, shared: &Shared, ready: oneshot::Sender<()>) {
    let (mut frames, mut lines) = (BytesMut::new(), BytesMut::new());
    let mut ready = Some(ready);
    while let Some(Ok(piece)) = output.next().await {
        match piece {
            Output::Out(bytes) => {
                frames.extend_from_slice(&bytes);
                loop {
                    match protocol::frame(&mut frames) {
                        Ok(Some(frame)) => {
                            let sender = shared.table().frames.remove(&frame.id);
                            let _ = sender.map(|sender| sender.send(frame));
                        }
                        Ok(None) => break,
                        Err(protocol::BadFrame) => return,
                    }
                }
            }
            Output::Err(bytes) => {
                lines.extend_from_slice(&bytes);
                while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
                    let line = lines.split_to(end + 1);
                    let line = String::from_utf8_lossy(&line[..end]);
                    match protocol::notice(&line) {
                        Some(notice) => take(shared, notice, &mut ready),
                        None => tracing::debug!(%line, "a launcher said something odd"),
                    }
                }
            }
        }
    }
}

fn take(shared: &Shared, notice: Notice, ready: &mut Option<oneshot::Sender<()>>) {
    let id = match &notice {
        Notice::Ready => {
            let _ = ready.take().map(|ready| ready.send(()));
            return;
        }
        Notice::End { slug, ended } => {
            if let Some(known) = shared.table().steps.get_mut(slug) {
                *known = Some(*ended);
            }
            shared.ended.notify_waiters();
            return;
        }
        Notice::Began(id)
        | Notice::Taken(id)
        | Notice::Broken(id)
        | Notice::State(id, _)
        | Notice::Halted(id)
        | Notice::Survived(id)
        | Notice::Dropped(id) => *id,
    };
    let sender = shared.table().notices.remove(&id);
    let _ = sender.map(|sender| sender.send(notice));
}
