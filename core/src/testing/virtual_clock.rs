//! A clock that a test drives.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

use crate::clock::{Clock, pause};
use crate::run::{Elapsed, Now};

/// A clock that stands still until a test moves it. Clones show the same time.
///
/// The date starts at 2026-01-01 00:00 UTC and the elapsed time at zero, and ids are numbered, so that the same test gives
/// the same events.
///
/// - [`VirtualClock::new`]: the test calls [`advance`](Self::advance).
/// - [`VirtualClock::auto`]: the clock jumps to the next deadline by itself as soon as nothing else goes on.
///
/// **What auto cannot see.** It takes it that nothing goes on when nobody has asked the clock for anything for some
/// milliseconds of real time, and every task of the runtime has had its turn. Work on other threads may take longer than
/// that: hold the clock meanwhile ([`hold`](Self::hold), as an engine does while it writes logs), or wait longer
/// ([`auto_after`](Self::auto_after)). A task that asks for the time in a loop keeps the clock from jumping.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    shared: Arc<Shared>,
}

/// Keeps a clock made by [`VirtualClock::auto`] from jumping until it is dropped.
#[derive(Debug)]
pub struct Hold {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Told when a sleeper comes or goes, when a hold ends, and when the last clock is dropped.
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    elapsed: Elapsed,
    /// The date at the origin.
    origin: Timestamp,
    /// Those who sleep, by deadline and then by who came first.
    sleepers: BTreeMap<(Elapsed, u64), oneshot::Sender<()>>,
    ids: u64,
    holds: usize,
    /// Counts what anybody asked of the clock: as long as it grows, something goes on.
    asked: u64,
}

