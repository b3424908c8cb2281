//! A credential tried on a registry.

use async_trait::async_trait;

use super::access::{RegistryAccess, Transport};
use super::certificates::Certificates;
use super::client::Registry;
use super::error::RegistryError;
use super::fault::RegistryFault;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::{Credential, CredentialReport, CredentialTest};

/// Tries credentials on registries by a login. The address is `HOST` or `HOST:PORT`; with `http://` before it the registry is
/// spoken to over plain HTTP.
#[derive(Debug)]
pub struct RegistryTest {
    certificates: Certificates,
}

impl RegistryTest {
    /// A test that trusts these certificates beside those of the system.
    pub fn new(certificates: Certificates) -> Self {
        Self { certificates }
    }
}

#[async_trait]
impl CredentialTest for RegistryTest {
    async fn test(&self, name: &str, credential: &Credential, address: &str) -> Result<CredentialReport> {
        let (transport, server) = match address.split_once("://") {
            Some(("http", server)) => (Transport::PlainHttp, server.trim_end_matches('/')),
            Some((_, server)) => (Transport::Tls, server.trim_end_matches('/')),
            None => (Transport::Tls, address),
        };
        let access = RegistryAccess::of_credential(name, credential, server).map_err(told)?;
        let access = match self.certificates.of(server) {
            Ok(Some(pem)) => access.authorities(pem),
            _ => access,
        };
        Registry::new(server, access.transport(transport)).map_err(told)?.test().await.map_err(told)?;
        Ok(CredentialReport { message: format!("the registry {server} takes the login") })
    }
}

/// The same error under the codes that all tests of credentials share.
fn told(error: RegistryError) -> Error {
    let code = match error.fault() {
        RegistryFault::BadCredential => "wrongCredentialKind",
        RegistryFault::Unauthorised | RegistryFault::Denied => "credentialRefused",
        _ => return error.into(),
    };
    Error::new(ErrorKind::Invalid, code, "credentials", error.to_string()).with_source(error)
}
