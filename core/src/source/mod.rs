//! Git repositories as sources of builds: a mirror for each remote, commits by branch, tag, commit or merge request, and
//! working copies made from the mirror.
//!
//! libgit2 does git's part; HTTP goes through reqwest and SSH through russh, so that no program of the host is needed and
//! nothing of the host's configuration (credentials, proxies by command, `ext::` helpers) has a say.

mod access;
mod copy;
mod error;
mod export;
mod fetch;
mod http;
mod known_hosts;
mod mirror;
mod partial;
mod refs;
mod session;
mod ssh;
mod submodules;
mod tidy;
mod url;

pub use access::{Access, Login, SshLogin};
pub use error::SourceError;
pub use export::Exported;
pub use mirror::{Commit, Fetched, Mirrors};
pub use refs::{RefName, RemoteRefs};
pub use url::RemoteUrl;

pub(crate) use ssh::try_login;

#[cfg(test)]
mod tests;
