//! What goes wrong with secrets. No message holds a secret.

use std::path::PathBuf;

/// Why a secret could not be had, kept or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The master key cannot be used.
    #[error("the master key in {place} cannot be used: {why}")]
    BadKey {
        /// Where it came from.
        place: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The file with the master key can be read by others.
    #[error(
        "the file {} with the master key has the mode {mode:04o}, so that others can read it: `chmod 600` it, and if \
         others could have read it, change the key", path.display()
    )]
    OpenKeyFile {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is no master key, and something is sealed with one.
    #[error(
        "there is no master key in {place}, and {} sealed with {sealed_with}: put that key back there (a backup does not \
         have it), or remove those credentials and set them anew", counted(*credentials)
    )]
    NoKey {
        /// Where it should be.
        place: String,
        /// How many credentials cannot be opened.
        credentials: usize,
        /// The keys with which they were sealed.
        sealed_with: String,
    },
    /// The name cannot be that of a credential.
    #[error("{name:?} cannot be the name of a credential: {why}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The credential cannot be right as it is.
    #[error("this cannot be a credential of the kind {kind}: {why}")]
    BadCredential {
        /// The kind.
        kind: &'static str,
        /// What is wrong with it, and what to do; never a secret.
        why: String,
    },
    /// It has no value of this name.
    #[error("the credential {name:?} has no value {key:?}; it has {}", known.join(", "))]
    NoSuchKey {
        /// The credential.
        name: String,
        /// The value that was asked for.
        key: String,
        /// The values that it has.
        known: Vec<String>,
    },
    /// It has several values, and none was named.
    #[error("the credential {name:?} has several values: name one of {} with `key`", known.join(", "))]
    SeveralValues {
        /// The credential.
        name: String,
        /// The values that it has.
        known: Vec<String>,
    },
    /// It was sealed with another master key.
    #[error(
        "the credential {name:?} was sealed with the master key {sealed_with}, and this engine has {known}: open the \
         engine with that key, or save the credential again"
    )]
    OtherKey {
        /// The credential.
        name: String,
        /// The key that sealed it.
        sealed_with: String,
        /// The keys that the engine has.
        known: String,
    },
    /// The sealed bytes are not what was sealed under this name.
    #[error(
        "the credential {name:?} cannot be opened: what is stored was changed, or is that of another name. Save it again"
    )]
    Tampered {
        /// The credential.
        name: String,
    },
    /// There is no such credential.
    #[error("there is no credential {name:?}{}", suggestion(nearest.as_deref()))]
    NoSuchCredential {
        /// The name.
        name: String,
        /// The nearest right name.
        nearest: Option<String>,
    },
    /// It is of another kind than what it is used for.
    #[error("the credential {name:?} is a {found}, and here a {wanted} is needed")]
    WrongKind {
        /// The credential.
        name: String,
        /// What it is.
        found: &'static str,
        /// What was needed.
        wanted: &'static str,
    },
    /// A provider outside could not give it.
    #[error("the credential {name:?} could not be had from {provider}: {why}")]
    Provider {
        /// The credential.
        name: String,
        /// The provider.
        provider: String,
        /// What it said; never a secret.
        why: String,
    },
}

impl SecretError {
    /// There is none of this name; the nearest of those that there are is told.
    pub fn no_such(name: &str, known: &[String]) -> Self {
        let nearest = crate::pipeline::nearest(name, known.iter().map(String::as_str));
        Self::NoSuchCredential { name: name.to_owned(), nearest }
    }

    /// What to do next; empty where the message says it.
    pub fn advice(&self) -> String {
        match self {
            Self::NoSuchCredential { name, nearest: None } => {
                format!("set it with `windlass secret set {name:?}`, or give it to the run that needs it")
            }
            Self::Provider { .. } => "look whether it can be reached".to_owned(),
            _ => String::new(),
        }
    }

    /// A stable word in camelCase.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadKey { .. } => "badMasterKey",
            Self::OpenKeyFile { .. } => "openKeyFile",
            Self::NoKey { .. } => "noMasterKey",
            Self::OtherKey { .. } => "otherMasterKey",
            Self::Tampered { .. } => "damagedCredential",
            Self::BadName { .. } => "invalidName",
            Self::BadCredential { .. } => "badCredential",
            Self::NoSuchCredential { .. } => "noSuchCredential",
            Self::NoSuchKey { .. } => "noSuchKey",
            Self::SeveralValues { .. } => "severalValues",
            Self::WrongKind { .. } => "wrongCredentialKind",
            Self::Provider { .. } => "credentialProvider",
        }
    }
}

fn counted(credentials: usize) -> String {
    if credentials == 1 { "a credential is".to_owned() } else { format!("{credentials} credentials are") }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(": do you mean {nearest:?}?"))
}
