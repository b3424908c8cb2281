//! The way into the registry of the image.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::auth::DockerCredentials;

use super::builder::ImageBuilder;
use super::settings::{Order, Publish, Recipe};
use crate::action::{ActionContext, ActionError};
use crate::registry::{Registry, RegistryAccess, RegistryError, RegistryFault, Transport};
use crate::secret::Credential;

/// The way into the registry of the image.
#[derive(Debug)]
pub(super) struct WayIn {
    access: RegistryAccess,
    plain_http: PlainHttp,
    own_authority: bool,
}

/// Whether the registry may be spoken to without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlainHttp {
    Never,
    /// The task says `insecure`.
    Asked,
    /// It is this machine, so that nothing goes over a line; Docker does the same.
    Loopback,
}

impl WayIn {
    pub(super) async fn new(
        builder: &ImageBuilder,
        action: &ActionContext,
        order: &Order,
    ) -> Result<Self, ActionError> {
        let server = order.image.server();
        let mut access = match &order.credential {
            Some(name) => {
                let credential = action.credential(name).await?;
                RegistryAccess::of_credential(name, &credential, server).map_err(|error| judged(&error))?
            }
            None => RegistryAccess::anonymous(),
        };
        let authority = builder.certificates.of(server).map_err(|error| {
            let message = format!("the certificates of authorities for {server} cannot be read: {error}");
            ActionError::infrastructure("badRegistryAuthority", message, "look at the files below certs.d")
        })?;
        let own_authority = authority.is_some();
        if let Some(pem) = authority {
            access = access.authorities(pem);
        }
        let plain_http = match order.publish {
            Publish::PushInsecure => PlainHttp::Asked,
            _ if is_loopback(server) => PlainHttp::Loopback,
            _ => PlainHttp::Never,
        };
        Ok(Self { access: access.patience(builder.patience), plain_http, own_authority })
    }

    /// User and password.
    pub(super) fn login(&self) -> Option<(&str, &str)> {
        self.access.login()
    }

    /// Whether a push may work that the Docker engine has refused for reasons of TLS.
    pub(super) fn knows_more_than_the_engine(&self) -> bool {
        self.own_authority || self.plain_http != PlainHttp::Never
    }

    /// The registry, spoken to as it can be.
    pub(super) async fn registry(&self, order: &Order) -> Result<Registry, RegistryError> {
        let server = order.image.server();
        let secure = Registry::new(server, self.access.clone())?;
        if self.plain_http == PlainHttp::Never {
            return Ok(secure);
        }
        match secure.test().await {
            Err(error) if error.fault() == RegistryFault::Tls => {
                Registry::new(server, self.access.clone().transport(Transport::PlainHttp))
            }
            _ => Ok(secure),
        }
    }
}

/// What the Docker engine pulls base images with.
pub(super) async fn pull_credentials(
    action: &ActionContext,
    order: &Order,
    way: &WayIn,
    recipe: &Recipe,
) -> Result<HashMap<String, DockerCredentials>, ActionError> {
    let mut credentials = HashMap::new();
    if let Some((user, password)) = way.login() {
        credentials.insert(order.image.server().to_owned(), credential(user, password));
    }
    for name in &recipe.pull_credentials {
        match action.credential(name).await? {
            Credential::Registry { server, user, password } => {
                credentials.insert(server, credential(&user, password.expose()));
            }
            other => {
                let message = format!("the credential {name:?} is of the kind {}", other.kind().as_str());
                let advice = "name one of the kind registry in `pullCredentials`, which says for which registry it is";
                return Err(ActionError::failed("badRegistryCredential", message, advice));
            }
        }
    }
    Ok(credentials)
}

fn credential(user: &str, password: &str) -> DockerCredentials {
    let (username, password) = (Some(user.to_owned()), Some(password.to_owned()));
    DockerCredentials { username, password, ..DockerCredentials::default() }
}

/// What is wrong at a registry, for the run.
pub(super) fn judged(error: &RegistryError) -> ActionError {
    if error.is_transient() {
        ActionError::infrastructure(error.code(), error.message(), error.advice())
    } else {
        ActionError::failed(error.code(), error.message(), error.advice())
    }
}

fn is_loopback(server: &str) -> bool {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
