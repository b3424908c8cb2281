//! Reaching the engine that works on a data directory, or doing without one.

use std::time::Duration;

use super::args::DataDirArg;
use crate::clock::{Clock, SystemClock};
use crate::engine::Control;
use crate::error::{Error, Result};

/// An engine that was just opened takes requests a moment later.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// Asks the engine in another process; where none works on the data directory, does it without one.
pub(super) async fn ask_or_do<T>(
    data_dir: &DataDirArg,
    ask: impl AsyncFn(Control) -> Result<T>,
    alone: impl AsyncFn() -> Result<T>,
) -> Result<T> {
    let clock = SystemClock::resume(None);
    let mut tries = TRIES;
    loop {
        match Control::connect(&data_dir.data_dir).await {
            Ok(control) => return ask(control).await,
            Err(error) if error.code() == "noEngine" => {}
            Err(error) => return Err(error),
        }
        match alone().await {
            Err(error) if error.code() == "locked" && tries > 0 => tries -= 1,
            Err(error) if error.code() == "locked" => return Err(silent(&error)),
            result => return result,
        }
        clock.sleep_until(clock.now().elapsed + PAUSE).await;
    }
}

/// Somebody holds the directory and has no socket.
fn silent(error: &Error) -> Error {
    let message = format!("{error}. It takes no requests: its engine was opened without a control socket");
    Error::new(error.kind(), error.code(), error.operation(), message)
}
