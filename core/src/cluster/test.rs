//! A credential tried on a cluster.

use async_trait::async_trait;

use super::access::ClusterAccess;
use super::connect::Cluster;
use super::rights::RightCheck;
use crate::error::{Error, ErrorKind, Result};
use crate::explain::{ClusterFailure, FailureClass, code};
use crate::pipeline::CredentialName;
use crate::secret::{Credential, CredentialReport, CredentialTest, SecretError};

/// Tries a kubeconfig on its cluster: the version, and what its user may do in a namespace. The address is the namespace; that
/// of the kubeconfig when it is empty.
#[derive(Debug)]
pub struct ClusterTest;

#[async_trait]
impl CredentialTest for ClusterTest {
    async fn test(&self, name: &str, credential: &Credential, address: &str) -> Result<CredentialReport> {
        if !matches!(credential, Credential::Kubeconfig { .. }) {
            // Any other needs the address of a server as well, which clusters of the engine have.
            let found = credential.kind().as_str();
            return Err(SecretError::WrongKind { name: name.to_owned(), found, wanted: "kubeconfig" }.into());
        }
        let bad =
            |error: crate::pipeline::NameError| SecretError::BadName { name: name.to_owned(), why: error.to_string() };
        let access = ClusterAccess::Kubeconfig { credential: CredentialName::new(name).map_err(bad)?, context: None };
        let namespace = Some(address).filter(|namespace| !namespace.is_empty());
        let cluster = Cluster::connect(name, &access, Some(credential), namespace).await.map_err(told)?;
        let health = cluster.health().await.map_err(told)?;
        let checks = cluster.check_rights(cluster.namespace()).await.map_err(told)?;
        let rights = rights(cluster.namespace(), &checks);
        Ok(CredentialReport { message: format!("{} is {}; {rights}", health.server, health.version) })
    }
}

/// What is missing, in words.
fn rights(namespace: &str, checks: &[RightCheck]) -> String {
    let missing: Vec<String> = checks
        .iter()
        .filter(|check| !check.missing.is_empty())
        .map(|check| format!("{} {}", check.missing.join("/"), check.right.resource))
        .collect();
    match missing.as_slice() {
        [] => format!("all that Windlass does in the namespace {namespace:?} is allowed"),
        missing => format!("in the namespace {namespace:?} it may not {}", missing.join(", ")),
    }
}

/// A failure under the codes that all tests of credentials share.
fn told(failure: ClusterFailure) -> Error {
    let kind = match failure.class {
        FailureClass::Infrastructure | FailureClass::Lost => ErrorKind::Unavailable,
        FailureClass::Failure | FailureClass::Stopped => ErrorKind::Invalid,
    };
    let code = match failure.code {
        code::UNAUTHORIZED => "credentialRefused",
        other => other,
    };
    Error::new(kind, code, "credentials", failure.to_string()).with_source(failure)
}
