//! What the driver of a run is told.

use tokio::sync::oneshot;

use crate::error::Result;
use crate::run::{Input, StepKey, WaitReason};

/// How many messages may wait for a driver. A follower of a log that is faster waits; its step does not.
pub(super) const INBOX: usize = 256;

/// What a driver is told.
pub(super) enum Message {
    /// Something for the run machine.
    Input(Input),
    /// The same, with somebody who waits until it is committed.
    Control(Input, oneshot::Sender<Result<()>>),
    /// So many slots more are the run's.
    Slots(usize),
    /// The executor noticed that a step waits, or waits no longer.
    Observed(StepKey, Option<WaitReason>),
}
