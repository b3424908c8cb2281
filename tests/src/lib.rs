//! Tests of the whole, from outside: what the public contract of the command line promises, checked on running processes.
//!
//! [`kill`] is the harness that kills the embedding process and looks whether anything was lost, doubled or left behind.

pub mod api_front;
pub mod cluster;
pub mod daemons;
pub mod docker;
pub mod front;
pub mod git;
pub mod kill;
pub mod load;
pub mod outcome;
pub mod proxy;
pub mod story;
