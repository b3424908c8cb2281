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

    /// The credential of this name, from the first provider that has one.
    ///
    /// # Errors
    /// [`SecretError::NoSuchCredential`] when none has it; what a provider says that could not answer.
    pub async fn credential(&self, name: &str) -> Result<Credential, SecretError> {
        for provider in self.providers.iter() {
            if let Some(credential) = provider.credential(name).await? {
                return Ok(credential);
            }
        }
        Err(SecretError::NoSuchCredential { name: name.to_owned(), nearest: None })
    }
}
