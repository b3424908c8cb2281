//! For the tests of those who embed Windlass, and for its own: time that a test drives, and steps that a test scripts.
//! [`PipelineTest`] puts them together for the unit test of a pipeline.
//!
//! ```
//! use std::time::Duration;
//! use windlass::clock::Clock;
//! use windlass::testing::VirtualClock;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let clock = VirtualClock::auto();
//! let tomorrow = clock.now().elapsed + Duration::from_secs(24 * 3600);
//! clock.sleep_until(tomorrow).await; // some milliseconds later
//! assert_eq!(clock.now().elapsed, tomorrow);
//! # });
//! ```

pub mod executor_conformance;
mod exposure;
mod pipeline_test;
mod scripted;
pub mod store_conformance;
mod virtual_clock;

pub use exposure::{Exposure, exposed_in, exposures};
pub use pipeline_test::{PipelineTest, StepCall, TaskAssert, TestArtifact, TestOutcome};
pub use scripted::{Call, Script, ScriptedExecutor};
pub use virtual_clock::{Hold, VirtualClock};
