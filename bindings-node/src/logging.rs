//! What the core says about its work on its way to a logger of JavaScript, in batches.

use std::sync::{Mutex, PoisonError};

use napi::Status;
use napi::bindgen_prelude::Result;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use windlass::wire::Records;

use crate::error::{guarded_now, json};

/// A function of JavaScript that takes what waits. It keeps no process alive.
pub type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// The one of this process: that which was given last.
static LOGGER: Mutex<Option<Wake>> = Mutex::new(None);

/// Lets a function be called whenever there are records to take, from this level on; without one nobody listens any more.
#[napi]
pub fn listen_to_records(wake: Option<Wake>, level: String) {
    Records::want(if wake.is_some() { &level } else { "none" });
    *LOGGER.lock().unwrap_or_else(PoisonError::into_inner) = wake;
    Records::listen(tell);
}

/// Whether somebody was told.
fn tell() -> bool {
    let logger = LOGGER.lock().unwrap_or_else(PoisonError::into_inner);
    logger.as_ref().is_some_and(|wake| wake.call((), ThreadsafeFunctionCallMode::NonBlocking) == Status::Ok)
}

/// What waits, as JSON.
#[napi]
pub fn take_records() -> Result<String> {
    guarded_now("log", || json(&Records::take()))
}
