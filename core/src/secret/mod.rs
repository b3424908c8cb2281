//! Credentials: what they are, how they are sealed at rest, where else they may come from, and every form in which one of
//! them could show up in a log.
//!
//! A credential is sealed with a data key of its own, and the data key with the installation's [`MasterKey`]; to change the
//! master key only the data keys are sealed again. Nothing here is printed by `Debug`, and memory is wiped when it is let go.

mod credential;
mod error;
mod forms;
mod key;
mod key_source;
mod masks;
mod parts;
mod provider;
mod providers;
mod seal;
mod target;
mod value;

pub use credential::{Credential, CredentialKind};
pub use error::SecretError;
pub use forms::{SHORTEST_MASKED, forms};
pub use key::{KeyId, MasterKey};
pub use key_source::{KeyCallback, KeyRing, KeySource};
pub use masks::{Masks, Unmasked, unmasked};
pub use provider::SecretProvider;
pub use providers::SecretProviders;
pub use seal::Sealed;
pub use target::{CredentialReport, CredentialTarget, CredentialTest, TargetKind};
pub use value::{SecretBytes, SecretText};

#[cfg(test)]
mod tests;
