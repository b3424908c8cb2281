//! What [`Store`](crate::store::Store) promises, one function for each sentence.
//!
//! A store of your own passes when all of them return `Ok`: implement [`StoreFactory`] and let
//! [`store_conformance_tests!`](crate::store_conformance_tests) write one test for each.

mod audit;
mod commits;
mod credentials;
mod deletion;
mod factory;
mod listings;
mod pipelines;
mod positions;
mod samples;
mod snapshots;
mod workspaces;

pub use self::audit::*;
pub use self::commits::*;
pub use self::credentials::*;
pub use self::deletion::*;
pub use self::factory::StoreFactory;
pub use self::listings::*;
pub use self::pipelines::*;
pub use self::positions::*;
pub use self::samples::*;
pub use self::snapshots::*;
pub use self::workspaces::*;
