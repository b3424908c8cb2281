//! Virtual time and scripted steps for engines in tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use serde::Deserialize;
use windlass::clock::Clock;
use windlass::pipeline::HumanDuration;
use windlass::testing::{Script, ScriptedExecutor, VirtualClock};
use windlass::{Error, ErrorKind, wire};

use crate::error::{guarded, guarded_now};
use crate::testing::ScriptOptions;

/// Clocks by their numbers, since an object of JavaScript cannot be carried to another thread.
static CLOCKS: LazyLock<Mutex<Numbered<VirtualClock>>> = LazyLock::new(Mutex::default);
/// Executors by their numbers.
static EXECUTORS: LazyLock<Mutex<Numbered<ScriptedExecutor>>> = LazyLock::new(Mutex::default);

struct Numbered<T> {
    last: u32,
    all: HashMap<u32, T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { last: 0, all: HashMap::new() }
    }
}

impl<T> Numbered<T> {
    fn add(&mut self, value: T) -> u32 {
        self.last += 1;
        self.all.insert(self.last, value);
        self.last
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::NotFound, "gone", "test", "there is no such clock or executor any more")
}

/// The clock of a number.
pub(crate) fn clock(number: u32) -> windlass::Result<VirtualClock> {
    CLOCKS.lock().unwrap_or_else(PoisonError::into_inner).all.get(&number).cloned().ok_or_else(gone)
}

/// The executor of a number.
pub(crate) fn executor(number: u32) -> windlass::Result<ScriptedExecutor> {
    EXECUTORS.lock().unwrap_or_else(PoisonError::into_inner).all.get(&number).cloned().ok_or_else(gone)
}

/// A clock that a test drives.
#[napi]
pub struct NativeClock {
    clock: VirtualClock,
    number: u32,
}

#[napi]
impl NativeClock {
    /// A clock that moves only by `advance`.
    #[napi(constructor)]
    pub fn new() -> Self {
        let clock = VirtualClock::new();
        let number = CLOCKS.lock().unwrap_or_else(PoisonError::into_inner).add(clock.clone());
        Self { clock, number }
    }

    /// Its number.
    #[napi(getter)]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The milliseconds that have passed on it.
    #[napi(getter)]
    pub fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.clock.now().elapsed.since(windlass::run::Elapsed::default()).as_millis()).unwrap_or(i64::MAX)
    }

    /// Lets time pass.
    #[napi]
    pub async fn advance(&self, length: String) -> Result<()> {
        guarded("test", async {
            let length: HumanDuration = wire::read(&length, "test")?;
            self.clock.advance(length.get()).await;
            Ok(())
        })
        .await
    }

    /// Waits until so many sleep.
    #[napi]
    pub async fn until_sleepers(&self, count: u32) -> Result<()> {
        guarded("test", async {
            self.clock.until_sleepers(usize::try_from(count).unwrap_or(usize::MAX)).await;
            Ok(())
        })
        .await
    }
}

impl Drop for NativeClock {
    fn drop(&mut self) {
        CLOCKS.lock().unwrap_or_else(PoisonError::into_inner).all.remove(&self.number);
    }
}

/// An executor whose steps do what a test says.
#[napi]
pub struct NativeScripted {
    executor: ScriptedExecutor,
    number: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptedOptions {
    clock: u32,
    tasks: BTreeMap<String, Vec<ScriptOptions>>,
}

/// Makes an executor whose steps do what a test says.
#[napi]
pub fn scripted_executor(options: String) -> Result<NativeScripted> {
    guarded_now("test", || {
        let ScriptedOptions { clock: number, tasks } = wire::read(&options, "test")?;
        let mut executor = ScriptedExecutor::new(Arc::new(clock(number)?));
        for (name, scripts) in tasks {
            executor = executor.attempts(&name, scripts.into_iter().map(Script::from));
        }
        let number = EXECUTORS.lock().unwrap_or_else(PoisonError::into_inner).add(executor.clone());
        Ok(NativeScripted { executor, number })
    })
}

#[napi]
impl NativeScripted {
    /// Its number.
    #[napi(getter)]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// How many steps of a task were really started.
    #[napi]
    pub fn started(&self, task: String) -> u32 {
        u32::try_from(self.executor.started(&task)).unwrap_or(u32::MAX)
    }

    /// The most steps that ever went on at the same moment.
    #[napi]
    pub fn peak(&self) -> u32 {
        u32::try_from(self.executor.peak()).unwrap_or(u32::MAX)
    }
}

impl Drop for NativeScripted {
    fn drop(&mut self) {
        EXECUTORS.lock().unwrap_or_else(PoisonError::into_inner).all.remove(&self.number);
    }
}
