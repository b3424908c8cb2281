//! Real git repositories, behind a real HTTP server (git's own `http-backend`) and a real `sshd`.
#![expect(clippy::panic, reason = "a fixture that cannot be made ends the test that wants it")]

mod http;
mod repository;
mod ssh;

pub use http::HttpRemote;
pub use repository::Repository;
pub use ssh::SshRemote;
