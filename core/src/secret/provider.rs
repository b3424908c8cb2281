//! Credentials that are kept elsewhere.

use std::fmt::Debug;

use async_trait::async_trait;

use super::credential::Credential;
use super::error::SecretError;

/// Where credentials come from that the engine does not keep: a vault, a cloud's secret manager, the portal itself.
#[async_trait]
pub trait SecretProvider: Debug + Send + Sync + 'static {
    /// What it is called in messages.
    fn name(&self) -> &str;

    /// The credential of this name; `None` when there is none, and the next provider is asked. Called whenever one is needed,
    /// so that a changed one counts at once; errors never hold a secret.
    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError>;

    /// The names that it has, as far as it can tell: the nearest one is in the message when somebody mistypes one.
    async fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
