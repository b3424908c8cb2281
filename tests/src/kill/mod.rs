//! The kill harness: the command line is killed with SIGKILL while a run goes on, and attached again until the run ends.
//!
//! - [`scenario`]: the pipelines, and what must come of them. Pure.
//! - [`check`](mod@check): what was seen against what must be; one [`Invariant`] each. Pure.
//! - [`program`]: the command line as a child process: started, killed, waited for.
//! - [`look`]: what can be seen from outside: processes, files, the command line's own answers.
//! - [`trial`]: one run with its kills.
//! - [`campaign`]: as many trials as it takes for a number of kills.
//!
//! Nothing here looks into the engine. It needs `/proc`, and so Linux.

pub mod campaign;
pub mod check;
pub mod look;
pub mod program;
pub mod scenario;
pub mod trial;
pub mod witness;

pub use campaign::{Campaign, Tally};
pub use check::{Invariant, Observation, Violation, check};
pub use program::{Ground, Program, Wound};
pub use scenario::{Scenario, ScenarioName};
pub use trial::{Plan, Trial};
