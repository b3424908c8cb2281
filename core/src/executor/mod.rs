//! Where steps run: the contract, and the executors that come with Windlass.

mod contract;
mod error;

pub use contract::*;
pub use error::ExecutorError;
