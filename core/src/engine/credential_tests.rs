//! The test of credentials on repositories.

use async_trait::async_trait;

use super::sources::failed;
use crate::error::Result;
use crate::secret::{Credential, CredentialReport, CredentialTest};
use crate::source::{Access, Mirrors, RemoteUrl};

/// Lists what a repository has.
#[derive(Debug)]
pub(super) struct GitTest {
    pub(super) mirrors: Mirrors,
}

#[async_trait]
impl CredentialTest for GitTest {
    async fn test(&self, name: &str, credential: &Credential, address: &str) -> Result<CredentialReport> {
        let url = RemoteUrl::parse(address).map_err(|error| failed(&error))?;
        let access = Access::with(name, credential)?;
        let refs = self.mirrors.refs(&url, &access).await.map_err(|error| failed(&error))?;
        let (branches, tags) = (refs.branches.len(), refs.tags.len());
        Ok(CredentialReport { message: format!("{url} has {branches} branches and {tags} tags") })
    }
}
