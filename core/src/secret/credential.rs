//! What a credential is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::value::SecretText;

/// Something that opens a door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Credential {
    /// A user with a password.
    UserPassword {
        /// The user.
        user: String,
        /// The password.
        password: SecretText,
    },
    /// A token, as code hosts give them out.
    Token {
        /// The token.
        token: SecretText,
    },
    /// A private key for SSH.
    SshKey {
        /// The user at the other end; `git` when unset, as code hosts have it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// The private key in OpenSSH's or PEM form.
        private_key: SecretText,
        /// What unlocks the key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passphrase: Option<SecretText>,
        /// Lines of a `known_hosts` file: the hosts that are who they say they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known_hosts: Option<String>,
    },
    /// A kubeconfig, as text.
    Kubeconfig {
        /// The text.
        config: SecretText,
        /// The context in it; its current one when unset.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<String>,
    },
    /// A client certificate with its key in the form PKCS#12.
    Pkcs12 {
        /// The archive, in base64.
        archive: SecretText,
        /// What unlocks it.
        password: SecretText,
    },
    /// A user at a registry of images.
    Registry {
        /// The registry, such as `registry.example.com:5000`.
        server: String,
        /// The user.
        user: String,
        /// The password.
        password: SecretText,
    },
    /// Any value, or several with names.
    Opaque {
        /// The values by name. A single one is called `value`.
        values: BTreeMap<String, SecretText>,
    },
}

/// What kind of credential one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CredentialKind {
    /// A user with a password.
    UserPassword,
    /// A token.
    Token,
    /// A private key for SSH.
    SshKey,
    /// A kubeconfig.
    Kubeconfig,
    /// A client certificate with its key.
    Pkcs12,
    /// A user at a registry of images.
    Registry,
    /// Any value.
    Opaque,
}

impl CredentialKind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::UserPassword, Self::Token, Self::SshKey, Self::Kubeconfig, Self::Pkcs12, Self::Registry, Self::Opaque];

    /// The kind of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The word in documents and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserPassword => "userPassword",
            Self::Token => "token",
            Self::SshKey => "sshKey",
            Self::Kubeconfig => "kubeconfig",
            Self::Pkcs12 => "pkcs12",
            Self::Registry => "registry",
            Self::Opaque => "opaque",
        }
    }
}

impl Credential {
    /// A single value.
    pub fn opaque(value: impl Into<String>) -> Self {
        Self::Opaque { values: BTreeMap::from([("value".to_owned(), SecretText::new(value))]) }
    }

    /// What kind it is.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::UserPassword { .. } => CredentialKind::UserPassword,
            Self::Token { .. } => CredentialKind::Token,
            Self::SshKey { .. } => CredentialKind::SshKey,
            Self::Kubeconfig { .. } => CredentialKind::Kubeconfig,
            Self::Pkcs12 { .. } => CredentialKind::Pkcs12,
            Self::Registry { .. } => CredentialKind::Registry,
            Self::Opaque { .. } => CredentialKind::Opaque,
        }
    }

    /// The texts that must not show up anywhere. A user's name and a registry's address are no secrets.
    pub fn secrets(&self) -> Vec<&str> {
        match self {
            Self::UserPassword { password, .. } | Self::Registry { password, .. } => vec![password.expose()],
            Self::Token { token } => vec![token.expose()],
            Self::SshKey { private_key, passphrase, .. } => {
                std::iter::once(private_key).chain(passphrase).map(SecretText::expose).collect()
            }
            // Most of it is no secret, and its lines stand in many logs.
            Self::Kubeconfig { config, .. } => secret_values(config.expose()),
            Self::Pkcs12 { archive, password } => vec![archive.expose(), password.expose()],
            Self::Opaque { values } => values.values().map(SecretText::expose).collect(),
        }
    }

    /// What a task's environment variable gets: the password, the token, the key, the single value. `None` for several
    /// values, of which one must be named.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::UserPassword { password, .. } | Self::Registry { password, .. } => Some(password.expose()),
            Self::Token { token } => Some(token.expose()),
            Self::SshKey { private_key, .. } => Some(private_key.expose()),
            Self::Kubeconfig { config, .. } => Some(config.expose()),
            Self::Pkcs12 { archive, .. } => Some(archive.expose()),
            Self::Opaque { values } => match values.len() {
                1 => values.values().next().map(SecretText::expose),
                _ => None,
            },
        }
    }
}

/// The keys of a kubeconfig whose values are secret.
const KUBECONFIG_SECRETS: [&str; 6] =
    ["token", "password", "client-key-data", "client-secret", "id-token", "refresh-token"];

/// The secret values of a kubeconfig, in YAML or JSON: found by their keys, so that also one that cannot be read gives them.
fn secret_values(config: &str) -> Vec<&str> {
    let mut values = Vec::new();
    for key in KUBECONFIG_SECRETS {
        for (at, _) in config.match_indices(key) {
            let whole = config[..at]
                .chars()
                .next_back()
                .is_none_or(|before| before.is_whitespace() || "\"'{,".contains(before));
            let rest = config[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
            let Some(value) = rest.strip_prefix(':').filter(|_| whole) else { continue };
            let value = value.trim_start().trim_start_matches(['"', '\'']);
            let end = value.find(|c: char| c.is_whitespace() || "\"',}".contains(c)).unwrap_or(value.len());
            values.extend((end > 0).then_some(&value[..end]));
        }
    }
    values
}
