//! How runs look to a person, as snapshots of the pure parts.

mod args;
mod fixtures;
mod follow_output;
mod listings;
mod timeline;
mod tree;
