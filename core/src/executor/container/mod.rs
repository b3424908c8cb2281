//! Steps in containers, whatever runs the containers. `docker` and `kubernetes` stand on this room.
//!
//! A container that shall run steps needs three things mounted (a [`Place`] says where): a static busybox, the workspace, and
//! a folder of states that all containers of the run share and in which every user may make files (mode 1777), and beside these a tmpfs for
//! secrets of its own. As its first
//! process it runs [`Place::idle`], or [`Place::idle_attended`], which brings the first launcher along. Then one [`Container`] over a [`ContainerHost`], which only has to start a program in the
//! container and to say whether the container is there, does everything that the contract of executors asks of steps:
//!
//! - [`Container::start`], [`wait`](Container::wait), [`logs`](Container::logs), [`stop`](Container::stop),
//!   [`forget`](Container::forget): through one *launcher*, a shell that is kept at the end of one connection (`launcher.sh`).
//!   It takes the token, writes the step's files and starts the *shim* (`shim.sh`), which outlives every connection.
//! - [`Container::read`] and [`Container::write`]: files of the workspace, each by a `tar` of its own.
//!
//! All state is in the folder of states, `SLUG.token` first of all: a line that says who took it (`taken`, `stopped`), then
//! `PID BIRTH CONTAINER.`, the exit code, and `LENGTH OOM OUTPUT.`, each with a full stop where a torn line could be taken for a
//! whole one. So a fresh [`Container`] on the same place finds every step. [`State::Elsewhere`] names the container of the run
//! in which a step is: any container of the run can be asked for a step, and answers who has it.
//!
//! Logs are read by offset: when the launcher tells that the step ended, else after 5 to 50 ms, and from the moment on when
//! much has piled up by a launcher of its own, which sends without being asked.

mod archive;
#[cfg(any(feature = "kubernetes", test))]
mod away;
mod follow;
mod host;
mod invocation;
mod link;
mod place;
mod protocol;
mod source;
mod transfer;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use tokio::sync::Mutex;

pub(in crate::executor) use self::host::{ContainerHost, HostError, Output, Presence, Streams};
use self::link::{Broken, Link, Told};
pub(in crate::executor) use self::place::Place;
use self::protocol::Notice;
pub(in crate::executor) use self::protocol::{Ended, State};
#[cfg(any(feature = "docker", feature = "kubernetes"))]
pub(in crate::executor) use self::transfer::checked;
use super::{ExecutorError, LogChunk, MAX_OUTPUT_BYTES, StepExit, StepSpec};
use crate::clock::SharedClock;
use crate::run::StepKey;

/// How often a request is sent again before its caller hears that the container cannot be reached.
const TRIES: u32 = 5;
/// The pause before the second try; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long an unknown step is looked for: its start, or its stop, may be on its way.
const UNKNOWN: Duration = Duration::from_millis(500);
/// How long a step may be about to start.
const STARTING: Duration = Duration::from_secs(2);
/// How often a step is asked for whose end is told by itself, in case it is not.
const RARELY: Duration = Duration::from_secs(1);
/// How often a step is asked for that another launcher started.
const OFTEN: Duration = Duration::from_millis(50);

/// A container in which steps of one run run. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::executor) struct Container {
    inner: Arc<Inner>,
}

/// What the clones of a [`Container`] share.
#[derive(Debug)]
pub(in crate::executor) struct Inner {
    host: Arc<dyn ContainerHost>,
    place: Place,
    clock: SharedClock,
    link: Mutex<Option<Arc<Link>>>,
    /// A launcher that is there already, for the first connection.
    first: std::sync::Mutex<Option<Streams>>,
}

/// What became of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::executor) enum Took {
    /// This one started the step.
    Started,
    /// The token was taken: by another start or by a stop.
    Taken,
}

/// How a step that could be found ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::executor) enum Waited {
    /// With this end.
    Exit(StepExit),
    /// It is in the container of this name.
    Elsewhere(String),
}

impl Container {
    pub(in crate::executor) fn new(host: Arc<dyn ContainerHost>, place: Place, clock: SharedClock) -> Self {
        Self::attended(host, place, clock, None)
    }

    /// The same with the streams of the launcher that [`Place::idle_attended`] starts.
    pub(in crate::executor) fn attended(
        host: Arc<dyn ContainerHost>,
        place: Place,
        clock: SharedClock,
        first: Option<Streams>,
    ) -> Self {
        let first = std::sync::Mutex::new(first);
        Self { inner: Arc::new(Inner { host, place, clock, link: Mutex::new(None), first }) }
    }

    /// The name that tells it from other containers of the run.
    pub(in crate::executor) fn name(&self) -> &str {
        &self.inner.place.name
    }

