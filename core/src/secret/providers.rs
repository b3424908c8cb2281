//! All the places in which an engine looks for credentials.

use std::sync::Arc;

use super::credential::Credential;
use super::error::SecretError;
use super::provider::SecretProvider;

/// All the places in which an engine looks for credentials, in the order in which it asks them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SecretProviders {
    providers: Arc<[Arc<dyn SecretProvider>]>,
}

impl SecretProviders {
    /// These, asked in this order.
    pub fn new(providers: Vec<Arc<dyn SecretProvider>>) -> Self {
        Self { providers: providers.into() }
    }

    /// The same with one that is asked before them.
    #[must_use]
    pub fn after(&self, first: Arc<dyn SecretProvider>) -> Self {
        Self { providers: std::iter::once(first).chain(self.providers.iter().cloned()).collect() }
    }

    /// The credential of this name, from the first provider that has one.
    ///
    /// # Errors
    /// [`SecretError::NoSuchCredential`] with the nearest name when none has it; what a provider says that could not answer.
    pub async fn credential(&self, name: &str) -> Result<Credential, SecretError> {
        for provider in self.providers.iter() {
            if let Some(credential) = provider.credential(name).await? {
                return Ok(credential);
            }
        }
        let mut names = Vec::new();
        for provider in self.providers.iter() {
            names.extend(provider.names().await);
        }
        Err(SecretError::no_such(name, &names))
    }
}
