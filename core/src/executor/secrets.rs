//! What a step gets that must show up nowhere but in the step.

use std::collections::BTreeMap;

use crate::secret::{Credential, SecretBytes, SecretText};

/// Credentials for a step, apart from everything that may be shown. `Debug` prints the names only.
///
/// What an executor does with them:
///
/// - **Never** into a log, an error, an event, a label or annotation, a command line, or any description of the step that
///   somebody else can read or that outlives it.
/// - Each of [`env`](Self::env) becomes an environment variable of the step and of nothing else: not of the container or pod
///   that other steps share. They win over [`StepSpec::env`](super::StepSpec::env).
/// - Each of [`files`](Self::files) becomes a file with exactly these bytes, named as its variable, in a folder of this step
///   alone: outside of the workspace, readable by the step's user only (0600 or 0400 in a folder of 0700), in memory (tmpfs)
///   where the executor can have that. The variable of this name gets the absolute path as the step sees it.
/// - The files are gone when `wait` returns, whatever way the step ended, and after `stop`, `release` and `sweep`.
/// - `start` may come again, with the same values: what is there already is right.
/// - What cannot be passed without showing it (a name that the shim would have to spell out somewhere) is
///   [`BadStep`](super::ExecutorError::BadStep); its message names the variable and never the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepSecrets {
    /// Values by the name of their environment variable.
    pub env: BTreeMap<String, SecretText>,
    /// Contents of files by the name of the environment variable that has the file's path.
    pub files: BTreeMap<String, SecretBytes>,
    /// What its images are fetched with, by the names that [`StepContainer`](super::StepContainer) has. For the executor alone:
    /// the step never sees them.
    pub pulls: BTreeMap<String, Credential>,
}

impl StepSecrets {
    /// Whether there are none, as for most steps.
    pub fn is_empty(&self) -> bool {
        self.env.is_empty() && self.files.is_empty() && self.pulls.is_empty()
    }
}
