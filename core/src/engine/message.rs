//! What the driver of a run is told.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::audit::AuditEntry;
use crate::error::Result;
use crate::run::{Input, StepKey, WaitReason};

/// How many messages may wait for a driver. A follower of a log that is faster waits; its step does not.
pub(super) const INBOX: usize = 256;

/// Something that a person wants of a run. Committed together with who wanted it, when it has any effect.
pub(super) struct Control {
    /// What it is for the run machine.
    pub(super) input: Input,
    /// What the audit trail says about it.
    pub(super) audit: AuditEntry,
    /// Told when it is committed.
    pub(super) reply: oneshot::Sender<Result<()>>,
}

/// A workspace that the executor keeps of a run that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keep {
    /// Which one.
    pub(super) generation: u32,
    /// For how long.
    pub(super) time: Duration,
}

/// What a driver is told.
pub(super) enum Message {
    /// Something for the run machine.
    Input(Input),
    /// Something for the run machine; who tells it wants to know when it is durable.
    Durable {
        /// What it is.
        input: Input,
        /// Told when it is committed.
        reply: oneshot::Sender<Result<()>>,
    },
    /// Something that a person wants.
    Control(Control),
    /// So many slots more are the run's.
    Slots(usize),
    /// The executor noticed that a step waits, or waits no longer.
    Observed(StepKey, Option<WaitReason>),
    /// The executor has freed what it held for the run, its workspace apart when that is kept.
    Released(Option<Keep>),
}
