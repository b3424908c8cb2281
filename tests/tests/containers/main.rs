//! Steps in containers of a real Docker engine, seen from outside.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod daemon;
mod events;
mod kills;
