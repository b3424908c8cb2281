//! Where images are built, and how long a registry may keep a push waiting.

use std::sync::Arc;
use std::time::Duration;

use crate::executor::DockerEndpoint;
use crate::executor::docker::connect::Connection;
use crate::registry::Certificates;

/// How long a push may go without a sign of life, unless something else is set.
const PATIENCE: Duration = Duration::from_secs(120);

/// How an engine builds and publishes images: for [`EngineBuilder::images`](crate::EngineBuilder::images).
///
/// Unless told otherwise it uses the Docker engine that the environment names (`DOCKER_HOST`), trusts what Docker trusts
/// (`certs.d`), and hands the builds the proxy of its own environment.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    pub(super) connection: Arc<Connection>,
    pub(super) certificates: Certificates,
    pub(super) patience: Duration,
    pub(super) proxy: Vec<(String, String)>,
}

impl Default for ImageBuilder {
    fn default() -> Self {
        Self::at(DockerEndpoint::default())
    }
}

impl ImageBuilder {
    /// Builds with the Docker engine there. Nothing is asked of it before the first build.
    pub fn at(endpoint: DockerEndpoint) -> Self {
        let connection = Arc::new(Connection::new(endpoint));
        Self { connection, certificates: Certificates::default(), patience: PATIENCE, proxy: proxy_of_environment() }
    }

    /// Where the certificates of registries' authorities are.
    #[must_use]
    pub fn certificates(mut self, certificates: Certificates) -> Self {
        self.certificates = certificates;
        self
    }

    /// How long a push may go without a sign of life before it is tried again: two minutes unless set.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Where the certificates of registries' authorities are, for other uses.
    pub(crate) fn trusted(&self) -> Certificates {
        self.certificates.clone()
    }
}

/// The proxy of this process, as build arguments that leave no trace in the image. One on this machine cannot be reached from
/// inside of a build.
fn proxy_of_environment() -> Vec<(String, String)> {
    const NAMES: [&str; 8] =
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy"];
    let local = |value: &str| value.contains("127.0.0.1") || value.contains("localhost") || value.contains("[::1]");
    let found = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    found.filter(|(name, value)| name.to_lowercase() == "no_proxy" || !local(value)).collect()
}