    /// For those who must not keep it alive.
    pub(in crate::executor) fn downgrade(&self) -> std::sync::Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    /// Connects now, so that the first step does not wait for it.
    pub(in crate::executor) async fn connect(&self) -> Result<(), ExecutorError> {
        self.inner.link().await.map(drop).map_err(Inner::told)
    }

    /// Connects if that can be done now, without a word about why not.
    #[cfg(any(feature = "kubernetes", test))]
    pub(in crate::executor) async fn reach(&self) -> bool {
        let mut link = self.inner.link.lock().await;
        if link.is_none() {
            *link = Link::open(&*self.inner.host, &self.inner.place, &self.inner.clock).await.ok();
        }
        link.is_some()
    }

    /// Starts a step. Safe to repeat.
    pub(in crate::executor) async fn start(&self, step: &StepSpec) -> Result<Took, ExecutorError> {
        let slug = step.key.slug();
        let request = &invocation::request(&self.inner.place, step)?;
        let ask = |link: &Link| {
            link.expect(&slug);
            |id| request.text(id)
        };
        let notice = self.inner.ask(ask).await?;
        match notice {
            (_, Notice::Began(_)) => Ok(Took::Started),
            (link, Notice::Taken(_)) => {
                link.forget(&slug);
                Ok(Took::Taken)
            }
            _ => Err(infrastructure(
                "startFailed",
                format!("the files of the step {} could not be written in its container", step.key),
                "look whether the disk of the container engine is full",
            )),
        }
    }

    /// How far a step came.
    pub(in crate::executor) async fn state(&self, key: &StepKey) -> Result<State, ExecutorError> {
        let slug = key.slug();
        match self.inner.ask(|_| |id| format!("probe {id} {slug}\n")).await? {
            (_, Notice::State(_, state)) => Ok(state),
            _ => Err(odd_answer()),
        }
    }

    /// Waits for a step's end.
    pub(in crate::executor) async fn wait(&self, key: &StepKey) -> Result<Waited, ExecutorError> {
        match self.inner.end(key).await? {
            End::Elsewhere(name) => Ok(Waited::Elsewhere(name)),
            End::Ended(ended) => {
                let output = if ended.has_output { self.output(key).await? } else { Bytes::new() };
                Ok(Waited::Exit(StepExit { end: ended.end, log_length: ended.log_length, output }))
            }
        }
    }

    async fn output(&self, key: &StepKey) -> Result<Bytes, ExecutorError> {
        let slug = key.slug();
        let frame =
            self.inner.fetch(|id| format!("output {id} {slug} {MAX_OUTPUT_BYTES}\n"), Patience::Endless).await?;
        Ok(frame.bytes)
    }

    /// The log of a step from an offset on, as it grows.
    pub(in crate::executor) fn logs(
        &self,
        key: &StepKey,
        from: u64,
    ) -> BoxStream<'static, Result<LogChunk, ExecutorError>> {
        follow::follow(Arc::clone(&self.inner), key.clone(), from)
    }

    /// Ends a step with everything that it started, or takes its token.
    pub(in crate::executor) async fn stop(&self, key: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        let slug = key.slug();
        let ticks = grace.as_millis().div_ceil(50);
        match self.inner.ask_long(|id| format!("halt {id} {slug} {ticks}\n")).await? {
            Notice::Survived(_) => Err(infrastructure(
                "stopFailed",
                format!("processes of the step {key} survived the kill"),
                "they go with their container, at the latest when the run ends",
            )),
            _ => Ok(()),
        }
    }

    /// Drops the log and the files of an ended step.
    pub(in crate::executor) async fn forget(&self, key: &StepKey) -> Result<(), ExecutorError> {
        let slug = key.slug();
        let (link, _) = self.inner.ask(|_| |id| format!("drop {id} {slug}\n")).await?;
        link.forget(&slug);
        Ok(())
    }

    /// Says that somebody still wants this container.
    pub(in crate::executor) async fn renew(&self) -> Result<(), ExecutorError> {
        self.inner.ask(|_| |id| format!("renew {id}\n")).await.map(drop)
    }
}

impl From<Arc<Inner>> for Container {
    fn from(inner: Arc<Inner>) -> Self {
        Self { inner }
    }
}

enum End {
    Ended(Ended),
    Elsewhere(String),
}

/// How long a request is repeated while the container cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Tries(u32),
    Endless,
}

