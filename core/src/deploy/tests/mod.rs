//! The decisions of deployment, without a cluster.

mod differences;
mod logs;
mod orders;
mod reading;
mod states;
