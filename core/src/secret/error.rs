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

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(": do you mean {nearest:?}?"))
}
