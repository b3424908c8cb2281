//! A connection to a cluster.

use std::fmt;
use std::time::Duration;

use kube::{Client, Config};

use super::access::{ClusterAccess, Trust};
use super::client::client;
use super::identity::identity;
use super::kubeconfig;
use super::proxy::{Environment, proxy_of};
use crate::explain::{ClusterFailure, code};
use crate::secret::Credential;

/// How long the API server may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection to a cluster. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    name: String,
    server: String,
    namespace: String,
    client: Client,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("name", &self.name).field("server", &self.server).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Makes a connection; nothing is sent yet. `credential` is the one that the access names. `namespace` is where objects go
    /// that name none; without it that of the kubeconfig, or `default`.
    ///
    /// # Errors
    /// With the codes `badKubeconfig` and `badCredential`.
    pub async fn connect(
        name: &str,
        access: &ClusterAccess,
        credential: Option<&Credential>,
        namespace: Option<&str>,
    ) -> Result<Self, ClusterFailure> {
        let mut config = configuration(access, credential).await?;
        config.connect_timeout = Some(CONNECT);
        if let Some(namespace) = namespace {
            config.default_namespace = namespace.to_owned();
        }
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let namespace = config.default_namespace.clone();
        let client = client(&config).map_err(|error| {
            let message = format!("the cluster {name:?} cannot be connected to: {error}");
            ClusterFailure::failed(code::BAD_CREDENTIAL, message, "Look at its certificates and keys.")
        })?;
        Ok(Self { name: name.to_owned(), server, namespace, client })
    }

    /// The name under which the engine knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address of its API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Where objects go that name no namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The connection itself, for what Windlass has no words for.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

async fn configuration(access: &ClusterAccess, credential: Option<&Credential>) -> Result<Config, ClusterFailure> {
    match (access, credential) {
        (ClusterAccess::InCluster, _) => Config::incluster().map_err(|error| {
            let message = format!("the engine does not run in a pod of a cluster: {error}");
            ClusterFailure::failed(
                code::BAD_CREDENTIAL,
                message,
                "Reach the cluster by a kubeconfig, or by its address.",
            )
        }),
        (ClusterAccess::KubeconfigFile { path, context }, _) => kubeconfig::of_file(path, context.as_deref()).await,
        (ClusterAccess::Kubeconfig { context, .. }, Some(Credential::Kubeconfig { config, context: own })) => {
            kubeconfig::of_text(config.expose(), context.as_deref().or(own.as_deref())).await
        }
        (ClusterAccess::Kubeconfig { credential, .. }, other) => {
            let kind = other.map_or("missing", |other| other.kind().as_str());
            let message = format!("the credential {:?} is {kind}, and not a kubeconfig", credential.as_str());
            Err(ClusterFailure::failed(code::BAD_CREDENTIAL, message, "Store a kubeconfig under this name."))
        }
        (ClusterAccess::Server { server, trust, .. }, Some(credential)) => server_config(server, trust, credential),
        (ClusterAccess::Server { credential, .. }, None) => {
            let message = format!("the credential {:?} is missing", credential.as_str());
            Err(ClusterFailure::failed(code::BAD_CREDENTIAL, message, "Store it under this name."))
        }
    }
}

fn server_config(server: &str, trust: &Trust, credential: &Credential) -> Result<Config, ClusterFailure> {
    let bad = |message: String, advice: &str| ClusterFailure::failed(code::BAD_CREDENTIAL, message, advice);
    let address = server.parse().ok().filter(|address: &http::Uri| address.host().is_some());
    let address = address
        .ok_or_else(|| bad(format!("{server:?} is no address of an API server"), "Write it as https://HOST:PORT."))?;
    let proxy = proxy_of(&address, None, &Environment::of_process())?;
    let mut config = Config::new(address);
    config.proxy_url = proxy;
    config.auth_info = identity(credential)?;
    match trust {
        Trust::System => {}
        Trust::Unverified => config.accept_invalid_certs = true,
        Trust::Authority { certificates } => {
            config.root_cert = Some(authority(certificates).ok_or_else(|| {
                bad("the authority's certificates are not PEM".to_owned(), "Paste them with their BEGIN and END lines.")
            })?)
        }
    }
    Ok(config)
}

/// The certificates of a PEM text in DER; `None` when there is none, or a broken one.
fn authority(pem: &str) -> Option<Vec<Vec<u8>>> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.ok()?;
    (!found.is_empty()).then(|| found.into_iter().map(|certificate| certificate.to_vec()).collect())
}
