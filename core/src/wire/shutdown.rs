//! How an engine ends, as data.

use serde::Deserialize;

use crate::engine::Shutdown;
use crate::pipeline::HumanDuration;

/// What a [`Shutdown`] says: `{"drain": {"limit": "5m"}}`, `"leaveRunning"` or `{"cancel": {"by": "ana"}}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ShutdownOptions {
    /// See [`Shutdown::Drain`].
    Drain {
        /// How long they are waited for; for ever when it is left out.
        #[serde(default)]
        limit: Option<HumanDuration>,
    },
    /// See [`Shutdown::LeaveRunning`].
    LeaveRunning,
    /// See [`Shutdown::Cancel`].
    Cancel {
        /// Who wants it; may be left out.
        #[serde(default)]
        by: String,
        /// Why; may be left out.
        #[serde(default)]
        reason: String,
    },
}

impl From<ShutdownOptions> for Shutdown {
    fn from(options: ShutdownOptions) -> Self {
        match options {
            ShutdownOptions::Drain { limit } => Self::Drain { limit: limit.map(HumanDuration::get) },
            ShutdownOptions::LeaveRunning => Self::LeaveRunning,
            ShutdownOptions::Cancel { by, reason } => Self::Cancel { by, reason },
        }
    }
}
