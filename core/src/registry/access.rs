//! The way into a registry.

use std::time::Duration;

use super::error::RegistryError;
use super::fault::RegistryFault;
use super::name::plain_server;
use crate::secret::{Credential, SecretText};

/// How long a registry may keep silent, unless something else is set.
const PATIENCE: Duration = Duration::from_secs(60);

/// The way into a registry: a login, what is spoken, who signs its certificate, how long it may keep silent.
#[derive(Clone, Debug)]
pub struct RegistryAccess {
    pub(super) login: Login,
    pub(super) transport: Transport,
    pub(super) authorities: Option<String>,
    pub(super) patience: Duration,
}

/// What is spoken with a registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// HTTPS.
    #[default]
    Tls,
    /// Plain HTTP: passwords go over the line as they are.
    PlainHttp,
}

#[derive(Clone, Debug)]
pub(super) enum Login {
    Anonymous,
    User { user: String, password: SecretText },
}

impl RegistryAccess {
    /// Nobody's login.
    pub fn anonymous() -> Self {
        Self { login: Login::Anonymous, transport: Transport::default(), authorities: None, patience: PATIENCE }
    }

    /// A user with a password.
    pub fn user(user: impl Into<String>, password: impl Into<SecretText>) -> Self {
        let login = Login::User { user: user.into(), password: password.into() };
        Self { login, ..Self::anonymous() }
    }

    /// What a credential opens at a registry. One of the kind `registry` opens only its own server; a `token` goes in the place
    /// of a password, with the user `token`; `name` is for messages.
    ///
    /// # Errors
    /// [`RegistryFault::BadCredential`].
    pub fn of_credential(name: &str, credential: &Credential, server: &str) -> Result<Self, RegistryError> {
        let bad = |why: String| {
            Err(RegistryError::new(RegistryFault::BadCredential, format!("the credential {name:?} {why}")))
        };
        match credential {
            Credential::UserPassword { user, password } => Ok(Self::user(user, password.clone())),
            Credential::Token { token } => Ok(Self::user("token", token.clone())),
            Credential::Registry { server: own, user, password } => {
                if plain_server(own) == plain_server(server) {
                    return Ok(Self::user(user, password.clone()));
                }
                bad(format!("is for the registry {own}, and not for {server}"))
            }
            other => bad(format!("is of the kind {}, which opens no registry", other.kind().as_str())),
        }
    }

    /// What is spoken: TLS unless set.
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Certificates of authorities, in PEM form, that are trusted beside those of the system.
    #[must_use]
    pub fn authorities(mut self, pem: impl Into<String>) -> Self {
        self.authorities = Some(pem.into());
        self
    }

    /// How long the registry may keep silent before it is given up: a minute unless set.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// User and password, where there are.
    pub(crate) fn login(&self) -> Option<(&str, &str)> {
        match &self.login {
            Login::Anonymous => None,
            Login::User { user, password } => Some((user, password.expose())),
        }
    }
}
