//! One registry.

use std::fmt;

use oci_client::Client;
use oci_client::RegistryOperation;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use reqwest::Method;

use super::access::{Login, RegistryAccess, Transport};
use super::error::RegistryError;
use super::fault::RegistryFault;
use super::name::{ImageName, checked_server, plain_server};
use super::session::Session;

/// So many tags are asked for at once.
const PAGE: usize = 1000;

/// One registry, and a way in. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    pub(super) server: String,
    pub(super) client: Client,
    pub(super) auth: RegistryAuth,
    pub(super) session: Session,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("server", &self.server).field("auth", &self.auth).finish_non_exhaustive()
    }
}

impl Registry {
    /// A registry by its address, such as `registry.example.com:5000`, or `docker.io`. Nothing is asked yet.
    ///
    /// # Errors
    /// [`RegistryFault::BadName`], [`RegistryFault::BadAuthority`].
    pub fn new(server: &str, access: RegistryAccess) -> Result<Self, RegistryError> {
        let server = plain_server(checked_server(server)?);
        use_ring();
        let session = Session::new(&server, &access)?;
        let failed = |error| RegistryError::of(&server, "the set-up of TLS", &error);
        let client = Client::try_from(config(&access)).map_err(failed)?;
        let auth = match &access.login {
            Login::Anonymous => RegistryAuth::Anonymous,
            Login::User { user, password } => RegistryAuth::Basic(user.clone(), password.expose().to_owned()),
        };
        Ok(Self { server, client, auth, session })
    }

    /// Its address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Tries the login, and changes nothing.
    ///
    /// # Errors
    /// [`RegistryFault::Unauthorised`], and those of every request: [`RegistryFault::Unreachable`], [`RegistryFault::TimedOut`],
    /// [`RegistryFault::Tls`], [`RegistryFault::Failed`].
    pub async fn test(&self) -> Result<(), RegistryError> {
        self.session.ask(Method::GET, "", "a login").await
    }

    /// All tags of a repository, in the order of the registry.
    ///
    /// # Errors
    /// [`RegistryFault::NotFound`] for a repository that is not there, [`RegistryFault::Unauthorised`], [`RegistryFault::Denied`].
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>, RegistryError> {
        let mut tags: Vec<String> = Vec::new();
        loop {
            let page = self.tags_after(repository, tags.last().map(String::as_str), PAGE).await?;
            // There are registries that know no pages, and give all tags each time.
            let page: Vec<_> = page.into_iter().filter(|tag| !tags.contains(tag)).collect();
            if page.is_empty() {
                return Ok(tags);
            }
            let whole = page.len() < PAGE;
            tags.extend(page);
            if whole {
                return Ok(tags);
            }
        }
    }

    /// One page of the tags of a repository: at most `count` of them, after the tag `last`. A registry may give fewer or more.
    ///
    /// # Errors
    /// Those of [`tags`](Self::tags).
    pub async fn tags_after(
        &self,
        repository: &str,
        last: Option<&str>,
        count: usize,
    ) -> Result<Vec<String>, RegistryError> {
        let image = self.image(repository, "latest")?;
        let what = format!("listing the tags of {repository}");
        self.log_in(&image, RegistryOperation::Pull, &what).await?;
        let page = self.client.list_tags(image.oci(), &self.auth, Some(count), last).await;
        Ok(page.map_err(|error| self.failed(&what, &error))?.tags)
    }

    /// The digest that a tag leads to, such as `sha256:…`. A digest leads to itself when it is there.
    ///
    /// # Errors
    /// [`RegistryFault::NotFound`], [`RegistryFault::Unauthorised`], [`RegistryFault::Denied`].
    pub async fn digest(&self, repository: &str, reference: &str) -> Result<String, RegistryError> {
        let image = self.image(repository, reference)?;
        let what = format!("looking up {image}");
        self.log_in(&image, RegistryOperation::Pull, &what).await?;
        let digest = self.client.fetch_manifest_digest(image.oci(), &self.auth).await;
        digest.map_err(|error| match RegistryError::of(&self.server, &what, &error) {
            // It was asked for the head only, which has no reason.
            error if error.fault() == RegistryFault::Refused => {
                RegistryError::new(RegistryFault::NotFound, error.message())
            }
            error => error,
        })
    }

    /// Deletes what a tag or digest leads to, with every other tag of it: registries delete by digest.
    ///
    /// # Errors
    /// [`RegistryFault::NotFound`]; [`RegistryFault::Unsupported`] where deleting is switched off.
    pub async fn delete(&self, repository: &str, reference: &str) -> Result<(), RegistryError> {
        let digest = self.digest(repository, reference).await?;
        let what = format!("deleting {repository}@{digest}");
        self.session.ask(Method::DELETE, &format!("{repository}/manifests/{digest}"), &what).await
    }

    /// An image of this registry by its two parts.
    pub(super) fn image(&self, repository: &str, reference: &str) -> Result<ImageName, RegistryError> {
        ImageName::new(&self.server, repository, reference)
    }

    /// Has a token ready where the registry wants one. The client does it by itself, and does not say why it could not.
    pub(super) async fn log_in(
        &self,
        image: &ImageName,
        operation: RegistryOperation,
        what: &str,
    ) -> Result<(), RegistryError> {
        self.client.store_auth_if_needed(image.oci().resolve_registry(), &self.auth).await;
        let done = self.client.auth(image.oci(), &self.auth, operation).await;
        done.map(drop).map_err(|error| self.failed(what, &error))
    }

    pub(super) fn failed(&self, what: &str, error: &oci_client::errors::OciDistributionError) -> RegistryError {
        RegistryError::of(&self.server, what, error)
    }
}

fn config(access: &RegistryAccess) -> ClientConfig {
    let authority = |pem: &String| Certificate { encoding: CertificateEncoding::Pem, data: pem.clone().into_bytes() };
    ClientConfig {
        protocol: match access.transport {
            Transport::Tls => ClientProtocol::Https,
            Transport::PlainHttp => ClientProtocol::Http,
        },
        extra_root_certificates: access
            .authorities
            .iter()
            .flat_map(|pem| split(pem))
            .map(|pem| authority(&pem))
            .collect(),
        read_timeout: Some(access.patience),
        connect_timeout: Some(access.patience),
        user_agent: concat!("windlass/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    }
}

/// The single certificates of a bundle.
fn split(pem: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    pem.split_inclusive(END).filter(|part| part.contains(END)).map(str::to_owned).collect()
}

/// The client of registries takes the cryptography of the process. Where the embedder chose none, it is ring.
fn use_ring() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been quicker, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
