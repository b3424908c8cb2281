//! Objects in a bucket of S3, or of a service that speaks its language.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpClient, HttpConnector};
use object_store::{ClientOptions, RetryConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{BlobError, BlobStore};

/// A bucket. What is left out is taken from nowhere: no environment, no metadata service.
///
/// Parts of uploads that a crash interrupted stay in the bucket; a lifecycle rule that aborts incomplete uploads removes them.
#[derive(Clone, Default)]
pub struct S3Settings {
    /// Its name.
    pub bucket: String,
    /// The region, such as `eu-central-1`; `us-east-1` when empty, as most other services want it.
    pub region: String,
    /// The address of a service other than AWS, such as `https://minio.example.com:9000`.
    pub endpoint: Option<String>,
    /// The id of the access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// The token of a session, for keys that need one.
    pub session_token: Option<String>,
    /// Below which names everything is kept, such as `ci/windlass`. Every engine needs a prefix or a bucket of its own.
    pub prefix: String,
    /// Certificates in PEM of authorities that are trusted beside those of the machine.
    pub authorities: Option<String>,
    /// How long a request is sent again and again while the service does not answer; three minutes unless set.
    pub patience: Option<Duration>,
}

/// Without the secrets.
impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings")
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("prefix", &self.prefix)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl BlobStore {
    /// Keeps objects in a bucket. Nothing is asked of the service yet.
    ///
    /// # Errors
    /// [`BlobError::Io`] for settings that make no sense.
    pub fn s3(settings: &S3Settings) -> Result<Self, BlobError> {
        let plain = settings.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let region = if settings.region.is_empty() { "us-east-1" } else { &settings.region };
        let mut retry = RetryConfig::default();
        retry.retry_timeout = settings.patience.unwrap_or(retry.retry_timeout);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(region)
            .with_access_key_id(&settings.access_key)
            .with_secret_access_key(&settings.secret_key)
            .with_allow_http(plain)
            .with_retry(retry)
            .with_http_connector(Connector { client: client(settings)? });
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        if let Some(token) = &settings.session_token {
            builder = builder.with_token(token);
        }
        let store =
            builder.build().map_err(|error| BlobError::of_store("reading the settings of the bucket", &error))?;
        Ok(Self::below(Arc::new(store), &settings.prefix))
    }
}

/// Gives the store a client whose TLS does not depend on what else the process has set up.
#[derive(Debug)]
struct Connector {
    client: reqwest::Client,
}

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.client.clone()))
    }
}

fn client(settings: &S3Settings) -> Result<reqwest::Client, BlobError> {
    let failed = |why: String| BlobError::Io { doing: "preparing connections to the bucket".to_owned(), why };
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in CertificateDer::pem_slice_iter(settings.authorities.as_deref().unwrap_or_default().as_bytes()) {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Of the requests themselves the store takes care: how long they may take, and when they are sent again.
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(60))
        .build();
    client.map_err(|error| failed(error.to_string()))
}
