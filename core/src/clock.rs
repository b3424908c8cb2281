//! The only place that asks the machine for time, ids and randomness.

#[cfg(test)]
mod tests;

use std::fmt::{self, Debug};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::run::{Elapsed, Now};

/// A source of time and ids. [`SystemClock`] asks the machine; `testing::VirtualClock` is driven by a test.
#[async_trait]
pub trait Clock: Debug + Send + Sync + 'static {
    /// This moment.
    fn now(&self) -> Now;

    /// Returns when the elapsed time has reached `deadline`; at once when it has already.
    async fn sleep_until(&self, deadline: Elapsed);

    /// A new id that sorts after the earlier ones.
    fn new_id(&self) -> Uuid;

    /// Held while work goes on that no clock can see: on another thread, on a disk. Time that a test drives stands still
    /// meanwhile; the machine's does not care.
    fn busy(&self) -> Box<dyn Send + Sync> {
        Box::new(())
    }

    /// What a data directory keeps, so that elapsed time goes on from there after a boot of the machine. `None` for clocks
    /// that need nothing kept.
    fn to_save(&self) -> Option<String> {
        None
    }
}

/// Random bytes that nobody can guess, for keys. Not a clock's: also where a test drives the time, keys are real ones.
///
/// # Errors
/// When the system has none to give.
pub(crate) fn random_bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(std::io::Error::from)?;
    Ok(bytes)
}

/// A clock that several parts share.
pub type SharedClock = Arc<dyn Clock>;

/// A pair of dates and times as a data directory keeps it, so that its elapsed time goes on after a restart.
///
/// Its text form is for a setting of the store. Save it when the engine opens, and now and then while runs are going on:
/// after a boot of the machine, elapsed time goes on from the newest one that was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedClock {
    /// Which boot of the machine; `None` where the machine does not tell.
    pub boot_id: Option<String>,
    /// The date when it was saved.
    pub wall: Timestamp,
    /// The time since that boot when it was saved, in milliseconds.
    pub boottime: u64,
    /// The elapsed time when it was saved.
    pub elapsed: Elapsed,
}

/// Why a text is no [`SavedClock`].
#[derive(Debug, thiserror::Error)]
#[error("the saved clock cannot be read: {why}")]
pub struct SavedClockError {
    /// What the parser stumbled over.
    pub why: String,
}

impl fmt::Display for SavedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for SavedClock {
    type Err = SavedClockError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map_err(|why| SavedClockError { why: why.to_string() })
    }
}

/// Where elapsed time began, seen from this boot of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockOrigin {
    /// Which boot.
    boot_id: Option<String>,
    /// Elapsed time minus the time since the boot, in milliseconds.
    offset: i128,
}

impl ClockOrigin {
    /// Finds the origin from what was saved and from what the machine says now.
    ///
    /// In the same boot elapsed time goes on with the time since the boot, whatever happened to the date. In another boot,
    /// or where boots cannot be told apart, the date is all there is: it goes on by the difference of the dates, or stands
    /// where it was when the date went back. It never goes back behind what was saved.
    pub fn resume(saved: Option<SavedClock>, boot_id: Option<String>, wall: Timestamp, boottime: Duration) -> Self {
        let boottime = millis(boottime);
        let elapsed = saved.map_or(0, |saved| {
            let same_boot = boot_id.is_some() && saved.boot_id == boot_id;
            // A step back in the same boot happens in a container that was frozen and moved.
            let passed = match boottime.checked_sub(saved.boottime) {
                Some(passed) if same_boot => passed,
                _ => u64::try_from(wall.as_millisecond().saturating_sub(saved.wall.as_millisecond())).unwrap_or(0),
            };
            saved.elapsed.as_millis().saturating_add(passed)
        });
        Self { boot_id, offset: i128::from(elapsed) - i128::from(boottime) }
    }

    /// The elapsed time at a time since the boot.
    pub fn elapsed(&self, boottime: Duration) -> Elapsed {
        let elapsed = i128::from(millis(boottime)).saturating_add(self.offset).max(0);
        Elapsed::from_millis(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }
}

/// The machine's clock. Elapsed time goes on while the machine is suspended, and no change of the date touches it.
#[derive(Debug)]
pub struct SystemClock {
    origin: ClockOrigin,
}

/// The longest time that one timer is trusted: the runtime's timers stand still while the machine is suspended.
const LONGEST_TIMER: Duration = Duration::from_secs(15);

impl SystemClock {
    /// A clock that counts from this origin.
    pub fn new(origin: ClockOrigin) -> Self {
        Self { origin }
    }

    /// A clock that goes on from what the data directory has saved; from zero when it has nothing.
    pub fn resume(saved: Option<SavedClock>) -> Self {
        Self::new(ClockOrigin::resume(saved, machine::boot_id(), wall(), machine::boottime()))
    }

    /// What the data directory shall keep.
    pub fn saved(&self) -> SavedClock {
        let boottime = machine::boottime();
        SavedClock {
            boot_id: self.origin.boot_id.clone(),
            wall: wall(),
            boottime: millis(boottime),
            elapsed: self.origin.elapsed(boottime),
        }
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now { wall: wall(), elapsed: self.origin.elapsed(machine::boottime()) }
    }

    async fn sleep_until(&self, deadline: Elapsed) {
        loop {
            let left = deadline.since(self.origin.elapsed(machine::boottime()));
            if left.is_zero() {
                return;
            }
            pause(left.min(LONGEST_TIMER)).await;
        }
    }

    fn to_save(&self) -> Option<String> {
        Some(self.saved().to_string())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that others are told to ask")]
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A word for this boot of the machine; `None` where the machine does not tell.
pub(crate) fn boot() -> Option<String> {
    machine::boot_id()
}

/// Lets real time pass: for the system clock, and for a virtual one that looks whether anything is still going on.
#[expect(clippy::disallowed_methods, reason = "this is the clock that others are told to ask")]
pub(crate) async fn pause(length: Duration) {
    tokio::time::sleep(length).await;
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that others are told to ask")]
fn wall() -> Timestamp {
    Timestamp::now()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(unix)]
mod machine {
    use std::time::Duration;

    use nix::time::{ClockId, clock_gettime};

    /// The time since the machine's boot, suspended or not.
    pub(super) fn boottime() -> Duration {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let time = clock_gettime(ClockId::CLOCK_BOOTTIME).or_else(|_| clock_gettime(ClockId::CLOCK_MONOTONIC));
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let time = clock_gettime(ClockId::CLOCK_MONOTONIC);
        // POSIX lets this fail only for a clock that does not exist, and the standard library needs the same one.
        time.map(Duration::from).unwrap_or_default()
    }

    /// A text that is another one after each boot.
    pub(super) fn boot_id() -> Option<String> {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(text.trim().to_owned()).filter(|id| !id.is_empty())
    }
}

#[cfg(not(unix))]
mod machine {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    /// The time since this process asked first: the date bridges the rest.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others are told to ask")]
    pub(super) fn boottime() -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    /// A text that is another one after each boot: not known here.
    pub(super) fn boot_id() -> Option<String> {
        None
    }
}
