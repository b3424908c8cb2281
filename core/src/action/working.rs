//! Work of an action that no clock can see.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::SharedClock;

/// Says that an action works where no clock can see it: on a thread of another language, in that one's event loop. As long as
/// this lives, time that a test drives stands still, except while the action [waits](Waits). The machine's time does not care.
#[derive(Debug)]
pub struct Working(Waits);

/// Says when an action that is [working](Working) waits for what needs time to go on. Clones speak for the same work.
#[derive(Clone, Debug)]
pub struct Waits(Arc<Shared>);

struct Shared {
    clock: SharedClock,
    state: Mutex<State>,
}

enum State {
    /// It works, and holds the clock.
    Works {
        _held: Box<dyn Send + Sync>,
    },
    /// It waits for so many things at once.
    Waits(usize),
    Over,
}

impl Working {
    pub(super) fn begin(clock: &SharedClock) -> Self {
        let state = Mutex::new(State::Works { _held: clock.busy() });
        Self(Waits(Arc::new(Shared { clock: Arc::clone(clock), state })))
    }

    /// For the parts of the action that wait.
    pub fn waits(&self) -> Waits {
        self.0.clone()
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        *self.0.0.lock() = State::Over;
    }
}

impl Waits {
    /// Waits for something that needs time to go on, such as a deadline of the engine's clock.
    pub async fn during<T>(&self, what: impl Future<Output = T>) -> T {
        let _waiting = Waiting::begin(&self.0);
        what.await
    }

    /// From here on nobody can tell when the action works and when it waits, as when it asked to be told of its end. Time goes
    /// on until [`Working`] is over.
    pub fn for_good(&self) {
        self.0.more();
    }
}

/// Something is waited for until this is dropped.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.more();
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.less();
    }
}

impl Shared {
    fn more(&self) {
        let mut state = self.lock();
        match &mut *state {
            State::Works { .. } => *state = State::Waits(1),
            State::Waits(count) => *count += 1,
            State::Over => {}
        }
    }

    fn less(&self) {
        let mut state = self.lock();
        match &mut *state {
            State::Waits(1) => *state = State::Works { _held: self.clock.busy() },
            State::Waits(count) => *count = count.saturating_sub(1),
            State::Works { .. } | State::Over => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.lock() {
            State::Works { .. } => "works".to_owned(),
            State::Waits(count) => format!("waits for {count}"),
            State::Over => "over".to_owned(),
        };
        f.debug_tuple("Shared").field(&state).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::run::Elapsed;
    use crate::testing::VirtualClock;

    fn working() -> (VirtualClock, Working) {
        let clock = VirtualClock::auto();
        let shared: SharedClock = Arc::new(clock.clone());
        (clock, Working::begin(&shared))
    }

    /// Returns when the clock has gone on by itself; never when it is held.
    async fn goes_on(clock: &VirtualClock) {
        clock.sleep_until(clock.now().elapsed + Duration::from_secs(1)).await;
    }

    /// Real time is let pass in which a clock that is not held would have gone on.
    async fn stands_still(clock: &VirtualClock) {
        tokio::select! {
            biased;
            () = goes_on(clock) => panic!("the clock went on while the action worked"),
            () = crate::clock::pause(Duration::from_millis(50)) => {}
        }
    }

    #[tokio::test]
    async fn time_stands_still_while_an_action_works_and_goes_on_while_it_waits() {
        let (clock, working) = working();
        let waits = working.waits();
        stands_still(&clock).await;
        waits.during(clock.sleep_until(Elapsed::from_millis(7_200_000))).await;
        stands_still(&clock).await;
        // Of two waits at once the longer one counts.
        let (short, long) = (Elapsed::from_millis(8_000_000), Elapsed::from_millis(9_000_000));
        tokio::join!(waits.during(clock.sleep_until(short)), waits.during(clock.sleep_until(long)));
        stands_still(&clock).await;
        waits.for_good();
        goes_on(&clock).await;
    }

    #[tokio::test]
    async fn nothing_is_held_when_it_is_over() {
        let (clock, working) = working();
        let waits = working.waits();
        drop(working);
        goes_on(&clock).await;
        // What goes on beside and comes too late holds nothing again.
        waits.during(std::future::ready(())).await;
        goes_on(&clock).await;
    }
}