/// Each turn lets every task that is ready do one thing; a chain of wake-ups takes a turn a link.
const TURNS: u32 = 64;
/// Real time in which nobody may ask the clock for anything before it jumps.
const QUIET: Duration = Duration::from_millis(2);
/// 2026-01-01 00:00 UTC.
const START: i64 = 1_767_225_600;

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl VirtualClock {
    /// A clock that moves only by [`advance`](Self::advance).
    pub fn new() -> Self {
        let state = State {
            elapsed: Elapsed::default(),
            origin: Timestamp::from_second(START).unwrap_or(Timestamp::UNIX_EPOCH),
            sleepers: BTreeMap::new(),
            ids: 0,
            holds: 0,
            asked: 0,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Arc::default() }) }
    }

    /// A clock that jumps to the next deadline whenever nothing else goes on. Call it inside a tokio runtime with its timers
    /// enabled, best a current-thread one; the jumps end with the last clone.
    pub fn auto() -> Self {
        Self::auto_after(QUIET)
    }

    /// As [`auto`](Self::auto), with the real time in which nobody may ask the clock for anything before it jumps.
    pub fn auto_after(quiet: Duration) -> Self {
        let clock = Self::new();
        let changed = Arc::clone(&clock.shared.changed);
        tokio::spawn(drive(Arc::downgrade(&clock.shared), changed, quiet));
        clock
    }

    /// Lets time pass. Each deadline on the way is reached in its order, and who slept until then gets to run (and perhaps
    /// to sleep again) before the clock goes on.
    pub async fn advance(&self, length: Duration) {
        self.settle().await;
        let target = self.shared.lock().elapsed + length;
        while let Some(deadline) = self.shared.next_deadline().filter(|deadline| *deadline <= target) {
            self.shared.jump(deadline);
            self.settle().await;
        }
        self.shared.jump(target);
        self.settle().await;
    }

    /// Sets the date, as an administrator does. Elapsed time is not touched.
    pub fn set_wall(&self, wall: Timestamp) {
        let mut state = self.shared.lock();
        let elapsed = signed(state.elapsed);
        state.origin = wall.checked_sub(elapsed).unwrap_or(Timestamp::MIN);
    }

    /// How many sleep.
    pub fn sleepers(&self) -> usize {
        self.shared.lock().sleepers.len()
    }

    /// The earliest moment for which somebody sleeps.
    pub fn next_deadline(&self) -> Option<Elapsed> {
        self.shared.next_deadline()
    }

    /// Returns when at least so many sleep: a test's way to know that the code under test has come to its deadline.
    pub async fn until_sleepers(&self, count: usize) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.sleepers() >= count {
                return;
            }
            changed.await;
        }
    }

    /// Keeps the clock from jumping by itself while work goes on that it cannot see.
    pub fn hold(&self) -> Hold {
        let mut state = self.shared.lock();
        state.asked += 1;
        state.holds += 1;
        drop(state);
        Hold { shared: Arc::clone(&self.shared) }
    }

    /// Lets every task that is ready have its turns.
    async fn settle(&self) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.asked += 1;
        state.holds -= 1;
        drop(state);
        self.shared.changed.notify_waiters();
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Now {
        let mut state = self.shared.lock();
        state.asked += 1;
        let wall = state.origin.checked_add(signed(state.elapsed)).unwrap_or(Timestamp::MAX);
        Now { wall, elapsed: state.elapsed }
    }

    async fn sleep_until(&self, deadline: Elapsed) {
        let Some((_sleeper, woken)) = Sleeper::register(&self.shared, deadline) else { return };
        // The sender goes only by being used: `_sleeper` takes it out when this future is dropped.
        let _ = woken.await;
    }

    fn busy(&self) -> Box<dyn Send + Sync> {
        Box::new(self.hold())
    }

    fn new_id(&self) -> Uuid {
        let mut state = self.shared.lock();
        state.asked += 1;
        state.ids += 1;
        // The form of version 7, with a counter in the place of randomness. Elapsed time never goes back; the date may.
        let millis = u64::try_from(START).unwrap_or(0) * 1000 + state.elapsed.as_millis();
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&state.ids.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that panics happens under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_deadline(&self) -> Option<Elapsed> {
        self.lock().sleepers.keys().next().map(|(deadline, _)| *deadline)
    }

    /// Sets the elapsed time, never back, and wakes who slept until then.
    fn jump(&self, to: Elapsed) {
        let mut state = self.lock();
        state.elapsed = state.elapsed.max(to);
        let after = (state.elapsed + Duration::from_millis(1), 0);
        let later = state.sleepers.split_off(&after);
        let due = std::mem::replace(&mut state.sleepers, later);
        drop(state);
        for (_, sleeper) in due {
            let _ = sleeper.send(());
        }
    }

    /// What must stay the same for a while before the clock jumps; `None` when it may not jump at all.
    fn quiet_mark(&self) -> Option<(u64, Elapsed)> {
        let state = self.lock();
        let (deadline, _) = state.sleepers.keys().next()?;
        (state.holds == 0).then_some((state.asked, *deadline))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

/// The place of a sleeper, which is left when the sleep is given up.
struct Sleeper {
    shared: Arc<Shared>,
    place: (Elapsed, u64),
}

impl Sleeper {
    /// `None` when the deadline has come already.
    fn register(shared: &Arc<Shared>, deadline: Elapsed) -> Option<(Self, oneshot::Receiver<()>)> {
        let mut state = shared.lock();
        state.asked += 1;
        if state.elapsed >= deadline {
            return None;
        }
        let place = (deadline, state.asked);
        let (sender, receiver) = oneshot::channel();
        state.sleepers.insert(place, sender);
        drop(state);
        shared.changed.notify_waiters();
        Some((Self { shared: Arc::clone(shared), place }, receiver))
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.asked += 1;
        state.sleepers.remove(&self.place);
        drop(state);
        self.shared.changed.notify_waiters();
    }
}

/// Jumps from deadline to deadline until the last clock is gone.
async fn drive(clock: Weak<Shared>, changed: Arc<Notify>, quiet: Duration) {
    loop {
        let notified = changed.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        let Some(mark) = clock.upgrade().map(|shared| shared.quiet_mark()) else { return };
        match mark {
            None => notified.await,
            Some(before) => {
                let_others_run(quiet).await;
                let Some(shared) = clock.upgrade() else { return };
                if shared.quiet_mark() == Some(before) {
                    shared.jump(before.1);
                }
            }
        }
    }
}

async fn let_others_run(quiet: Duration) {
    pause(quiet).await;
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

fn signed(elapsed: Elapsed) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}
