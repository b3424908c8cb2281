//! A Docker engine as a place for steps and for the building of images, as data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::action::ImageBuilder;
use crate::engine::EngineBuilder;
use crate::error::Result;
use crate::executor::{DockerEndpoint, DockerExecutor, HelperImage};
use crate::pipeline::HumanDuration;
use crate::registry::Certificates;
use crate::secret::SecretText;
use crate::wire::{ContainerPolicyOptions, bad_option};

/// Where a Docker engine listens.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EndpointOptions {
    /// `unix:///path/of/a/socket` (on Windows a named pipe, `npipe:////./pipe/docker_engine`) or `tcp://HOST:PORT`. What the environment says when it is left out.
    pub endpoint: Option<String>,
    /// The folder with `ca.pem`, `cert.pem` and `key.pem`, for TLS.
    pub certificates: Option<PathBuf>,
}

impl EndpointOptions {
    fn resolve(self) -> Result<DockerEndpoint> {
        let Some(text) = self.endpoint else { return Ok(DockerEndpoint::Environment) };
        DockerEndpoint::parse(&text, self.certificates).map_err(|written| {
            let message = format!("{text:?} is no endpoint here; write {written}");
            bad_option("endpoint".to_owned(), message, "open")
        })
    }
}

/// What a [`DockerExecutor`] is told. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DockerOptions {
    /// See [`EndpointOptions::endpoint`].
    pub endpoint: Option<String>,
    /// See [`EndpointOptions::certificates`].
    pub certificates: Option<PathBuf>,
    /// An image with a static busybox, or the path of one, which is absolute. See [`DockerExecutor::helper`].
    pub helper: Option<String>,
    /// See [`DockerExecutor::policy`].
    pub policy: Option<ContainerPolicyOptions>,
    /// Who one is at registries, by their host and port. See [`DockerExecutor::login`].
    pub logins: BTreeMap<String, LoginOptions>,
}

/// A user at a registry.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginOptions {
    /// The user.
    pub user: String,
    /// The password.
    pub password: SecretText,
}

impl DockerOptions {
    /// Registers an executor that was told all of it; its installation is that of the data directory.
    ///
    /// # Errors
    /// `badOption` for an endpoint that is none.
    pub fn register(self, builder: EngineBuilder, name: impl Into<String>) -> Result<EngineBuilder> {
        let Self { endpoint, certificates, helper, policy, logins } = self;
        let endpoint = EndpointOptions { endpoint, certificates }.resolve()?;
        let helper = match helper {
            Some(text) => HelperImage::of_text(text),
            None => HelperImage::of_environment(),
        };
        Ok(builder.executor_with(name, move |folder, clock| {
            let executor = DockerExecutor::kept_in(endpoint, folder.join("installation"), clock).helper(helper);
            let executor = match policy {
                Some(policy) => executor.policy(policy.into()),
                None => executor,
            };
            let logins = logins.into_iter();
            Ok(logins.fold(executor, |executor, (server, LoginOptions { user, password })| {
                executor.login(&server, &user, password)
            }))
        }))
    }
}

/// What an [`ImageBuilder`] is told.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ImageOptions {
    /// See [`EndpointOptions::endpoint`].
    pub endpoint: Option<String>,
    /// See [`EndpointOptions::certificates`].
    pub certificates: Option<PathBuf>,
    /// Folders with the certificates of registries' authorities. See [`Certificates::in_folders`].
    pub registry_certificates: Option<Vec<PathBuf>>,
    /// See [`ImageBuilder::patience`].
    pub patience: Option<HumanDuration>,
}

impl ImageOptions {
    /// The builder of images.
    ///
    /// # Errors
    /// `badOption` for an endpoint that is none.
    pub fn builder(self) -> Result<ImageBuilder> {
        let Self { endpoint, certificates, registry_certificates, patience } = self;
        let builder = ImageBuilder::at(EndpointOptions { endpoint, certificates }.resolve()?);
        let builder = match registry_certificates {
            Some(folders) => builder.certificates(Certificates::in_folders(folders)),
            None => builder,
        };
        Ok(match patience {
            Some(patience) => builder.patience(patience.get()),
            None => builder,
        })
    }
}
