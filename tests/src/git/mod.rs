//! Real git repositories, behind a real HTTP server (git's own `http-backend`) and a real `sshd`.

mod http;
mod repository;
mod ssh;

pub use http::HttpRemote;
pub use repository::Repository;
pub use ssh::SshRemote;
