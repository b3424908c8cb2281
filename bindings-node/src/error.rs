//! How failures reach JavaScript: as one line of JSON, of which `native.ts` makes an `Error` with its class.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use napi::bindgen_prelude::Result;
use napi_derive::napi;
use windlass::{Error, ErrorKind};

use crate::quiet;

/// The error that JavaScript gets.
pub(crate) fn thrown(error: Error) -> napi::Error {
    let text = serde_json::to_string(&error).unwrap_or_else(|_| error.to_string());
    napi::Error::from_reason(text)
}

/// Does what may fail or panic; either becomes an error that JavaScript can catch.
pub(crate) async fn guarded<T>(
    operation: &'static str,
    work: impl Future<Output = windlass::Result<T>> + Send,
) -> Result<T> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result.map_err(thrown),
        Err(panic) => Err(thrown(panicked(operation, &*panic))),
    }
}

/// The same for what does not wait.
pub(crate) fn guarded_now<T>(operation: &'static str, work: impl FnOnce() -> windlass::Result<T>) -> Result<T> {
    match std::panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(thrown),
        Err(panic) => Err(thrown(panicked(operation, &*panic))),
    }
}

/// What a panic says, as an error.
fn panicked(operation: &'static str, panic: &(dyn Any + Send)) -> Error {
    let message = format!(
        "Windlass itself made a mistake: {}. Please report it with what was being done. The process and its other runs go on",
        quiet::message(panic)
    );
    Error::new(ErrorKind::Internal, "panic", operation, message)
}

/// Panics, for the test that one becomes an error.
#[napi]
pub async fn panic_for_tests() -> Result<()> {
    #[expect(clippy::panic, reason = "this is what the test wants")]
    guarded("test", async { panic!("a test wants it") }).await
}

/// A value as JSON.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> windlass::Result<String> {
    serde_json::to_string(value).map_err(|error| {
        let message = format!("a value cannot be written as JSON: {error}");
        Error::new(ErrorKind::Internal, "unwritable", "write", message)
    })
}
