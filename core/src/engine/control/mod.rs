//! Control of an engine by other processes: the socket in its data directory, what is said over it, and the client.
//!
//! One JSON value a line: a request, `{"version":1,"request":"cancel",…}`, is answered with `{"ok":{…}}` or with
//! `{"error":{"kind","code","message"}}`. Who may write into the data directory's socket is its user, and root.

#[cfg(unix)]
mod address;
mod client;
mod file;
#[cfg(unix)]
mod heard;
#[cfg(not(unix))]
mod no_server;
#[cfg(unix)]
mod obey;
mod protocol;
#[cfg(feature = "cli")]
mod record;
#[cfg(unix)]
mod server;

pub use client::Control;
pub(crate) use file::SocketFile;
#[cfg(not(unix))]
pub(crate) use no_server::Door;
pub use protocol::{EngineStatus, RunName};
#[cfg(feature = "cli")]
pub(crate) use record::{back_up_alone, record_decision};
#[cfg(unix)]
pub(crate) use server::Door;

#[cfg(test)]
#[cfg(unix)]
mod tests;
