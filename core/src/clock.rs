//! The only place that asks the machine for time, ids and randomness.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use crate::run::{Elapsed, Now};

/// A source of time and ids. [`SystemClock`] asks the machine; `testing::VirtualClock` is driven by a test.
#[async_trait]
pub trait Clock: Debug + Send + Sync + 'static {
    /// This moment.
    fn now(&self) -> Now;

    /// Returns when the elapsed time has reached `deadline`; at once when it has already.
    async fn sleep_until(&self, deadline: Elapsed);

    /// A new id that sorts after the earlier ones.
    fn new_id(&self) -> Uuid;
}

/// A clock that several parts share.
pub type SharedClock = Arc<dyn Clock>;
