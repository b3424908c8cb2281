//! Sources over real git remotes: a folder, HTTP with a password and with TLS, SSH with keys.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod checkout;
mod crashes;
mod credentials;
mod disk;
mod engine;
mod failures;
mod http;
mod large;
mod local;
mod ssh;
mod submodules;
mod support;
