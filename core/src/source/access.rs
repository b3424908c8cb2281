//! With what a remote is reached.

use std::fmt;

use super::url::RemoteUrl;
use crate::secret::{Credential, SecretError, SecretText};

/// With what a remote is reached: the login, and whom to trust.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Who asks.
    pub login: Login,
    /// Certificates of authorities that are trusted beside the system's, in PEM.
    pub authorities: Option<String>,
    /// Whether any certificate will do. For tests and emergencies: whoever is in between reads the credential.
    pub any_certificate: bool,
}

/// Who asks.
#[derive(Clone, Default)]
pub enum Login {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A user with a password, or a token in its place; for HTTP, and for SSH.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: SecretText,
    },
    /// A key for SSH.
    Key(SshLogin),
}

/// A key for SSH.
#[derive(Clone)]
pub struct SshLogin {
    /// The user, unless the address names one. `git` when neither does.
    pub user: Option<String>,
    /// The private key.
    pub private_key: SecretText,
    /// What unlocks it.
    pub passphrase: Option<SecretText>,
    /// Lines of a `known_hosts` file.
    pub known_hosts: Option<String>,
}

impl Access {
    /// Access with a credential. `name` is the credential's, for messages.
    ///
    /// # Errors
    /// [`SecretError::WrongKind`] for one that opens no repository.
    pub fn with(name: &str, credential: &Credential) -> Result<Self, SecretError> {
        let login = match credential.clone() {
            Credential::UserPassword { user, password } => Login::Password { user, password },
            // Code hosts take any user with a token; this is the one that all of them know.
            Credential::Token { token } => Login::Password { user: "oauth2".to_owned(), password: token },
            Credential::SshKey { user, private_key, passphrase, known_hosts } => {
                Login::Key(SshLogin { user, private_key, passphrase, known_hosts })
            }
            other => {
                return Err(SecretError::WrongKind {
                    name: name.to_owned(),
                    found: other.kind().as_str(),
                    wanted: "userPassword, token or sshKey",
                });
            }
        };
        Ok(Self { login, ..Self::default() })
    }

    /// The access to a repository that another one names: the same at the same host, and else nobody's.
    pub(super) fn at(&self, parent: &RemoteUrl, other: &RemoteUrl) -> Self {
        if parent.has_host_of(other) {
            return self.clone();
        }
        Self { login: Login::Anonymous, authorities: self.authorities.clone(), any_certificate: false }
    }

    pub(super) fn is_anonymous(&self) -> bool {
        matches!(self.login, Login::Anonymous)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Password { .. } => "Password",
            Self::Key(_) => "Key",
        })
    }
}

impl fmt::Debug for SshLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SshLogin").finish_non_exhaustive()
    }
}
