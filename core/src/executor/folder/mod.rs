//! What executors keep in a folder of this machine: runs with their workspaces, and steps with their tokens, logs and secrets.
//! Shared by those whose steps work on this machine; those with containers use only how a source folder is copied.

pub(super) mod copy;
pub(super) mod layout;
pub(super) mod remove;
pub(super) mod secrets;
pub(super) mod transfer;
pub(super) mod workspace;
mod written;
