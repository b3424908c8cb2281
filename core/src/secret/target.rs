//! Trying a credential on what it is for.

use std::fmt;
use std::fmt::Debug;
use std::str::FromStr;

use async_trait::async_trait;

use super::credential::Credential;
use crate::error::Result;

/// What kind of target a credential is tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TargetKind {
    /// A git repository: its branches and tags are listed. The address is its URL.
    Git,
    /// A registry of images: a login. The address is that of the registry.
    Registry,
    /// A Kubernetes cluster: its version, and what the user may do. The address is a namespace; may be empty.
    Cluster,
    /// A host with an SSH server: a login. The address is `HOST` or `HOST:PORT`.
    Ssh,
}

impl TargetKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Git, Self::Registry, Self::Cluster, Self::Ssh];

    /// The word in documents and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Registry => "registry",
            Self::Cluster => "cluster",
            Self::Ssh => "ssh",
        }
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TargetKind {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| format!("{word:?} is no kind of target; known are {}", known()))
    }
}

/// What a credential is tried on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialTarget {
    /// What kind of thing it is.
    pub kind: TargetKind,
    /// Where it is, as its kind has it.
    pub address: String,
}

impl CredentialTarget {
    /// A target.
    pub fn new(kind: TargetKind, address: impl Into<String>) -> Self {
        Self { kind, address: address.into() }
    }
}

/// A credential worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialReport {
    /// What was seen with it, for people: `3 branches and 2 tags`.
    pub message: String,
}

/// Tries credentials on targets of one kind. The rooms that talk to such targets implement it, and embedders may bring their own
/// with [`EngineBuilder::credential_test`](crate::EngineBuilder::credential_test).
#[async_trait]
pub trait CredentialTest: Debug + Send + Sync + 'static {
    /// Tries it, and changes nothing at the target. `name` is that of the credential, for messages.
    ///
    /// # Errors
    /// `wrongCredentialKind` for one that cannot open such a target, `credentialRefused` when the target refused it, and what
    /// else went wrong on the way. No message holds a secret.
    async fn test(&self, name: &str, credential: &Credential, address: &str) -> Result<CredentialReport>;
}
