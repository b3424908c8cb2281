//! Images: registries, and what is built and published, on real engines and registries.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod build;
mod build_faults;
mod buildkit;
mod registry;
mod registry_faults;
mod set_up;
mod workbench;
