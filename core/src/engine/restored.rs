//! What a restored data directory remembers of it: which runs lost their steps. Pure but for reading the note.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::run::{Cause, RunId};
use crate::store::Store;

/// The setting under which it is kept.
const SETTING: &str = "restored";

/// The runs that went on when the backup was made from which a data directory was restored, with their workspaces then.
/// A later workspace is none of them, so that this stays true for ever.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Restored {
    runs: BTreeMap<RunId, u32>,
}

impl Restored {
    /// Notes a run that went on, and the generation of its workspace.
    #[cfg(feature = "sqlite")]
    pub(super) fn went_on(&mut self, run: RunId, generation: u32) {
        self.runs.insert(run, generation);
    }

    /// The setting to be kept.
    #[cfg(feature = "sqlite")]
    pub(super) fn setting(&self) -> Result<(String, String)> {
        let text = serde_json::to_string(self)
            .map_err(|error| Error::new(ErrorKind::Internal, "unwritable", "restore", error.to_string()))?;
        Ok((SETTING.to_owned(), text))
    }

    pub(super) async fn read(store: &dyn Store) -> Result<Self> {
        let Some(text) = store.setting(SETTING).await? else { return Ok(Self::default()) };
        serde_json::from_str(&text).map_err(|error| {
            let message = format!("the setting {SETTING:?} is damaged: {error}");
            Error::new(ErrorKind::Damaged, "damaged", "open", message)
        })
    }

    /// Why the workspace of a run is gone, when it is because of that.
    pub(super) fn cause(&self, run: RunId, generation: u32) -> Option<Cause> {
        (self.runs.get(&run) == Some(&generation)).then(|| {
            Cause::new(
                "restored",
                "the data directory was restored from a backup that was made while this run was going on: what its steps had \
                 in their workspace is not in it, and what became of them is not known",
                "Look at what the step changed outside of its workspace, and run it again.",
            )
        })
    }
}
