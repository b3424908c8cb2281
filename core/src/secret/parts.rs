//! The values of a credential, each with its name: what the `key` of a task's secret chooses among.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::credential::Credential;
use super::error::SecretError;
use super::value::{SecretBytes, SecretText};

impl Credential {
    /// All its values by name, in a fixed order.
    pub fn parts(&self) -> Vec<(&str, &str)> {
        match self {
            Self::UserPassword { user, password } => vec![("user", user), ("password", password.expose())],
            Self::Token { token } => vec![("token", token.expose())],
            Self::SshKey { user, private_key, passphrase, known_hosts } => {
                let passphrase = passphrase.as_ref().map(SecretText::expose);
                let optional =
                    [("user", user.as_deref()), ("passphrase", passphrase), ("knownHosts", known_hosts.as_deref())];
                let there = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
                std::iter::once(("privateKey", private_key.expose())).chain(there).collect()
            }
            Self::Kubeconfig { config, context } => {
                let context = context.as_deref().map(|context| ("context", context));
                std::iter::once(("config", config.expose())).chain(context).collect()
            }
            Self::Pkcs12 { archive, password } => vec![("archive", archive.expose()), ("password", password.expose())],
            Self::Registry { server, user, password } => {
                vec![("server", server), ("user", user), ("password", password.expose())]
            }
            Self::Opaque { values } => values.iter().map(|(name, value)| (name.as_str(), value.expose())).collect(),
        }
    }

    /// The value of this name, or the one that [`value`](Self::value) gives. `name` is that of the credential, for errors.
    ///
    /// # Errors
    /// [`SecretError::NoSuchKey`], [`SecretError::SeveralValues`].
    pub fn part(&self, name: &str, key: Option<&str>) -> Result<&str, SecretError> {
        let known = || self.parts().into_iter().map(|(name, _)| name.to_owned()).collect();
        let Some(key) = key else {
            let several = || SecretError::SeveralValues { name: name.to_owned(), known: known() };
            return self.value().ok_or_else(several);
        };
        let found = self.parts().into_iter().find_map(|(name, value)| (name == key).then_some(value));
        found.ok_or_else(|| SecretError::NoSuchKey { name: name.to_owned(), key: key.to_owned(), known: known() })
    }

    /// The same as the content of a file, in the form in which programs read it: a key ends with a line end, and a PKCS#12
    /// archive is no base64.
    ///
    /// # Errors
    /// Those of [`part`](Self::part); [`SecretError::BadCredential`] for an archive that is not base64.
    pub fn file(&self, name: &str, key: Option<&str>) -> Result<SecretBytes, SecretError> {
        let text = self.part(name, key)?;
        match self {
            Self::Pkcs12 { .. } if matches!(key, None | Some("archive")) => archive(text).map(SecretBytes::new),
            Self::SshKey { .. } | Self::Kubeconfig { .. } if !text.ends_with('\n') => {
                Ok(SecretBytes::new(format!("{text}\n")))
            }
            _ => Ok(SecretBytes::new(text)),
        }
    }

    /// Whether it can be what it says that it is, as far as that can be seen without asking anybody.
    ///
    /// # Errors
    /// [`SecretError::BadCredential`] with what is wrong.
    pub fn check(&self) -> Result<(), SecretError> {
        let bad = |why: &str| Err(SecretError::BadCredential { kind: self.kind().as_str(), why: why.to_owned() });
        if let Some((name, _)) = self.parts().into_iter().find(|(_, value)| value.trim().is_empty()) {
            return bad(&format!("its value {name:?} is empty"));
        }
        match self {
            Self::Opaque { values } if values.is_empty() => bad("it has no value"),
            Self::SshKey { private_key, .. } if !private_key.expose().contains("PRIVATE KEY-----") => bad(
                "the key is not in OpenSSH's form or PEM, which begin with `-----BEGIN … PRIVATE KEY-----`; give the private key, \
                 not the public one",
            ),
            Self::Kubeconfig { config, .. } if !config.expose().contains("clusters") => {
                bad("it has no `clusters`; give a whole kubeconfig, as `kubectl config view --raw` prints it")
            }
            Self::Pkcs12 { archive: text, .. } => archive(text.expose()).map(drop),
            _ => Ok(()),
        }
    }
}

fn archive(text: &str) -> Result<Vec<u8>, SecretError> {
    let packed: String = text.split_whitespace().collect();
    STANDARD
        .decode(packed)
        .map_err(|_| SecretError::BadCredential { kind: "pkcs12", why: "the archive is not base64".to_owned() })
}
