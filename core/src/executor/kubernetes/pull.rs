//! Secrets by which the cluster fetches private images, made of the credentials that definitions name.
//!
//! Each belongs to its run's owner and goes with it. The pod of a run names those that its definition may need, also before they
//! are there: they are made when the first step comes that brings its credential.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::convert::{Site, owned_by};
use super::names::Kind;
use super::reach::is_missing;
use super::shape::Shape;
use super::{Shared, workspace_lost};
use crate::executor::{ExecutorError, StepContainer, StepSecrets, StepSpec};
use crate::pipeline::CredentialName;
use crate::run::RunId;
use crate::secret::Credential;

/// The registry of names without one, as nodes look for it.
const HUB: &str = "https://index.docker.io/v1/";
/// Who applies the secrets.
const MANAGER: &str = "windlass";
/// In the data of a run's owner, before its name: a secret of the run.
const SECRET: &str = "secret-";

/// An image that is fetched with a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pull<'a> {
    image: &'a str,
    credential: &'a CredentialName,
}

/// The images of a step that are fetched with credentials.
pub(super) fn pulls<'a>(image: &'a str, container: &'a StepContainer) -> Vec<Pull<'a>> {
    let own = container.options.credential.as_ref().map(|credential| Pull { image, credential });
    let services = container.services.iter();
    let beside =
        services.filter_map(|service| Some(Pull { image: &service.image, credential: service.credential.as_ref()? }));
    own.into_iter().chain(beside).collect()
}

/// The image of a shape, when it is fetched with a credential.
pub(super) fn pull_of(shape: &Shape) -> Option<Pull<'_>> {
    let credential = shape.options.credential.as_ref()?;
    Some(Pull { image: &shape.image, credential })
}

impl Pull<'_> {
    /// The name of the secret, which all images of a registry that are fetched with this credential share.
    pub(super) fn secret(&self, site: &Site<'_>) -> String {
        site.names.pull_secret(site.run, &format!("{}@{}", self.credential, registry(self.image)))
    }

    /// The secret.
    pub(super) fn object(&self, site: &Site<'_>, owner: &str, secrets: &StepSecrets) -> Result<Secret, ExecutorError> {
        let (user, password) = self.login(secrets)?;
        let auth = STANDARD.encode(format!("{user}:{password}"));
        let entry = json!({ "username": user, "password": password, "auth": auth });
        let config = json!({ "auths": { registry(self.image): entry } }).to_string();
        Ok(Secret {
            metadata: ObjectMeta {
                name: Some(self.secret(site)),
                labels: Some(site.names.labels(site.run, Kind::Pull)),
                owner_references: Some(vec![owned_by(site.names, site.run, owner)]),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
            data: Some(BTreeMap::from([(".dockerconfigjson".to_owned(), ByteString(config.into_bytes()))])),
            ..Secret::default()
        })
    }

    fn login<'a>(&self, secrets: &'a StepSecrets) -> Result<(&'a str, &'a str), ExecutorError> {
        let (name, image) = (self.credential.as_str(), self.image);
        let bad = |why: String, advice: &str| ExecutorError::BadStep {
            code: "badRegistryCredential",
            message: format!("fetching the image {image}: the credential {name:?} {why}"),
            advice: advice.to_owned(),
        };
        let registry = registry(image);
        match secrets.pulls.get(name) {
            None => Err(bad("was not given to the step".to_owned(), "please report it")),
            Some(Credential::UserPassword { user, password }) => Ok((user, password.expose())),
            Some(Credential::Token { token }) => Ok(("token", token.expose())),
            Some(Credential::Registry { server, user, password }) if is_same(server, registry) => {
                Ok((user, password.expose()))
            }
            Some(Credential::Registry { server, .. }) => Err(bad(
                format!("is for the registry {server}, and not for {registry}"),
                "name a credential of the registry from which the image comes",
            )),
            Some(other) => Err(bad(
                format!("is of the kind {}, which opens no registry", other.kind().as_str()),
                "name one of the kind `registry`, `userPassword` or `token`",
            )),
        }
    }
}

/// The part of an image's name that is a host.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => HUB,
    }
}

/// Whether a registry as people write it is this one.
fn is_same(written: &str, registry: &str) -> bool {
    let plain = |name: &str| {
        let name = name.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        match name.trim_end_matches("/v1").trim_end_matches("/v2") {
            "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io".to_owned(),
            other => other.to_ascii_lowercase(),
        }
    };
    plain(written) == plain(registry)
}

/// Whether the pod may fetch images with this secret.
pub(super) fn names_secret(pod: &Pod, secret: &str) -> bool {
    let named = pod.spec.as_ref().and_then(|spec| spec.image_pull_secrets.as_ref());
    named.into_iter().flatten().any(|named| named.name == secret)
}

impl Shared {
    /// Makes the secrets with which the images of a step are fetched, or gives them the credentials of now.
    pub(super) async fn make_pull_secrets(&self, step: &StepSpec, shape: &Shape) -> Result<(), ExecutorError> {
        let pulls = pulls(&shape.image, &step.container);
        if pulls.is_empty() {
            return Ok(());
        }
        let run = step.key.run;
        let gone = || workspace_lost(run, "nothing of it is left in the cluster");
        let owner = self.owner(run).await?.ok_or_else(gone)?;
        let site = self.site(run, step.generation)?;
        let uid = owner.metadata.uid.unwrap_or_default();
        for pull in pulls {
            let (name, secret) = (pull.secret(&site), pull.object(&site, &uid, &step.secrets)?);
            self.note_of(run, &format!("{SECRET}{name}"), "yes").await?;
            let parameters = PatchParams::apply(MANAGER).force();
            if let Err(error) = self.way.secrets().await?.patch(&name, &parameters, &Patch::Apply(&secret)).await {
                let doing = format!("making the secret with which the image {} is fetched", pull.image);
                return Err(self.way.error(&doing, &error).await);
            }
        }
        Ok(())
    }

    /// Removes the secrets of a run of which only the workspace is kept.
    pub(super) async fn remove_pull_secrets(&self, run: RunId) -> Result<(), ExecutorError> {
        let data = self.owner(run).await?.and_then(|owner| owner.data).unwrap_or_default();
        for name in data.keys().filter_map(|key| key.strip_prefix(SECRET)) {
            match self.way.secrets().await?.delete(name, &DeleteParams::default()).await {
                Err(error) if !is_missing(&error) => {
                    return Err(self.way.error("removing a secret for private images", &error).await);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_the_same_however_they_are_written() {
        assert_eq!(registry("debian:12"), HUB);
        assert_eq!(registry("127.0.0.1:5000/app"), "127.0.0.1:5000");
        for written in ["docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"] {
            assert!(is_same(written, HUB), "{written}");
        }
        assert!(is_same("https://Registry.example.com/", "registry.example.com"));
        assert!(!is_same("registry.example.com", "registry.example.com:5000"));
    }
}