impl Inner {
    /// The connection, which is made when there is none.
    async fn link(&self) -> Result<Arc<Link>, HostError> {
        let mut place = self.link.lock().await;
        if let Some(link) = place.as_ref().filter(|link| !link.is_broken()) {
            return Ok(Arc::clone(link));
        }
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(streams) = first
            && let Ok(link) = Link::over(streams, &self.place, &self.clock).await
        {
            *place = Some(Arc::clone(&link));
            return Ok(link);
        }
        let again = place.take().is_some();
        if again && let Presence::Gone(why) = self.host.look().await? {
            return Err(HostError::Gone(why));
        }
        let link = match Link::open(&*self.host, &self.place, &self.clock).await {
            // The container may have gone meanwhile.
            Err(HostError::Unreachable(error)) => match self.host.look().await? {
                Presence::Gone(why) => return Err(HostError::Gone(why)),
                Presence::There => return Err(HostError::Unreachable(error)),
            },
            other => other?,
        };
        *place = Some(Arc::clone(&link));
        Ok(link)
    }

    fn told(error: HostError) -> ExecutorError {
        match error {
            HostError::Gone(why) => ExecutorError::Lost { why },
            HostError::Unreachable(error) | HostError::Refused(error) => error,
        }
    }

    /// Does something over a connection until it works.
    async fn persistently<T, F>(
        &self,
        patience: Patience,
        mut what: impl FnMut(Arc<Link>) -> F,
    ) -> Result<T, ExecutorError>
    where
        F: Future<Output = Result<T, Broken>>,
    {
        let mut pause = PAUSE;
        let mut tries = 0;
        loop {
            tries += 1;
            let failed = match self.link().await {
                Ok(link) => match what(link).await {
                    Ok(done) => return Ok(done),
                    Err(Broken) => None,
                },
                Err(HostError::Unreachable(error)) => Some(error),
                Err(error) => return Err(Self::told(error)),
            };
            if patience == Patience::Tries(tries) {
                return Err(failed.unwrap_or_else(broken));
            }
            self.pause(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn ask<T: FnOnce(u64) -> String>(
        &self,
        text: impl Fn(&Link) -> T,
    ) -> Result<(Arc<Link>, Notice), ExecutorError> {
        self.persistently(Patience::Tries(TRIES), |link| {
            let text = text(&link);
            async move {
                let notice = link.ask(text).await?;
                Ok((link, notice))
            }
        })
        .await
    }

    async fn ask_long(&self, text: impl Fn(u64) -> String) -> Result<Notice, ExecutorError> {
        let text = &text;
        self.persistently(Patience::Tries(TRIES), |link| async move { link.ask_long(text).await }).await
    }

    async fn fetch(&self, text: impl Fn(u64) -> String, patience: Patience) -> Result<protocol::Frame, ExecutorError> {
        let text = &text;
        self.persistently(patience, |link| async move { link.fetch(text).await }).await
    }

    /// Waits until the step has ended, as often as the connection breaks.
    async fn end(&self, key: &StepKey) -> Result<End, ExecutorError> {
        let slug = key.slug();
        let since = self.clock.now().elapsed;
        loop {
            let link = self.persistently(Patience::Endless, |link| async move { Ok(link) }).await?;
            let some_end = link.some_end();
            let pause = match link.told(&slug) {
                Told::Ended(ended) => return Ok(End::Ended(ended)),
                Told::Going => RARELY,
                Told::Nothing => OFTEN,
            };
            // At once only where nothing is told by itself.
            if pause == RARELY {
                tokio::select! {
                    () = some_end => continue,
                    () = self.pause(pause) => {}
                }
            }
            let Ok(Notice::State(_, state)) = link.ask(|id| format!("probe {id} {slug}\n")).await else { continue };
            let waited = self.clock.now().elapsed.since(since);
            match state {
                State::Ended(ended) => return Ok(End::Ended(ended)),
                State::Elsewhere(name) => return Ok(End::Elsewhere(name)),
                State::Stopped => return Err(ExecutorError::NeverStarted),
                State::Lost => {
                    return Err(lost(
                        "it was started, but its process is gone and left no exit code; it was killed, or the disk was full",
                    ));
                }
                State::None if waited > UNKNOWN => return Err(lost("there is no trace of it in its run's containers")),
                State::Starting if waited > STARTING => return Err(lost("its launcher was ended while it started")),
                State::None | State::Starting | State::Running => {}
            }
            self.pause(OFTEN).await;
        }
    }

    async fn pause(&self, length: Duration) {
        self.clock.sleep_until(self.clock.now().elapsed + length).await;
    }
}

fn lost(why: &str) -> ExecutorError {
    ExecutorError::Lost { why: why.to_owned() }
}

fn broken() -> ExecutorError {
    infrastructure(
        "connectionBroken",
        "the connection to the container broke again and again".to_owned(),
        "look whether the container engine is in order; the step itself goes on",
    )
}

fn odd_answer() -> ExecutorError {
    infrastructure(
        "launcherFailed",
        "the launcher in the container answered something else than it was asked".to_owned(),
        "please report it",
    )
}

fn infrastructure(code: &'static str, message: String, advice: &str) -> ExecutorError {
    ExecutorError::Infrastructure { code, message, advice: advice.to_owned() }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
