//! Steps in containers of a real Docker engine, seen from outside.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod beside;
mod cancels;
mod daemon;
mod endpoints;
mod events;
mod house;
mod kills;
mod pulls;
mod told;
