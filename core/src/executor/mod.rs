//! Where steps run: the contract, and the executors that come with Windlass.

mod contract;
mod error;
#[cfg(unix)]
mod local;
#[cfg(not(unix))]
#[path = "local/unsupported.rs"]
mod local;
#[cfg(unix)]
mod simple;

pub use contract::*;
pub use error::ExecutorError;
pub use local::LocalExecutor;
#[cfg(unix)]
pub use simple::{Simple, SimpleExecutor, StepContext};
