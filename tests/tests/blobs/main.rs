//! Caches and artifacts in a bucket of a real server that speaks S3.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bucket;
mod faults;
mod kept;
mod server;
