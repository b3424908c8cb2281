//! Credentials as they are kept: sealed.

use crate::run::{Now, RunId};
use crate::secret::{CredentialKind, Sealed};

/// Whose a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialOwner {
    /// Every run of the installation may use it.
    Installation,
    /// Only this run may, and it goes with it.
    Run(RunId),
}

/// A credential, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRecord {
    /// Whose it is.
    pub owner: CredentialOwner,
    /// Its name, unique for its owner.
    pub name: String,
    /// What kind it is.
    pub kind: CredentialKind,
    /// What nobody can read without the master key.
    pub sealed: Sealed,
    /// When it was set last.
    pub changed: Now,
    /// Who set it last; may be empty.
    pub changed_by: String,
}

/// A change of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialChange {
    /// It is this one from now on, whether there was one of the name or not. `StoreError::NoSuchRun` for a run that is not
    /// there.
    Set(CredentialRecord),
    /// It goes. `StoreError::NoSuchCredential`.
    Remove {
        /// Whose it is.
        owner: CredentialOwner,
        /// Its name.
        name: String,
    },
    /// All that a run has go, if there are any.
    RemoveOfRun(RunId),
}
