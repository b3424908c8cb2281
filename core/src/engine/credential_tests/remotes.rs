//! Credentials tried on repositories and on hosts with SSH.

use std::sync::Arc;

use async_trait::async_trait;

use super::Tests;
use crate::engine::sources::failed;
use crate::error::{Error, ErrorKind, Result};
use crate::explain;
use crate::secret::{Credential, CredentialReport, CredentialTest, TargetKind};
use crate::source::{Access, Mirrors, RemoteUrl, SourceError, try_login};

/// Adds those of repositories and of hosts with SSH.
pub(in crate::engine) fn of_remotes(mut tests: Tests, mirrors: &Mirrors) -> Tests {
    tests.entry(TargetKind::Git).or_insert_with(|| Arc::new(GitTest { mirrors: mirrors.clone() }));
    tests.entry(TargetKind::Ssh).or_insert_with(|| Arc::new(SshTest));
    tests
}

/// Lists what a repository has.
#[derive(Debug)]
struct GitTest {
    mirrors: Mirrors,
}

#[async_trait]
impl CredentialTest for GitTest {
    async fn test(&self, name: &str, credential: &Credential, address: &str) -> Result<CredentialReport> {
        let url = RemoteUrl::parse(address).map_err(|error| failed(&error))?;
        let access = Access::with(name, credential)?;
        let refs = self.mirrors.refs(&url, &access).await.map_err(|error| refused(&error))?;
        let (branches, tags) = (refs.branches.len(), refs.tags.len());
        Ok(CredentialReport { message: format!("{url} has {branches} branches and {tags} tags") })
    }
}

/// Logs in to a host, and out again.
#[derive(Debug)]
struct SshTest;

#[async_trait]
impl CredentialTest for SshTest {
    async fn test(&self, name: &str, credential: &Credential, address: &str) -> Result<CredentialReport> {
        let access = Access::with(name, credential)?;
        let user = try_login(address, &access).await.map_err(|error| refused(&error))?;
        Ok(CredentialReport { message: format!("{address} lets {user} in") })
    }
}

/// The same error, and under the code that all tests of credentials share where the target did not take it.
fn refused(error: &SourceError) -> Error {
    if !matches!(error, SourceError::Unauthorized { .. } | SourceError::Forbidden { .. }) {
        return failed(error);
    }
    let cause = explain::source_error(error).cause;
    let message = format!("{}. {}", cause.message, cause.advice);
    Error::new(ErrorKind::Invalid, "credentialRefused", "credentials", message).with_source(error.clone())
}
